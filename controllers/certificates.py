"""CertificateSigningRequests: a kubelet's first one is approved when a bootstrap token asks for it, and its next ones when it asks
itself; its serving certificate when it asks itself, for names that are its own and nobody else's (servingnames.py). Whatever is
approved, by this or by a person, is signed with the cluster's CA.

What a signer does not sign (upstream's rules) becomes Failed, with the reason.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controllers.servingnames import ServingNames, told_by
from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from kubeapi.generated.models.core_v1 import Node, Service
from kubeapi.generated.models.discovery_v1 import EndpointSlice
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory

CLIENT, KUBELET, SERVING = (f"kubernetes.io/{name}" for name in ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving"))
CLIENT_AUTH, SERVER_AUTH = "client auth", "server auth"
PLAIN_USAGES = {"digital signature", "key encipherment"}
PURPOSES = {CLIENT_AUTH: ExtendedKeyUsageOID.CLIENT_AUTH, SERVER_AUTH: ExtendedKeyUsageOID.SERVER_AUTH}
NODES, NODE_PREFIX, BOOTSTRAPPERS = "system:nodes", "system:node:", "system:bootstrappers"
LIFETIME = timedelta(days=365)
BACKDATED = timedelta(minutes=5)
TOLD = {KUBELET: "Auto approving kubelet client certificate after SubjectAccessReview.",
        SERVING: "Auto approving kubelet serving certificate: its names and addresses are the node's own."}


@dataclass(frozen=True, slots=True)
class Signer:
    """The cluster's CA."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @classmethod
    def load(cls, certificate: str, key: str) -> Self:
        """Raises OSError, or ValueError where they are no such files."""
        found = serialization.load_pem_private_key(Path(key).read_bytes(), None)
        if not isinstance(found, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError(f"{key}: neither an RSA nor an elliptic curve key")
        return cls(x509.load_pem_x509_certificate(Path(certificate).read_bytes()), found)

    def sign(self, request: x509.CertificateSigningRequest, usages: Sequence[str], seconds: int | None, world: World) -> bytes:
        now = world.now()
        until = min(now + (timedelta(seconds=seconds) if seconds else LIFETIME), self.certificate.not_valid_after_utc)
        builder = x509.CertificateBuilder(
            issuer_name=self.certificate.subject, subject_name=request.subject, public_key=request.public_key(),
            serial_number=x509.random_serial_number(), not_valid_before=now - BACKDATED, not_valid_after=until)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.KeyUsage(
            digital_signature="digital signature" in usages, key_encipherment="key encipherment" in usages, key_cert_sign=False, crl_sign=False,
            key_agreement=False, content_commitment=False, data_encipherment=False, encipher_only=False, decipher_only=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([PURPOSES[one] for one in usages if one in PURPOSES]), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        if names := _names(request):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _of_subject(request: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(one.value) for one in request.subject.get_attributes_for_oid(oid)]


def fault(csr: CertificateSigningRequest, request: x509.CertificateSigningRequest) -> str:
    """Why this signer does not sign it, or ""."""
    signer, usages = csr.spec.signer_name, set(csr.spec.usages)
    purpose = SERVER_AUTH if signer == SERVING else CLIENT_AUTH
    if purpose not in usages or not usages <= PLAIN_USAGES | {purpose}:
        return f'invalid usages: "{purpose}" with at most {", ".join(sorted(PLAIN_USAGES))}'
    organizations = _of_subject(request, NameOID.ORGANIZATION_NAME)
    if "system:masters" in organizations:
        return "the group system:masters is given to nobody"
    if signer == CLIENT:
        return ""
    names = _of_subject(request, NameOID.COMMON_NAME)
    if organizations != [NODES] or len(names) != 1 or not names[0].startswith(NODE_PREFIX):     # of several, who reads them takes one
        return f'a kubelet\'s subject is CN "{NODE_PREFIX}NAME" and O "{NODES}"'
    kinds = {type(one) for one in _names(request)}
    if signer == KUBELET and kinds:
        return "a client certificate has no alternative names"
    if signer == SERVING and (not kinds or not kinds <= {x509.DNSName, x509.IPAddress}):
        return "a serving certificate has alternative names, of hosts and addresses only"
    return ""


def is_approved_by_itself(csr: CertificateSigningRequest, request: x509.CertificateSigningRequest, names: ServingNames | None = None) -> bool:
    """A kubelet's certificate: for a client, asked for by a bootstrap token or by the kubelet that has it; for a server, by the latter."""
    own = [csr.spec.username] == _of_subject(request, NameOID.COMMON_NAME) and NODES in csr.spec.groups
    if fault(csr, request):
        return False
    if csr.spec.signer_name == SERVING:
        wanted = [str(one.value) for one in _names(request)]
        return own and names is not None and names.are_own(csr.spec.username.removeprefix(NODE_PREFIX), wanted)
    return csr.spec.signer_name == KUBELET and (BOOTSTRAPPERS in csr.spec.groups or own)


class CertificateReconciler:
    def __init__(self, client: Client, requests: Informer[CertificateSigningRequest], signer: Signer, world: World = REAL_WORLD,
                 names: ServingNames | None = None) -> None:
        self._api = client.resource(CertificateSigningRequest)
        self._requests, self._signer, self._world, self._names = requests, signer, world, names

    async def reconcile(self, key: ObjectKey) -> Result:
        csr = self._requests.get(key)
        if csr is None or csr.status.certificate or csr.spec.signer_name not in (CLIENT, KUBELET, SERVING):
            return DONE
        conditions = {one.type for one in csr.status.conditions}
        if conditions & {"Denied", "Failed"}:
            return DONE
        try:
            request = x509.load_pem_x509_csr(csr.spec.request)
            await self._step(csr, request, is_approved="Approved" in conditions)
        except (Conflict, NotFound):
            return DONE         # somebody was faster: its next event tells
        return DONE

    async def _step(self, csr: CertificateSigningRequest, request: x509.CertificateSigningRequest, *, is_approved: bool) -> None:
        if not is_approved:
            if is_approved_by_itself(csr, request, self._names):
                await self._api.update(self._with(csr, "Approved", "AutoApproved", TOLD[csr.spec.signer_name]), "approval")
        elif why := fault(csr, request):
            await self._api.update_status(self._with(csr, "Failed", "SignerValidationFailure", why))
        else:
            certificate = self._signer.sign(request, csr.spec.usages, csr.spec.expiration_seconds, self._world)
            await self._api.update_status(csr.evolve(status=csr.status.evolve(certificate=certificate)))

    def _with(self, csr: CertificateSigningRequest, type: str, reason: str, message: str) -> CertificateSigningRequest:
        now = self._world.now().replace(microsecond=0)
        added = CertificateSigningRequestCondition(type=type, status="True", reason=reason, message=message, last_update_time=now,
                                                   last_transition_time=now)
        return csr.evolve(status=csr.status.evolve(conditions=(*csr.status.conditions, added)))


def certificate_controller(client: Client, factory: InformerFactory, signer: Signer, servers: Iterable[str] = (),
                           world: World = REAL_WORLD) -> Controller:
    requests = factory.informer(CertificateSigningRequest)
    nodes, services, slices = factory.informer(Node), factory.informer(Service), factory.informer(EndpointSlice)
    names = ServingNames(nodes, services, slices, servers)
    controller = Controller("csrsigning", CertificateReconciler(client, requests, signer, world, names), workers=1)

    def asked_by(node: Node) -> list[ObjectKey]:
        """What it has asked for before its addresses were known."""
        return [ObjectKey("", one.metadata.name) for one in requests.list()
                if one.spec.username == NODE_PREFIX + node.metadata.name and not one.status.conditions]

    def node_came(node: Node) -> None:
        for key in asked_by(node):
            controller.queue.add(key)

    def node_changed(old: Node, new: Node) -> None:
        """A kubelet writes its node often; only its addresses count."""
        if told_by(old) != told_by(new):
            node_came(new)

    nodes.add_handler(node_came, node_changed)
    for informer in (nodes, services, slices):
        controller.waits_for(informer)
    return controller.watches(requests, lambda one: [ObjectKey("", one.metadata.name)])
