"""Who decides about requests for certificates: rights on `signers`, by the signer's name or its domain."""
from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apiserver.admission.certificates import CertificateApproval, CertificateSigning, CertificateSubjectRestriction
from apiserver.auth.authorization import Authorization
from apiserver.auth.rbac import RbacAuthorizer
from apiserver.registry.attributes import Attributes, Document
from kubeapi import errors
from kubeapi.catalog import by_plural
from tests.unit.apiserver.auth.stored import Stored, a_binding, a_role, a_rule

GROUP = "certificates.k8s.io"
RESOURCE = by_plural(GROUP, "certificatesigningrequests")
SIGNER, CLIENT = "example.com/serving", "kubernetes.io/kube-apiserver-client"
APPROVED = {"conditions": [{"type": "Approved", "status": "True"}]}
CLUSTER = [one for verb in ("approve", "sign") for user, names in (("one", SIGNER), ("domain", "example.com/*"), ("other", "example.com/else")) for one in (
    a_role(f"{verb}-{user}", a_rule(verb, "signers", GROUP, names=names)), a_binding(f"{verb}-{user}", f"{verb}-{user}", f"User/{verb}-{user}"))]


def a_request(signer: str = SIGNER, status: Document | None = None, organization: str = "devs") -> Document:
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    request = x509.CertificateSigningRequestBuilder(subject).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    encoded = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    return {"metadata": {"name": "r"}, "spec": {"signerName": signer, "request": encoded, "usages": ["client auth"]}, "status": status or {}}


def refusal(operation: Any, subresource: str, new: Document, old: Document | None = None, user: str = "jane", groups: tuple[str, ...] = ()) -> str:
    """Why not, or ""."""
    async def at_once() -> None:
        return None

    async def look() -> None:
        authorization = Authorization(("RBAC",), {"RBAC": RbacAuthorizer(Stored(*CLUSTER).stores)}, at_once)
        attributes = Attributes(operation, RESOURCE, "", "r", subresource, new, old, user, groups)
        for plugin in (CertificateApproval(authorization), CertificateSigning(authorization), CertificateSubjectRestriction()):
            await plugin.validate(attributes)

    try:
        asyncio.run(look())
    except errors.Forbidden as error:
        assert error.message.startswith('certificatesigningrequests.certificates.k8s.io "r" is forbidden: ')
        return error.message.partition(" is forbidden: ")[2]
    return ""


@pytest.mark.parametrize(("verb", "subresource", "decision"), [
    ("approve", "approval", APPROVED), ("sign", "status", {"certificate": "QQ=="}), ("sign", "status", {"conditions": [{"type": "Failed", "status": "True"}]})],
    ids=["approve", "sign", "fail"])
@pytest.mark.parametrize(("user", "groups", "may"), [
    ("one", (), True), ("domain", (), True), ("other", (), False), ("nobody", (), False), ("admin", ("system:masters",), True)],
    ids=["of the signer", "of its domain", "of another signer", "nobody", "of masters"])
def test_a_decision_needs_the_right_for_the_signer(verb: str, subresource: str, decision: Document, user: str, groups: tuple[str, ...], may: bool) -> None:
    why = refusal("UPDATE", subresource, a_request(status=decision), a_request(), f"{verb}-{user}", groups)
    assert why == ("" if may else f'user not permitted to {verb} requests with signerName "{SIGNER}"')


def test_to_approve_is_not_to_sign_nor_the_other_way_round() -> None:
    assert refusal("UPDATE", "status", a_request(status={"certificate": "QQ=="}), a_request(), "approve-one")
    assert refusal("UPDATE", "approval", a_request(status=APPROVED), a_request(), "sign-one")


def test_the_stored_request_s_signer_counts() -> None:
    assert refusal("UPDATE", "approval", a_request(SIGNER, APPROVED), a_request("example.org/secret"), "approve-one")


def test_what_decides_nothing_needs_no_right() -> None:
    old = a_request(status=APPROVED)
    assert refusal("UPDATE", "status", {**old, "metadata": {"name": "r", "labels": {"a": "b"}}}, old) == ""
    assert refusal("UPDATE", "", {**old, "metadata": {"name": "r", "labels": {"a": "b"}}}, old) == ""


@pytest.mark.parametrize(("signer", "organization", "why"), [
    (CLIENT, "system:masters", "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"),
    (CLIENT, "devs", ""), (SIGNER, "system:masters", "")], ids=["masters", "others", "another signer"])
def test_nobody_asks_to_become_a_master(signer: str, organization: str, why: str) -> None:
    assert refusal("CREATE", "", a_request(signer, organization=organization), groups=("system:masters",)) == why
