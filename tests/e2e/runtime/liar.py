"""A registry that answers as a test wants: lies, redirects, cuts, drips and hangs."""
from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.runtime.registry import OCI_MANIFEST, digest

Document = dict[str, Any]


@dataclass
class Asked:
    """One request: its path below /v2/, and its headers in small letters."""

    path: str
    headers: Mapping[str, str]
    handler: BaseHTTPRequestHandler

    def answer(self, code: int, data: bytes = b"{}", length: int | None = None, **headers: str) -> None:
        """`length`: what is said of it."""
        self.handler.send_response(code)
        for name, value in {"Content-Length": str(len(data) if length is None else length), **headers}.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()
        with suppress(OSError):
            self.handler.wfile.write(data)

    def cut(self) -> None:
        self.handler.close_connection = True


@dataclass
class Liar:
    """`answers` match the beginning of a path; without one of them it tells the truth about `content`."""

    name: str
    stopped: threading.Event
    content: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Callable[[Asked], None]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def image(self) -> str:
        return f"{self.name}/bad:1"

    def add(self, data: bytes) -> Document:
        self.content[f"bad/blobs/{digest(data)}"] = data
        return {"digest": digest(data), "size": len(data)}

    def add_manifest(self, document: Any, tag: str = "1") -> Document:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        for name in (tag, digest(data)):
            self.content[f"bad/manifests/{name}"] = data
        return {"digest": digest(data), "size": len(data), "mediaType": OCI_MANIFEST}

    def image_of(self, *layers: bytes, compress: Callable[[bytes], bytes] = gzip.compress, config: Document | None = None) -> Document:
        """The manifest of an honest image."""
        blobs = [self.add(compress(one)) for one in layers]
        text = {"config": config or {}, "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]}}
        return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": self.add(json.dumps(text).encode()), "layers": blobs}

    def handle(self, asked: Asked) -> None:
        self.asked.append(asked)
        for start, answer in self.answers.items():
            if re.match(start, asked.path):
                return answer(asked)
        data = self.content.get(asked.path)
        return asked.answer(404) if data is None else asked.answer(200, data)

    def answer_part(self, asked: Asked, most: int) -> None:
        """From where it is asked for, and the connection is cut after `most` bytes."""
        offset = int(asked.headers.get("range", "bytes=0-")[6:-1])
        rest = self.content[asked.path][offset:]
        extra = {"Content_Range": f"bytes {offset}-{offset + len(rest) - 1}/{offset + len(rest)}"} if offset else {}
        asked.answer(206 if offset else 200, rest[:most], len(rest), **extra)
        asked.cut()

    def hang(self, asked: Asked) -> None:
        self.stopped.wait(60)
        asked.cut()

    def drip(self, asked: Asked) -> None:
        """Some bytes now and then, for ever."""
        asked.answer(200, b"{", 1 << 20)
        with suppress(OSError):
            while not self.stopped.wait(0.1):
                asked.handler.wfile.write(b" ")
        asked.cut()


@contextmanager
def lying_registry() -> Iterator[Liar]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            liar.handle(Asked(self.path.removeprefix("/v2/"), {name.lower(): value for name, value in self.headers.items()}, self))

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Who is lied to goes away."""

    server = Server(("127.0.0.1", 0), Handler)
    liar = Liar(f"127.0.0.1:{server.server_port}", threading.Event())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield liar
    finally:
        liar.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
