"""The REST client: documents in, documents out, failures as StatusError in the server's words."""
from __future__ import annotations

import json
import sys

from kubectl import credentials
from kubectl.errors import StatusError
from kubectl.http1 import Connection, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.http1 import Headers, Response
    from kubectl.kubeconfig import ClientConfig

JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
STRATEGIC_MERGE, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")


def quote(text: str) -> str:
    """Percent-encoding of one path segment or query value (urllib.parse takes 14 ms to import)."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode(errors="surrogateescape"))


def query_of(parameters: dict[str, Any]) -> str:
    """`?a=b&c=d`; parameters without a value are left out, a list is repeated."""
    pairs = [(name, item) for name, value in parameters.items() if value not in (None, "", False)
             for item in (value if isinstance(value, list) else [value])]
    if not pairs:
        return ""
    return "?" + "&".join(f"{name}={quote('true' if item is True else str(item))}" for name, item in pairs)


class Client:
    """One API server as one user."""

    def __init__(self, config: ClientConfig, timeout_seconds: float | None = None, field_manager: str = "kubectl") -> None:
        self.config, self.field_manager, self.timeout_seconds = config, field_manager, timeout_seconds
        scheme, _, rest = config.server.partition("://")
        authority, slash, prefix = rest.partition("/")
        self.origin, self.prefix = f"{scheme}://{authority}", slash + prefix
        self._user = credentials.with_plugin(config.user)
        self._headers: Headers = {"User-Agent": "kubectl/v1.36.0 (picokube)", **credentials.headers_of(self._user)}
        self.connection = self.connect()
        self._warned: set[str] = set()

    def connect(self) -> Connection:
        """A further connection, for streams that live beside other requests."""
        return Connection(self.origin, self.config.cluster, self._user, self.timeout_seconds)

    def headers(self, accept: str = JSON) -> Headers:
        return {**self._headers, "Accept": accept}

    def request(self, method: str, path: str, parameters: dict[str, Any] | None = None, body: Any = None, *,
                accept: str = JSON, content_type: str = JSON) -> Document:
        """One document for another. Raises StatusError."""
        response = self.open(method, path, parameters, body, accept=accept, content_type=content_type)
        return _document(response.read(), response.status)

    def open(self, method: str, path: str, parameters: dict[str, Any] | None = None, body: Any = None, *,
             accept: str = JSON, content_type: str = JSON, connection: Connection | None = None) -> Response:
        """Like request, but the answer's body is left to be read. Raises StatusError."""
        headers = self.headers(accept)
        data = b""
        if body is not None:
            headers["Content-Type"] = content_type
            data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        target = self.prefix + path + query_of(parameters or {})
        response = (connection or self.connection).request(method, target, headers, data)
        self._warn(response.warnings)
        if response.status >= 400:
            raise StatusError(status_of(response.read(), response.status))
        return response

    def get(self, path: str, parameters: dict[str, Any] | None = None, accept: str = JSON) -> Document:
        return self.request("GET", path, parameters, accept=accept)

    def text(self, path: str, parameters: dict[str, Any] | None = None) -> str:
        return self.open("GET", path, parameters, accept="*/*").read().decode("utf-8", "replace")

    def watch(self, path: str, parameters: dict[str, Any], accept: str = JSON) -> Iterator[Document]:
        """Watch events until the server ends the stream."""
        with self.connect() as connection:
            pending = b""
            response = self.open("GET", path, {**parameters, "watch": True}, accept=accept, connection=connection)
            chunks = response.chunks()
            while True:
                try:
                    chunk = next(chunks, b"")
                except TimedOut:
                    return                        # --request-timeout ends a watch as its end would
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line.strip())

    def _warn(self, warnings: list[str]) -> None:
        for warning in warnings:
            text = warning.partition('"')[2].rpartition('"')[0].replace('\\"', '"') or warning
            if text not in self._warned:
                self._warned.add(text)
                print(f"Warning: {text}", file=sys.stderr)


def _document(data: bytes, status: int) -> Document:
    try:
        document = json.loads(data)
    except ValueError:
        raise StatusError(status_of(data, status)) from None
    if not isinstance(document, dict):
        raise StatusError(status_of(data, status))
    return document


_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 409: "Conflict",
            410: "Gone", 413: "RequestEntityTooLarge", 415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests",
            500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


def status_of(data: bytes, code: int) -> Document:
    """The Status in an error's body, or one made from what there is."""
    try:
        document = json.loads(data)
        if isinstance(document, dict) and document.get("kind") == "Status":
            return document
    except ValueError:
        pass
    text = data.decode("utf-8", "replace").strip()
    message = {404: "the server could not find the requested resource", 401: "the server has asked for the client to provide credentials",
               405: "the server does not allow this method on the requested resource"}.get(code)
    return {"kind": "Status", "status": "Failure", "code": code, "reason": _REASONS.get(code, ""),
            "message": message or text or "the server rejected our request for an unknown reason"}
