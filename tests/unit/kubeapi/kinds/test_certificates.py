"""CertificateSigningRequests: what is asked for, what /approval decides and what /status may say."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubeapi.kinds.certificatesigningrequest import CertificateSigningRequestStrategy
from kubeapi.world import World
from tests.conformance.documents import CERTIFICATE_REQUEST
from tests.unit.kubeapi.kinds.tables import cells, columns, faults

Document = dict[str, Any]
GROUP, KIND = "certificates.k8s.io", "CertificateSigningRequest"
NOW = "2026-01-01T00:00:00Z"


class At(World):
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def a_request(*conditions: Document, certificate: str = "", **spec: Any) -> Document:
    return {"spec": {"request": CERTIFICATE_REQUEST, "signerName": "example.com/x", "usages": ["client auth"], **spec},
            "status": {"conditions": [dict(each) for each in conditions], **({"certificate": certificate} if certificate else {})}}


APPROVED: Document = {"type": "Approved", "status": "True"}
DENIED: Document = {"type": "Denied", "status": "True"}
STAMPED = {"lastUpdateTime": NOW, "lastTransitionTime": NOW}


@pytest.mark.parametrize(("given", "expected"), [
    (a_request(), []), (a_request(signerName="kubernetes.io/kube-apiserver-client", expirationSeconds=600), []),
    (a_request(request="LS0t"), ['spec.request: Invalid value: "LS0t": PEM block type must be CERTIFICATE REQUEST']),
    (a_request(usages=[]), ["spec.usages: Required value"]),
    (a_request(usages=["client auth", "client auth"], expirationSeconds=5), [
        'spec.usages[1]: Duplicate value: "client auth"', "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 minutes)"]),
    (a_request(signerName=""), ["spec.signerName: Required value"]),
    (a_request(signerName="x"), ["spec.signerName: Invalid value: \"x\": must be a fully qualified domain and path of the form 'example.com/signer-name'"]),
    (a_request(signerName="kubernetes.io/legacy-unknown"),
     ['spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version']),
], ids=["good", "client", "request", "usages", "duplicate", "no signer", "signer", "legacy"])
def test_requests(given: Document, expected: list[str]) -> None:
    assert faults(GROUP, KIND, given) == expected


def test_an_unknown_usage_is_told_with_all_known_ones() -> None:
    (fault,) = faults(GROUP, KIND, a_request(usages=["fun"]))
    assert fault.startswith('spec.usages[0]: Unsupported value: "fun": supported values: "any", "cert sign", "client auth"')


def approve(new: Document, old: Document) -> list[str]:
    strategy = CertificateSigningRequestStrategy(At())
    strategy.prepare_for_approval(new, old)
    return [str(fault) for fault in strategy.validate_approval(new, old)]


def test_approval_changes_conditions_only() -> None:
    new = a_request(APPROVED, certificate="eA==")
    assert approve(new, a_request()) == []
    assert new["status"] == {"conditions": [{**APPROVED, **STAMPED}]}


@pytest.mark.parametrize(("new", "old", "expected"), [
    (a_request(APPROVED, DENIED), a_request(), ['status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive']),
    (a_request(), a_request(APPROVED), ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"']),
    (a_request({"type": "Approved", "status": "False"}), a_request(), ['status.conditions[0].status: Unsupported value: "False": supported values: "True"']),
    (a_request(APPROVED, APPROVED), a_request(), ['status.conditions[1].type: Duplicate value: "Approved"']),
], ids=["both", "removed", "status", "twice"])
def test_approvals(new: Document, old: Document, expected: list[str]) -> None:
    assert approve(new, old) == expected


@pytest.mark.parametrize(("new", "old", "expected"), [
    (a_request({"type": "Failed", "status": "True"}), a_request(), []),
    (a_request(APPROVED), a_request(), ['status.conditions: Forbidden: updates may not add a condition of type "Approved"']),
    (a_request(certificate="eA=="), a_request(), ['status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block']),
    (a_request(), a_request(certificate="eA=="), ["status.certificate: Forbidden: updates may not modify existing certificate content"]),
], ids=["failed", "approval", "no certificate", "removed"])
def test_statuses(new: Document, old: Document, expected: list[str]) -> None:
    strategy = CertificateSigningRequestStrategy(At())
    strategy.prepare_for_status_update(new, old)
    assert [str(fault) for fault in strategy.validate_status_update(new, old)] == expected


def test_what_is_asked_for_never_changes() -> None:
    new, old = a_request(usages=["any"]), a_request()
    CertificateSigningRequestStrategy(At()).prepare_for_update(new, old)
    assert new["spec"] == old["spec"]


@pytest.mark.parametrize(("given", "shown"), [
    (a_request(), "Pending"), (a_request(APPROVED), "Approved"), (a_request(APPROVED, certificate="eA=="), "Approved,Issued"),
    (a_request(DENIED), "Denied"), (a_request(APPROVED, {"type": "Failed", "status": "True"}), "Approved,Failed")],
    ids=["pending", "approved", "issued", "denied", "failed"])
def test_rows(given: Document, shown: str) -> None:
    assert columns(GROUP, KIND) == "Name, Age, SignerName, Requestor, RequestedDuration, Condition"
    given["spec"] |= {"username": "u", "expirationSeconds": 3600}
    assert cells(GROUP, KIND, given) == ["a", "60m", "example.com/x", "u", "60m", shown]
