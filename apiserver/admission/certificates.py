"""Who may decide about requests for certificates: `approve` and `sign` are granted by signer, on the resource `signers`.

    CertificateApproval             writing /approval needs `approve` for the request's signer, or for its domain/*
    CertificateSigning              a certificate or conditions in /status need `sign`
    CertificateSubjectRestriction   nobody becomes system:masters by the signer of the API server's clients

Upstream: plugin/pkg/admission/certificates.
"""
from __future__ import annotations

import base64
import binascii
from typing import ClassVar

from apiserver.auth.access import MASTERS, Access
from apiserver.auth.authorization import Authorization
from apiserver.auth.user import User
from apiserver.registry.attributes import Attributes, Document, Plugin
from kubeapi import errors

GROUP, PLURAL = "certificates.k8s.io", "certificatesigningrequests"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


class CertificateApproval(Plugin):
    name: ClassVar[str] = "CertificateApproval"

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation == "UPDATE" and attributes.is_for(GROUP, PLURAL, "approval"):
            await _require(self._authorization, attributes, "approve")


class CertificateSigning(Plugin):
    name: ClassVar[str] = "CertificateSigning"

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation != "UPDATE" or not attributes.is_for(GROUP, PLURAL, "status"):
            return
        if _issued(attributes.obj) != _issued(attributes.old):
            await _require(self._authorization, attributes, "sign")


class CertificateSubjectRestriction(Plugin):
    name: ClassVar[str] = "CertificateSubjectRestriction"

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for(GROUP, PLURAL) or attributes.obj is None:
            return
        spec = attributes.obj.get("spec") or {}
        if spec.get("signerName") == CLIENT_SIGNER and MASTERS in _organizations(attributes, spec.get("request") or ""):
            raise _forbidden(attributes, f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


async def _require(authorization: Authorization, attributes: Attributes, verb: str) -> None:
    """The signer is that of the stored request: whatever the update says of it, it does not change. Raises Forbidden."""
    assert attributes.old is not None
    signer, user = attributes.old["spec"].get("signerName", ""), User(attributes.user, tuple(attributes.groups))
    for name in (signer, signer.partition("/")[0] + "/*"):
        if (await authorization.verdict(Access(user, verb, GROUP, "signers", name=name))).allowed:
            return
    raise _forbidden(attributes, f'user not permitted to {verb} requests with signerName "{signer}"')


def _issued(request: Document | None) -> tuple[str, list[Document]]:
    status = (request or {}).get("status") or {}
    return status.get("certificate") or "", status.get("conditions") or []


def _organizations(attributes: Attributes, request: str) -> list[str]:
    """Raises Forbidden for what is no request."""
    from cryptography import x509
    try:
        subject = x509.load_pem_x509_csr(base64.b64decode(request)).subject
    except (ValueError, binascii.Error) as error:
        raise _forbidden(attributes, f"failed to parse CSR: {error}") from error
    return [str(one.value) for one in subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)]


def _forbidden(attributes: Attributes, why: str) -> errors.Forbidden:
    return errors.forbidden(PLURAL, GROUP, attributes.name, why)
