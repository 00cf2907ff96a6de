"""HTTP/1.1 over one socket: enough for one API server and one user, and nothing that takes long to import.

A Connection sends one request at a time and keeps the socket for the next; a Response is read whole or as chunks while
they arrive. http.client would cost 20 ms of every command's start.
"""
from __future__ import annotations

import socket

from kubectl import credentials
from kubectl.errors import CommandError, ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from types import TracebackType

    from kubeapi.resource import Document

    Headers = dict[str, str | list[str]]          # a list is sent as one line per item

_RECEIVE_BYTES = 256 * 1024
_CONNECT_SECONDS = 30.0


class Stale(Exception):
    """The server closed a kept connection before it answered: try once more on a new one."""


class TimedOut(ConnectionFailed):
    """Nothing came within --request-timeout."""


class Connection:
    """A connection to the server of *url* (`https://host:port`), opened when first used."""

    def __init__(self, url: str, cluster: Document, user: Document, timeout_seconds: float | None = None) -> None:
        scheme, _, rest = url.partition("://")
        self.secure = scheme == "https"
        self.authority = rest.split("/")[0]
        self.host, self.port = _address(self.authority, self.secure)
        self.cluster, self.user, self.timeout_seconds = cluster, user, timeout_seconds
        self.socket: socket.socket | None = None
        self.buffer = b""

    def open(self) -> socket.socket:
        """The connected socket; TLS is ready. Raises ConnectionFailed."""
        if self.socket is None:
            try:
                plain = socket.create_connection((self.host, self.port), timeout=self.timeout_seconds or _CONNECT_SECONDS)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.socket = self._tls(plain) if self.secure else plain
                self.socket.settimeout(self.timeout_seconds)
            except ConnectionRefusedError:
                raise ConnectionFailed(f"The connection to the server {self.authority} was refused - "
                                       "did you specify the right host or port?") from None
            except OSError as error:
                raise ConnectionFailed(f"Unable to connect to the server: {self._reason(error)}") from None
        return self.socket

    def _reason(self, error: OSError) -> str:
        if isinstance(error, TimeoutError):
            return f"dial tcp {self.authority}: i/o timeout"
        if isinstance(error, socket.gaierror):
            return f"dial tcp: lookup {self.host}: no such host"
        verification = getattr(error, "verify_message", "")
        if verification:
            return f"tls: failed to verify certificate: x509: {verification}"
        return f"dial tcp {self.authority}: connect: {(error.strerror or str(error)).lower()}"

    def _tls(self, plain: socket.socket) -> ssl.SSLSocket:
        return _context(self.cluster, self.user).wrap_socket(plain, server_hostname=self.cluster.get("tls-server-name") or self.host)

    def send(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        """Write one request."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.authority}"]
        for name, value in headers.items():
            for one in [value] if isinstance(value, str) else value:
                if not one.isprintable():
                    raise CommandError(f'net/http: invalid header field value for "{name}"')
                lines.append(f"{name}: {one}")
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        kept = self.socket is not None
        try:
            self.open().sendall("\r\n".join([*lines, "", ""]).encode() + body)
        except OSError as error:
            self.close()
            if kept:
                raise Stale from None
            # The server may have answered and closed early (a body too large): read what it said.
            raise ConnectionFailed(f"Unable to connect to the server: {error}") from None

    def more(self) -> bytes:
        """The next bytes, b"" at the end of the stream."""
        if self.buffer:
            data, self.buffer = self.buffer, b""
            return data
        try:
            return self.open().recv(_RECEIVE_BYTES)
        except TimeoutError:
            raise TimedOut("Unable to connect to the server: net/http: request canceled "
                                   "(Client.Timeout exceeded while awaiting headers)") from None
        except ConnectionResetError:
            return b""
        except OSError as error:
            raise ConnectionFailed(f"Unable to connect to the server: {error}") from None

    def request(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Response:
        """Send and read the answer's head; a kept connection that turns out closed is opened anew, once."""
        try:
            self.send(method, target, headers, body)
            return Response(self)
        except Stale:
            self.close()
            self.send(method, target, headers, body)
        try:
            return Response(self)
        except Stale:
            raise ConnectionFailed("Unable to connect to the server: EOF") from None

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self.buffer = None, b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Response:
    """An answer: status and headers are read, the body comes by `read` or `chunks`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        head = connection.buffer
        while (end := head.find(b"\r\n\r\n")) < 0:
            connection.buffer = b""
            data = connection.more()
            if not data:
                raise Stale
            head += data
        connection.buffer = head[end + 4:]
        first, *lines = head[:end].decode("latin-1").split("\r\n")
        _, code, *reason = first.split(" ", 2)
        self.status, self.reason = int(code), "".join(reason)
        self.headers: dict[str, str] = {}
        self.warnings: list[str] = []
        for line in lines:
            name, _, value = line.partition(":")
            if name.lower() == "warning":
                self.warnings.append(value.strip())
            self.headers[name.lower()] = value.strip()

    def chunks(self) -> Iterator[bytes]:
        """The body while it arrives."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunked()
        elif "content-length" in self.headers:
            yield from self._exactly(int(self.headers["content-length"]))
        elif self.status != 204:
            while data := self.connection.more():
                yield data
            self.connection.close()
        if self.headers.get("connection", "").lower() == "close":
            self.connection.close()

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            data = self.connection.more()
            if not data:
                raise ConnectionFailed("Unable to connect to the server: unexpected EOF")
            self.connection.buffer = data[size:]
            yield data[:size]
            size -= len(data)

    def _line(self) -> bytes:
        data = b""
        while (end := data.find(b"\r\n")) < 0:
            more = self.connection.more()
            if not more:
                raise ConnectionFailed("error: unexpected EOF")
            data += more
        self.connection.buffer = data[end + 2:]
        return data[:end]

    def _chunked(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield from self._exactly(size)
            self._line()
        while self._line():
            pass


def _address(authority: str, secure: bool) -> tuple[str, int]:
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        host, port = authority, "443" if secure else "80"
    try:
        return host.strip("[]"), int(port)
    except ValueError:
        raise CommandError(f'invalid port "{port}" in "{authority}"') from None


def _context(cluster: Document, user: Document) -> ssl.SSLContext:
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority = credentials.pem(cluster, "certificate-authority")
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif authority:
        context.load_verify_locations(cadata=authority.decode())
    else:
        context.load_default_certs()
    certificate, key = credentials.pem(user, "client-certificate"), credentials.pem(user, "client-key")
    if certificate and key:
        _load_chain(context, certificate + b"\n" + key)
    return context


def _load_chain(context: ssl.SSLContext, chain: bytes) -> None:
    """OpenSSL reads certificate and key from a file only: one in memory, without a name."""
    import os
    import ssl
    descriptor = os.memfd_create("client")
    try:
        os.write(descriptor, chain)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as error:
        raise CommandError(f"tls: failed to read the client certificate or key: {error.reason}") from None
    finally:
        os.close(descriptor)
