"""Both transports: over real sockets with TLS and client certificates, and in process over ASGI."""
from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubeapi.generated.models.core_v1 import Pod
from kubeclient.client import Client
from kubeclient.kubeconfig import ClientConfig
from kubeclient.sockets import SocketTransport
from kubeclient.transport import AsgiTransport, Request, TransportError, read_all
from tests.unit.kubeclient.objects import a_pod

Message = MutableMapping[str, Any]
BEFORE, AFTER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def an_identity(name: str, issuer: Identity | None = None) -> Identity:
    """A CA where nobody issues it; all are valid for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer is not None else key
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(BEFORE).not_valid_after(AFTER - timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.KeyUsage(*([True] + [False] * 4 + [issuer is None] * 2 + [False] * 2)), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(signer, hashes.SHA256()))
    return Identity(certificate, key)


CA, STRANGER = an_identity("ca"), an_identity("stranger")
SERVER, ADMIN = an_identity("server", CA), an_identity("admin", CA)


async def _answer(request: web.Request) -> web.StreamResponse:
    if "watch" in request.query:
        response = web.StreamResponse()
        await response.prepare(request)
        for version in (1, 2):
            pod = a_pod().to_wire()
            pod["metadata"]["resourceVersion"] = str(version)
            line = Pod.from_wire(pod).model_dump_json(by_alias=True, exclude_defaults=True)
            half = len(line) // 2
            await response.write(f'{{"type":"MODIFIED","object":{line[:half]}'.encode())
            await response.write(f"{line[half:]}}}\n".encode())
        return response
    if "break" in request.query:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"some")
        assert request.transport is not None
        request.transport.abort()
        return response
    certificate = request.get_extra_info("peercert") or {}
    name = dict(pair for part in certificate.get("subject", ()) for pair in part).get("commonName", "")
    return web.json_response({"user": name, "authorization": request.headers.get("Authorization", ""),
                              "agent": request.headers.get("User-Agent", ""), "path": request.raw_path, "body": await request.text()})


@asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[ClientConfig]:
    """A TLS server that asks for a client certificate; the config to reach it as admin."""
    for name, content in (("tls", SERVER.certificate_pem + SERVER.key_pem), ("ca", CA.certificate_pem)):
        (directory / name).write_bytes(content)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca"))
    tls.load_cert_chain(directory / "tls")
    tls.verify_mode = ssl.CERT_OPTIONAL
    runner = web.AppRunner(_app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield ClientConfig(f"https://127.0.0.1:{runner.addresses[0][1]}", CA.certificate_pem, ADMIN.certificate_pem, ADMIN.key_pem)
    finally:
        await runner.cleanup()


def _app() -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _answer)
    return app


def over_sockets(directory: Path, scenario: Callable[[ClientConfig, list[SocketTransport]], Awaitable[None]]) -> None:
    async def whole() -> None:
        opened: list[SocketTransport] = []
        async with serving(directory) as config:
            try:
                async with asyncio.timeout(30):
                    await scenario(config, opened)
            finally:
                for transport in opened:
                    await transport.aclose()
                await asyncio.sleep(0)
    asyncio.run(whole())


def test_the_client_certificate_says_who_we_are(tmp_path: Path) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(config))
        answer = await Client(opened[0], "me/1").request("POST", "/a%2Fb?c=d%20e", {"x": 1})
        assert answer == {"user": "admin", "authorization": "", "agent": "me/1", "path": "/a%2Fb?c=d%20e", "body": '{"x":1}'}
    over_sockets(tmp_path, scenario)


def test_or_the_token_does(tmp_path: Path) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(replace(config, client_certificate_data=b"", client_key_data=b"", token="secret")))
        answer = await Client(opened[0]).request("GET", "/")
        assert (answer["user"], answer["authorization"]) == ("", "Bearer secret")
    over_sockets(tmp_path, scenario)


@pytest.mark.parametrize("change", [
    pytest.param({"ca_data": STRANGER.certificate_pem}, id="signed by another"),
    pytest.param({"tls_server_name": "elsewhere"}, id="for another name"),
])
def test_a_server_that_cannot_prove_itself_is_not_spoken_to(tmp_path: Path, change: dict[str, Any]) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(replace(config, **change)))
        with pytest.raises(TransportError, match="certificate verify failed"):
            await Client(opened[0]).request("GET", "/")
    over_sockets(tmp_path, scenario)


def test_unless_told_not_to_look(tmp_path: Path) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(replace(config, ca_data=b"", insecure_skip_tls_verify=True)))
        assert (await Client(opened[0]).request("GET", "/"))["user"] == "admin"
    over_sockets(tmp_path, scenario)


def test_a_watch_streams_lines_however_they_are_cut(tmp_path: Path) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(config))
        async with Client(opened[0]).resource(Pod).watch() as events:
            assert [event.resource_version async for event in events] == ["1", "2"]
    over_sockets(tmp_path, scenario)


def test_a_connection_that_breaks_is_an_error_and_not_an_end(tmp_path: Path) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(config))
        async with opened[0].open(Request("GET", "/?break=1")) as response:
            with pytest.raises(TransportError):
                await read_all(response)
    over_sockets(tmp_path, scenario)


def test_nobody_there_is_a_transport_error(tmp_path: Path) -> None:
    async def scenario(config: ClientConfig, opened: list[SocketTransport]) -> None:
        opened.append(SocketTransport(replace(config, server="https://127.0.0.1:1")))
        with pytest.raises(TransportError, match="127.0.0.1:1"):
            await Client(opened[0]).request("GET", "/")
    over_sockets(tmp_path, scenario)


def test_the_asgi_transport_streams_and_tells_when_the_client_has_gone() -> None:
    gone = []

    async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a/b", b"/a%2Fb", b"q=1")
        assert (await receive())["body"] == b"hello"
        await send({"type": "http.response.start", "status": 201, "headers": [(b"X-One", b"1")]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        try:
            gone.append((await receive())["type"])
        except asyncio.CancelledError:
            gone.append("cancelled")
            raise

    async def scenario() -> None:
        async with AsgiTransport(app).open(Request("POST", "/a%2Fb?q=1", {}, b"hello")) as response:
            assert (response.status, response.headers["x-one"]) == (201, "1")
            assert await anext(response.chunks()) == b"first"
    asyncio.run(scenario())
    assert len(gone) == 1
