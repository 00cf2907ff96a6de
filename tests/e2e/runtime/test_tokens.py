"""A registry that wants a token from elsewhere first, as Docker Hub does."""
from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from kubelet.cri import CriError, RegistryAuth
from kubelet.images import ImageStore
from tests.e2e.runtime.registry import OCI_MANIFEST, digest, layer, running_registry
from tests.e2e.runtime.tokenserver import TokenServer, running_token_server

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

FILES = layer({"file": b"x"})
BLOB = gzip.compress(FILES)
CONFIG = json.dumps({"config": {}, "rootfs": {"diff_ids": [digest(FILES)]}}).encode()
MANIFEST = json.dumps({"mediaType": OCI_MANIFEST, "config": {"digest": digest(CONFIG), "size": len(CONFIG)},
                       "layers": [{"digest": digest(BLOB), "size": len(BLOB)}]}).encode()
CONTENT = {"manifests/1": MANIFEST, f"blobs/{digest(CONFIG)}": CONFIG, f"blobs/{digest(BLOB)}": BLOB}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *, is_private: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.is_private, self.tokens_asked = is_private, 0
        self.name = f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/token":
            self.answer_token(parse_qs(url.query))
        elif self.headers.get("Authorization") != "Bearer good":
            challenge = f'Bearer realm="http://{self.server.name}/token",service="test",scope="repository:some/app:pull"'
            self.answer(401, b"{}", {"WWW-Authenticate": challenge})
        else:
            data = CONTENT.get(url.path.removeprefix("/v2/some/app/"))
            self.answer(200 if data else 404, data or b"{}", {})

    def answer_token(self, query: dict[str, list[str]]) -> None:
        assert query == {"service": ["test"], "scope": ["repository:some/app:pull"]}
        self.server.tokens_asked += 1
        expected = "Basic " + base64.b64encode(b"user:password").decode()
        allowed = not self.server.is_private or self.headers.get("Authorization") == expected
        self.answer(200 if allowed else 401, b'{"token": "good"}' if allowed else b"{}", {})

    def answer(self, code: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(params=[False, True], ids=["public", "private"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    found = Server(is_private=request.param)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


def test_a_token_is_fetched_once(server: Server, tmp_path: Path) -> None:
    async def scene() -> None:
        store = ImageStore(tmp_path)
        image = await store.pull(f"{server.name}/some/app:1", [RegistryAuth("user", "password")])
        assert image.id == digest(CONFIG) and server.tokens_asked == 1
    asyncio.run(scene())


def test_without_credentials(server: Server, tmp_path: Path) -> None:
    async def scene() -> None:
        store = ImageStore(tmp_path)
        if server.is_private:
            with pytest.raises(CriError, match="authorization failed"):
                await store.pull(f"{server.name}/some/app:1")
        else:
            assert (await store.pull(f"{server.name}/some/app:1")).repo_tags
    asyncio.run(scene())


@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="needs docker-registry")
@pytest.mark.parametrize(("auths", "is_let_in"), [
    pytest.param((), False, id="anonymous"),
    pytest.param((RegistryAuth("user", "wrong"),), False, id="wrong"),
    pytest.param((RegistryAuth("user", "password"),), True, id="right"),
    pytest.param((RegistryAuth("user", "wrong"), RegistryAuth("user", "password")), True, id="second-one-fits"),
    pytest.param((RegistryAuth(registry_token="TOKEN"),), True, id="a-token-at-once"),
])
def test_a_real_registry_with_a_token_server(tmp_path: Path, auths: tuple[RegistryAuth, ...], is_let_in: bool) -> None:
    async def scene(tokens: TokenServer, name: str) -> None:
        store = ImageStore(tmp_path / "images")
        given = [replace(one, registry_token=tokens.token("team/app", "pull")) if one.registry_token else one for one in auths]
        if is_let_in:
            assert (await store.pull(name, given)).repo_tags == (name,)
            return
        with pytest.raises(CriError, match="authorization failed"):
            await store.pull(name, given)

    with running_token_server(tmp_path / "tokens") as tokens, running_registry(
            tmp_path / "registry", auth=tokens.registry_config, token=tokens.token("team/app", "pull", "push")) as registry:
        registry.push("team/app", "1", [FILES])
        asyncio.run(scene(tokens, f"{registry.name}/team/app:1"))
        assert all(scope == "repository:team/app:pull" for scope, _ in tokens.asked)
