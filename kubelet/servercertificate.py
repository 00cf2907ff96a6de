"""The kubelet's serving certificate, asked of the cluster (--rotate-server-certificates): by a CertificateSigningRequest for the node's
own name and address, and again when four fifths of its life are over.

It lies with its key in one file, which is replaced whole. Who denies the request, or never looks at it, is asked again, ever later.
"""
from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubeapi.errors import ApiStatusError
from kubeapi.generated.models.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestSpec
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client

log = logging.getLogger(__name__)
SIGNER = "kubernetes.io/kubelet-serving"
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 2.0, 300.0
ANSWER_SECONDS = 900                # then somebody else may be asked, by another request
USED_PART = 0.8


class Refused(Exception):
    """Nobody signs it."""


@dataclass(frozen=True, slots=True)
class Names:
    node: str
    address: str

    @property
    def alternatives(self) -> x509.SubjectAlternativeName:
        return x509.SubjectAlternativeName([x509.DNSName(self.node), x509.IPAddress(ipaddress.ip_address(self.address))])

    @property
    def subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
                          x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{self.node}")])


class ServerCertificate:
    def __init__(self, client: Client, path: Path, ca_file: str, names: Names, world: World = REAL_WORLD) -> None:
        self._api = client.resource(CertificateSigningRequest)
        self.path, self._ca_file, self._names, self._world = path, ca_file, names, world

    async def run(self, use: Callable[[], None]) -> None:
        """Calls `use` whenever a certificate has come; runs until cancelled."""
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            if (left := self._seconds_of_use()) > 0:
                use()
                backoff = FIRST_BACKOFF_SECONDS
                await asyncio.sleep(left)
            try:
                await self._renew()
            except (ApiStatusError, ConnectionError, TimeoutError, Refused) as error:
                log.warning("no serving certificate yet: %s", error)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)

    def _seconds_of_use(self) -> float:
        """How long what lies here is good; 0 where it is for other names, of another CA, or not there."""
        try:
            certificate = x509.load_pem_x509_certificate(self.path.read_bytes())
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(Path(self._ca_file).read_bytes()))
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return 0.0
        if names != self._names.alternatives:
            return 0.0
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        return (certificate.not_valid_before_utc + life * USED_PART - self._world.now()).total_seconds()

    async def _renew(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateSigningRequestBuilder(self._names.subject).add_extension(self._names.alternatives, critical=False)
        request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        made = await self._api.create(CertificateSigningRequest(metadata=ObjectMeta(generate_name="csr-"), spec=CertificateSigningRequestSpec(
            request=request, signer_name=SIGNER, usages=("digital signature", "server auth"))))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                certificate = await self._answer(made.metadata.name)
        except TimeoutError:
            raise Refused(f"nobody has approved the request {made.metadata.name}") from None
        _write(self.path, certificate + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                          serialization.NoEncryption()))

    async def _answer(self, name: str) -> bytes:
        while True:
            async with self._api.watch(field_selector=f"metadata.name={name}", timeout_seconds=ANSWER_SECONDS) as events:
                async for event in events:
                    if event.type == "DELETED":
                        raise Refused(f"the request {name} was deleted")
                    if event.type in ("ADDED", "MODIFIED") and (certificate := _signed(event.object)):
                        return certificate


def _signed(csr: CertificateSigningRequest) -> bytes:
    for one in csr.status.conditions:
        if one.type in ("Denied", "Failed"):
            raise Refused(f"the request {csr.metadata.name} is {one.type.lower()}: {one.reason}: {one.message}")
    return csr.status.certificate


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
