"""Validation of CertificateSigningRequests: a signed request, known usages, and conditions that only /approval may decide."""
from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_subdomain_faults, path_segment_faults

Document = dict[str, Any]
DECISIONS = ("Approved", "Denied")
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_USAGES = ("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
           "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
           "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping")


def validate_request(csr: Document) -> list[FieldError]:
    spec = csr.get("spec") or {}
    usages, signer, seconds = spec.get("usages") or [], spec.get("signerName", ""), spec.get("expirationSeconds")
    wrong = _request_fault(spec.get("request") or "")
    faults = [invalid("spec.request", spec.get("request", ""), wrong)] if wrong else []
    if not usages:
        faults.append(required("spec.usages"))
    faults += [not_supported(f"spec.usages[{index}]", usage, _USAGES) for index, usage in enumerate(usages) if usage not in _USAGES]
    faults += [duplicate(f"spec.usages[{index}]", usage) for index, usage in enumerate(usages) if usage in usages[:index]]
    faults += _signer(signer, "spec.signerName")
    if seconds is not None and seconds < 600:
        faults.append(invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"))
    return faults


def _request_fault(text: str) -> str:
    from cryptography import x509
    try:
        raw = base64.b64decode(text)
        if b"-----BEGIN CERTIFICATE REQUEST-----" not in raw:
            return "PEM block type must be CERTIFICATE REQUEST"
        request = x509.load_pem_x509_csr(raw)
        return "" if request.is_signature_valid else "x509: the signature of the request is wrong"
    except Exception as error:      # the parser has many, some of them its own
        return f"asn1: structure error: {error}"


def _signer(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    if name == LEGACY_SIGNER:
        return [invalid(path, name, "the legacy signerName is not allowed via this API version")]
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")]
    faults = [invalid(path, domain, fault) for fault in dns1123_subdomain_faults(domain)]
    if domain.count(".") < 1:
        faults.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    return faults + [invalid(path, name, fault) for part in rest.split(".") for fault in (
        dns1123_subdomain_faults(part) if part else path_segment_faults(part) or ["must have at least one segment"])]


def validate_request_conditions(conditions: list[Document]) -> list[FieldError]:
    path = "status.conditions"
    faults: list[FieldError] = []
    seen: list[str] = []
    for index, each in enumerate(conditions):
        type, status = each.get("type", ""), each.get("status", "")
        allowed = ("True",) if type in (*DECISIONS, "Failed") else ("False", "True", "Unknown")
        if not type:
            faults.append(required(f"{path}[{index}].type"))
        if not status:
            faults.append(required(f"{path}[{index}].status"))
        elif status not in allowed:
            faults.append(not_supported(f"{path}[{index}].status", status, allowed))
        if type in DECISIONS and any(other in seen for other in DECISIONS if other != type):
            faults.append(invalid(path, type, "Approved and Denied conditions are mutually exclusive"))
        if type in seen:
            faults.append(duplicate(f"{path}[{index}].type", type))
        seen.append(type)
    return faults


def validate_request_status(new: Document, old: Document, *, may_decide: bool, may_issue: bool) -> list[FieldError]:
    after, before = new.get("status") or {}, old.get("status") or {}
    faults = validate_request_conditions(after.get("conditions") or [])
    if after.get("certificate") != before.get("certificate") and (wrong := _certificate_fault(after.get("certificate") or "")):
        faults.append(invalid("status.certificate", "<certificate data>", wrong))
    faults += _kept(after.get("conditions") or [], before.get("conditions") or [], may_decide)
    if (after.get("certificate") or "") != (before.get("certificate") or ""):
        if not may_issue:
            faults.append(forbidden("status.certificate", "updates may not set certificate content"))
        elif before.get("certificate"):
            faults.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return faults


def _kept(after: list[Document], before: list[Document], may_decide: bool) -> Iterator[FieldError]:
    for type in (*DECISIONS, "Failed"):
        new, old = ([each for each in conditions if each.get("type") == type] for conditions in (after, before))
        if len(new) < len(old):
            yield forbidden("status.conditions", f'updates may not remove a condition of type "{type}"')
        elif type in DECISIONS and not may_decide and new != old:
            what = "add" if len(new) > len(old) else "modify"
            yield forbidden("status.conditions", f'updates may not {what} a condition of type "{type}"')


def _certificate_fault(text: str) -> str:
    from cryptography import x509
    if not text:
        return ""
    try:
        raw = base64.b64decode(text)
        if b"-----BEGIN CERTIFICATE-----" not in raw:
            return "must contain at least one CERTIFICATE PEM block"
        x509.load_pem_x509_certificates(raw)
    except Exception as error:
        return f"asn1: structure error: {error}"
    return ""
