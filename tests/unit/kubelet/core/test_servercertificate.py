"""The certificate that a kubelet serves with: when it is asked for, and when again."""
from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509

from controllers.certificates import Signer
from kubeapi.generated.models.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from kubeclient.testing import FakeClient
from kubelet.servercertificate import Names, ServerCertificate
from picokube.certificates import Authority
from tests.virtualtime import VirtualWorld, run

DAY = 24 * 3600.0


class Scene:
    """Where requests are answered by hand."""

    def __init__(self, directory: Path) -> None:
        self.world = VirtualWorld()
        self.client = FakeClient(world=self.world)
        Authority(directory, self.world)
        self.signer = Signer.load(f"{directory}/ca.crt", f"{directory}/ca.key")
        self.directory, self.uses = directory, 0

    @asynccontextmanager
    async def running(self, address: str = "192.0.2.11") -> AsyncIterator[ServerCertificate]:
        certificate = ServerCertificate(self.client, self.directory / "node" / "server.pem", f"{self.directory}/ca.crt", Names("n1", address), self.world)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(certificate.run(self._use))
            await asyncio.sleep(1)
            yield certificate
            task.cancel()

    def _use(self) -> None:
        self.uses += 1

    def requests(self) -> list[CertificateSigningRequest]:
        return self.client.all(CertificateSigningRequest)

    async def sign(self, seconds: int = int(10 * DAY)) -> None:
        csr = self.requests()[-1]
        signed = self.signer.sign(x509.load_pem_x509_csr(csr.spec.request), csr.spec.usages, seconds, self.world)
        self.client.add(csr.evolve(status=csr.status.evolve(certificate=signed)))
        await asyncio.sleep(1)

    async def deny(self) -> None:
        csr = self.requests()[-1]
        denied = CertificateSigningRequestCondition(type="Denied", status="True", reason="No", message="never")
        self.client.add(csr.evolve(status=csr.status.evolve(conditions=(denied,))))
        await asyncio.sleep(1)


def test_it_is_asked_for_under_the_nodes_name_and_address(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    async def scenario() -> None:
        async with scene.running() as certificate:
            csr, = scene.requests()
            assert (csr.spec.signer_name, csr.spec.usages) == ("kubernetes.io/kubelet-serving", ("digital signature", "server auth"))
            request = x509.load_pem_x509_csr(csr.spec.request)
            assert request.subject.rfc4514_string() == "CN=system:node:n1,O=system:nodes"
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert [str(one.value) for one in names] == ["n1", "192.0.2.11"]
            assert scene.uses == 0
            await scene.sign()
            assert scene.uses == 1
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate.path)
            assert certificate.path.stat().st_mode & 0o777 == 0o600

    run(scenario())


def test_it_is_asked_for_again_when_four_fifths_of_its_life_are_over(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    async def scenario() -> None:
        async with scene.running():
            await scene.sign()
            await asyncio.sleep(7.9 * DAY)
            assert len(scene.requests()) == 1
            await asyncio.sleep(0.1 * DAY)
            assert len(scene.requests()) == 2
            await scene.sign()
            assert scene.uses == 2

    run(scenario())


def test_what_is_good_is_used_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    async def scenario() -> None:
        async with scene.running():
            await scene.sign()
        async with scene.running():
            assert (scene.uses, len(scene.requests())) == (2, 1)
        async with scene.running("192.0.2.12"):
            assert (scene.uses, len(scene.requests())) == (2, 2)

    run(scenario())


def test_who_denies_it_is_asked_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    async def scenario() -> None:
        async with scene.running():
            await scene.deny()
            await asyncio.sleep(10)
            assert len(scene.requests()) == 2
            await scene.sign()
            assert scene.uses == 1

    run(scenario())
