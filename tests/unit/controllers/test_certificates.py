"""CertificateSigningRequests: who gets a certificate by asking, who needs a person's word, and what is never signed."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from controllers.certificates import CLIENT, KUBELET, SERVING, CertificateReconciler, Signer, certificate_controller
from kubeapi.generated.models.certificates_v1 import (
    CertificateSigningRequest,
    CertificateSigningRequestCondition,
    CertificateSigningRequestSpec,
    CertificateSigningRequestStatus,
)
from kubeapi.generated.models.core_v1 import Node, Service
from kubeapi.generated.models.discovery_v1 import EndpointSlice
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import ObjectKey
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient
from picokube.certificates import Authority
from tests.virtualtime import VirtualWorld, run, settle

BOOTSTRAP: dict[str, Any] = {"username": "system:bootstrap:abcdef", "groups": ("system:bootstrappers", "system:authenticated")}
NODE: dict[str, Any] = {"username": "system:node:n1", "groups": ("system:nodes", "system:authenticated")}
OTHER: dict[str, Any] = {"username": "system:node:n2", "groups": ("system:nodes", "system:authenticated")}
PERSON: dict[str, Any] = {"username": "jane", "groups": ("system:authenticated",)}
CLIENT_USAGES, SERVER_USAGES = ("digital signature", "client auth"), ("digital signature", "server auth")


def a_request(name: str = "system:node:n1", organization: str = "system:nodes", hosts: tuple[str, ...] = (), also: str = "") -> bytes:
    common = [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in (name, also) if one]
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), *common])
    builder = x509.CertificateSigningRequestBuilder(subject)
    if hosts:
        names: list[x509.GeneralName] = [x509.IPAddress(ip_address(one)) if one[0].isdigit() or ":" in one else x509.DNSName(one) for one in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def a_csr(request: bytes | None = None, *, signer: str = KUBELET, usages: tuple[str, ...] = CLIENT_USAGES, condition: str = "",
          seconds: int | None = None, **requester: Any) -> CertificateSigningRequest:
    spec = CertificateSigningRequestSpec(request=request or a_request(), signer_name=signer, usages=usages, expiration_seconds=seconds,
                                         **(requester or BOOTSTRAP))
    conditions = (CertificateSigningRequestCondition(type=condition, status="True"),) if condition else ()
    return CertificateSigningRequest(metadata=ObjectMeta(name="c"), spec=spec, status=CertificateSigningRequestStatus(conditions=conditions))


def reconciled(tmp_path: Path, csr: CertificateSigningRequest, times: int = 1) -> tuple[CertificateSigningRequestStatus, Signer, FakeClient]:
    world = VirtualWorld()
    Authority(tmp_path, world)
    signer = Signer.load(f"{tmp_path}/ca.crt", f"{tmp_path}/ca.key")
    client = FakeClient(csr, world=world)

    async def scenario() -> None:
        factory = InformerFactory(client)
        requests = factory.informer(CertificateSigningRequest)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(factory.run())
            await requests.wait_synced()
            for _ in range(times):
                await CertificateReconciler(client, requests, signer, world).reconcile(ObjectKey("", "c"))
                await settle()
            running.cancel()

    run(scenario())
    found = client.find(CertificateSigningRequest, "c")
    assert found is not None
    return found.status, signer, client


@pytest.mark.parametrize(("csr", "condition"), [
    pytest.param(a_csr(), "Approved", id="a bootstrap token for a node"),
    pytest.param(a_csr(**NODE), "Approved", id="a node for itself"),
    pytest.param(a_csr(**OTHER), "", id="a node for another"),
    pytest.param(a_csr(**PERSON), "", id="anybody else"),
    pytest.param(a_csr(a_request("kubernetes-admin", "system:masters")), "", id="a token that asks for everything"),
    pytest.param(a_csr(a_request(organization="system:masters")), "", id="a node of masters"),
    pytest.param(a_csr(a_request("system:node:n1", also="system:kube-controller-manager")), "", id="a node that is somebody else too"),
    pytest.param(a_csr(a_request(hosts=("kubernetes.default",))), "", id="a client with host names"),
    pytest.param(a_csr(usages=SERVER_USAGES), "", id="a client that wants to serve"),
    pytest.param(a_csr(usages=(*CLIENT_USAGES, "cert sign")), "", id="one that wants to sign"),
    pytest.param(a_csr(signer=CLIENT), "", id="another signer"),
    pytest.param(a_csr(condition="Denied"), "Denied", id="denied by a person"),
])
def test_who_is_approved_by_asking(tmp_path: Path, csr: CertificateSigningRequest, condition: str) -> None:
    status, _, _ = reconciled(tmp_path, csr)
    assert [one.type for one in status.conditions] == ([condition] if condition else [])
    assert status.certificate == b""


# --- serving certificates

def a_node(name: str, *addresses: str) -> Node:
    return Node.from_wire({"metadata": {"name": name}, "status": {"addresses": [{"type": "InternalIP", "address": one} for one in addresses]}})


API = (Service.from_wire({"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"]}}),
       EndpointSlice.from_wire({"metadata": {"name": "kubernetes", "namespace": "default"}, "addressType": "IPv4",
                                "endpoints": [{"addresses": ["192.0.2.1"]}]}))
NODES = (a_node("n1", "192.0.2.11", "fd00::11"), a_node("n2", "192.0.2.12"))


def serving(*hosts: str, of: str = "n1", **requester: Any) -> CertificateSigningRequest:
    return a_csr(a_request(f"system:node:{of}", hosts=hosts), signer=SERVING, usages=SERVER_USAGES, **(requester or NODE))


async def controlled(tmp_path: Path, client: FakeClient, world: VirtualWorld, act: Callable[[], Any] = lambda: None) -> CertificateSigningRequest:
    """By the whole controller; the API server is reached as api.example.com."""
    Authority(tmp_path, world)
    signer = Signer.load(f"{tmp_path}/ca.crt", f"{tmp_path}/ca.key")
    factory = InformerFactory(client)
    async with asyncio.TaskGroup() as group:
        controller = certificate_controller(client, factory, signer, ["api.example.com"], world)
        running = [group.create_task(factory.run()), group.create_task(controller.run())]
        await asyncio.sleep(5)
        act()
        await asyncio.sleep(5)
        for one in running:
            one.cancel()
    found = client.find(CertificateSigningRequest, "c")
    assert found is not None
    return found


@pytest.mark.parametrize(("csr", "nodes", "is_signed"), [
    pytest.param(serving("n1", "192.0.2.11"), NODES, True, id="its name and its address"),
    pytest.param(serving("N1", "fd00:0::11"), NODES, True, id="written in another way"),
    pytest.param(serving("n1", "192.0.2.12"), NODES, False, id="the address of another node"),
    pytest.param(serving("n1", "192.0.2.12"), (a_node("n1", "192.0.2.12"), NODES[1]), False, id="which it says is its own, too"),
    pytest.param(serving("n2"), NODES, False, id="the name of another node"),
    pytest.param(serving("n1", "192.0.2.99"), NODES, False, id="an address that nobody has told"),
    pytest.param(serving("192.0.2.1"), (a_node("n1", "192.0.2.1"),), False, id="the API server's address"),
    pytest.param(serving("10.96.0.1"), (a_node("n1", "10.96.0.1"),), False, id="the address of its Service"),
    pytest.param(serving("api.example.com"), (a_node("n1", "API.example.com"),), False, id="the name it is reached by"),
    pytest.param(serving("kubernetes.default.svc"), (a_node("n1", "kubernetes.default.svc"),), False, id="its name in the cluster"),
    pytest.param(serving("kubernetes.default.svc.a.b"), (a_node("n1", "kubernetes.default.svc.a.b"),), False, id="its name in any domain"),
    pytest.param(serving("127.0.0.1"), (a_node("n1", "127.0.0.1"),), False, id="what every machine calls itself"),
    pytest.param(serving("*.example.com"), (a_node("n1", "*.example.com"),), False, id="any name"),
    pytest.param(serving("n1", of="n1", **OTHER), NODES, False, id="asked for by another node"),
    pytest.param(serving("n1", of="n1", **BOOTSTRAP), NODES, False, id="asked for with a token"),
    pytest.param(serving("n1", of="n1", **PERSON), NODES, False, id="asked for by a person"),
    pytest.param(serving("n1"), (), False, id="of a node that is not registered"),
])
def test_a_node_may_serve_under_what_is_its_own(tmp_path: Path, csr: CertificateSigningRequest, nodes: tuple[Node, ...], is_signed: bool) -> None:
    world = VirtualWorld()
    found = run(controlled(tmp_path, FakeClient(csr, *nodes, *API, world=world), world))
    assert (bool(found.status.certificate), [one.type for one in found.status.conditions]) == (is_signed, ["Approved"] if is_signed else [])


def test_nobody_serves_before_it_is_known_who_the_api_server_is(tmp_path: Path) -> None:
    world = VirtualWorld()
    assert not run(controlled(tmp_path, FakeClient(serving("n1"), *NODES, world=world), world)).status.conditions


def test_a_request_that_came_before_its_node_told_its_address_is_approved_then(tmp_path: Path) -> None:
    world = VirtualWorld()
    client = FakeClient(serving("n1", "192.0.2.11"), a_node("n1"), *API, world=world)
    assert run(controlled(tmp_path, client, world, lambda: client.add(NODES[0]))).status.certificate


# --- signing

@pytest.mark.parametrize("csr", [
    pytest.param(a_csr(condition="Approved"), id="a kubelet's"),
    pytest.param(a_csr(a_request("jane", "developers"), signer=CLIENT, condition="Approved", **PERSON), id="a person's"),
    pytest.param(a_csr(a_request(hosts=("n1",)), signer=SERVING, usages=SERVER_USAGES, condition="Approved", **NODE), id="a kubelet's server"),
])
def test_what_is_approved_is_signed_as_it_was_asked_for(tmp_path: Path, csr: CertificateSigningRequest) -> None:
    status, signer, _ = reconciled(tmp_path, csr)
    certificate, request = x509.load_pem_x509_certificate(status.certificate), x509.load_pem_x509_csr(csr.spec.request)
    certificate.verify_directly_issued_by(signer.certificate)
    assert (certificate.subject, certificate.public_key()) == (request.subject, request.public_key())
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize("csr", [
    pytest.param(a_csr(a_request("a", "system:masters"), signer=CLIENT, condition="Approved"), id="for masters"),
    pytest.param(a_csr(a_request("jane", "x"), condition="Approved"), id="a kubelet of another name"),
    pytest.param(a_csr(usages=("client auth", "cert sign"), condition="Approved"), id="another usage"),
    pytest.param(a_csr(signer=SERVING, usages=SERVER_USAGES, condition="Approved"), id="a server without a name"),
])
def test_what_is_never_signed_fails_and_says_why(tmp_path: Path, csr: CertificateSigningRequest) -> None:
    status, _, _ = reconciled(tmp_path, csr)
    assert [(one.type, one.reason) for one in status.conditions if one.type != "Approved"] == [("Failed", "SignerValidationFailure")]
    assert status.certificate == b""


def test_a_certificate_ends_when_it_was_asked_to(tmp_path: Path) -> None:
    status, _, _ = reconciled(tmp_path, a_csr(seconds=3600, condition="Approved"))
    certificate = x509.load_pem_x509_certificate(status.certificate)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() == 3600 + 300


def test_others_signers_are_left_alone(tmp_path: Path) -> None:
    assert reconciled(tmp_path, a_csr(signer="example.com/mine", condition="Approved"))[2].actions == []


def test_first_it_is_approved_then_signed_then_left_alone(tmp_path: Path) -> None:
    status, _, client = reconciled(tmp_path, a_csr(), times=4)
    assert status.certificate
    assert [one.resource for one in client.actions] == ["certificatesigningrequests/approval", "certificatesigningrequests/status"]
