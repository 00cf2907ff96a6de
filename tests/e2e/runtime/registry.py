"""A real registry (Debian's docker-registry) on a port of this machine, and what pushes images of a few files to it."""
from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import platform
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

OCI_INDEX, OCI_MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# user "user", password "password"
HTPASSWD = "user:$2b$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu\n"
Content = bytes | str | None | tarfile.TarInfo


def layer(files: Mapping[str, Content]) -> bytes:
    """A tar: bytes are files, text is a symbolic link's target, None a directory, a TarInfo itself."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                member.size, member.mode = len(content), 0o755
                archive.addfile(member, io.BytesIO(content))
                continue
            if content is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            archive.addfile(member)
    return data.getvalue()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    def __init__(self, port: int, *, is_protected: bool = False, token: str = "") -> None:
        self.name = f"127.0.0.1:{port}"
        basic = base64.b64encode(b"user:password").decode()
        self._client = httpx.Client(base_url=f"http://{self.name}", timeout=30, trust_env=False,
                                    headers={"Authorization": f"Bearer {token}" if token else f"Basic {basic}"} if token or is_protected else {})

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self._client.get("/v2/")
            except httpx.TransportError:
                continue
            return
        raise TimeoutError("the registry does not answer")

    def push_blob(self, path: str, data: bytes) -> str:
        location = self._client.post(f"/v2/{path}/blobs/uploads/").raise_for_status().headers["location"]
        mark = "&" if "?" in location else "?"
        self._client.put(f"{location}{mark}digest={digest(data)}", content=data,
                         headers={"Content-Type": "application/octet-stream"}).raise_for_status()
        return digest(data)

    def push_manifest(self, path: str, tag: str, document: Mapping[str, Any], kind: str) -> str:
        data = json.dumps(document).encode()
        self._client.put(f"/v2/{path}/manifests/{tag}", content=data, headers={"Content-Type": kind}).raise_for_status()
        return digest(data)

    def push(self, path: str, tag: str, layers: Sequence[bytes], *, config: Mapping[str, Any] | None = None,
             kind: str = OCI_MANIFEST, compress: Any = gzip.compress, diff_ids: Sequence[str] = ()) -> str:
        """The manifest's digest."""
        blobs = [compress(one) for one in layers]
        document = json.dumps({"architecture": ARCHITECTURE, "os": "linux", "config": config or {}, "rootfs": {
            "type": "layers", "diff_ids": list(diff_ids) or [digest(one) for one in layers]}}).encode()
        manifest = {
            "schemaVersion": 2, "mediaType": kind,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": self.push_blob(path, document),
                       "size": len(document)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": self.push_blob(path, one),
                        "size": len(one)} for one in blobs]}
        return self.push_manifest(path, tag, manifest, kind)

    def push_index(self, path: str, tag: str, manifests: Mapping[str, str]) -> str:
        """`manifests`: architecture -> digest."""
        entries = [{"mediaType": OCI_MANIFEST, "digest": value, "size": 1, "platform": {"os": "linux", "architecture": name}}
                   for name, value in manifests.items()]
        return self.push_manifest(path, tag, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX)


@contextmanager
def running_registry(directory: Path, *, is_protected: bool = False, auth: str = "", token: str = "") -> Iterator[Registry]:
    """`auth`: of its configuration; `token`: what the test itself pushes with."""
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    (directory / "htpasswd").write_text(HTPASSWD)
    if is_protected:
        auth = f"auth: {{htpasswd: {{realm: test, path: {directory}/htpasswd}}}}\n"
    (directory / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {directory}/data}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: x}}\n{auth}")
    process = subprocess.Popen([str(shutil.which("docker-registry")), "serve", str(directory / "config.yml")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    registry = Registry(port, is_protected=is_protected, token=token)
    try:
        registry.wait()
        yield registry
    finally:
        registry._client.close()
        process.kill()
        process.wait(30)
