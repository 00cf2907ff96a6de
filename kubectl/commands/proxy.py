"""kubectl proxy: the API server on a local port, with our credentials put in; and files below a path of their own.

A thread per connection reads a request, sends it on over a connection of its own, and copies the answer as it comes. A
request must be for a host, a path and a method that the filters allow, or a web page anywhere could use the proxy.
"""
from __future__ import annotations

import os
import re
import socket
import sys
from threading import Thread

from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.http1 import Headers, Response
    from kubectl.session import Session

FLAGS = (Flag("port", "int", 8001, short="p", help="the port; 0: any"), Flag("address", default="127.0.0.1", help="the address"),
         Flag("unix-socket", short="u", help="a socket file instead of a port"), Flag("api-prefix", default="/", help="where the API is served"),
         Flag("www", short="w", help="a directory of files to serve, too"), Flag("www-prefix", default="/static/", short="P", help="where files are served"),
         Flag("accept-hosts", default=r"^localhost$,^127\.0\.0\.1$,^\[::1\]$", help="hosts to answer for (regular expressions)"),
         Flag("accept-paths", default="^.*", help="paths to answer for"), Flag("reject-methods", default="^$", help="methods to refuse"),
         Flag("reject-paths", default="^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach", help="paths to refuse"),
         Flag("disable-filter", "bool", help="answer everybody: dangerous"), Flag("append-server-path", "bool", help="accepted"),
         Flag("keepalive", "duration", help="accepted"))
_OWN = frozenset({"host", "connection", "authorization", "content-length", "transfer-encoding", "keep-alive", "proxy-connection", "upgrade", "expect"})
_MOST_HEAD = 64 * 1024


class _Filter:
    """Whether a request may pass."""

    def __init__(self, session: Session) -> None:
        flags = session.flags
        self._accepts_all = flags.on("disable-filter")
        self._hosts, self._paths, self._no_paths, self._no_methods = (
            _expressions(flags.text(name)) for name in ("accept-hosts", "accept-paths", "reject-paths", "reject-methods"))

    def passes(self, method: str, path: str, host: str) -> bool:
        if self._accepts_all:
            return True
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return (any(each.search(name) for each in self._hosts) and any(each.search(path) for each in self._paths)
                and not any(each.search(path) for each in self._no_paths) and not any(each.search(method) for each in self._no_methods))


def _expressions(text: str) -> list[re.Pattern[str]]:
    try:
        return [re.compile(each) for each in text.split(",")]
    except re.error as error:
        raise CommandError(f"error compiling {text}: {error}") from None


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if flags.text("unix-socket") and "port" in flags.given:
        raise CommandError("cannot set --unix-socket and --port at the same time")
    if flags.text("www") and not os.path.isdir(flags.text("www")):
        session.warn(f"Warning: the specified path \"{flags.text('www')}\" is not a directory")
    if flags.on("disable-filter"):
        session.warn("Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious")
    filter_ = _Filter(session)
    listener, name = _listener(session)
    session.out(f"Starting to serve on {name}\n")
    sys.stdout.flush()
    with listener:
        while True:
            connection, _ = listener.accept()
            Thread(target=_serve, args=(session, filter_, connection), daemon=True).start()


def _listener(session: Session) -> tuple[socket.socket, str]:
    flags = session.flags
    try:
        if path := flags.text("unix-socket"):
            if os.path.exists(path):
                os.unlink(path)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
            return listener, path
        host = flags.text("address")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, flags.number("port")), family=family)
    except OSError as error:
        shown = flags.text("unix-socket") or f"{flags.text('address')}:{flags.number('port')}"
        raise CommandError(f"listen tcp {shown}: bind: {(error.strerror or str(error)).lower()}") from None
    port = listener.getsockname()[1]
    return listener, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Request:
    """A request's head, and what of its body came with it."""

    def __init__(self, head: bytes, rest: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.rest = rest

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each.lower() == name), "")

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def _serve(session: Session, filter_: _Filter, connection: socket.socket) -> None:
    with connection:
        try:
            rest = b""
            while (request := _read_head(connection, rest)) is not None:
                rest = _answer(session, filter_, connection, request)
        except (OSError, ValueError, CommandError):
            return


def _read_head(connection: socket.socket, data: bytes) -> _Request | None:
    while (end := data.find(b"\r\n\r\n")) < 0:
        more = connection.recv(_MOST_HEAD)
        if not more or len(data) > _MOST_HEAD:
            return None
        data += more
    return _Request(data[:end], data[end + 4:])


def _read_body(connection: socket.socket, request: _Request) -> tuple[bytes, bytes]:
    """The body, and what came behind it."""
    data = request.rest
    if request.header("expect"):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in request.header("transfer-encoding").lower():
        return _read_chunks(connection, data)
    size = int(request.header("content-length") or 0)
    while len(data) < size:
        more = connection.recv(_MOST_HEAD)
        if not more:
            raise ConnectionError
        data += more
    return data[:size], data[size:]


def _read_chunks(connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        while b"\r\n" not in data:
            data += _some(connection)
        line, _, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        while len(data) < size + 2:
            data += _some(connection)
        body, data = body + data[:size], data[size + 2:]
        if not size:
            return body, data


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(_MOST_HEAD)
    if not data:
        raise ConnectionError
    return data


def _answer(session: Session, filter_: _Filter, connection: socket.socket, request: _Request) -> bytes:
    """Answers one request; what came behind it."""
    flags = session.flags
    body, rest = _read_body(connection, request)
    prefix = "/" + flags.text("www-prefix").strip("/") + "/"
    target = _target(flags.text("api-prefix"), request.target)
    is_file = flags.text("www") and request.path.startswith(prefix)
    if target is None and not is_file:
        _plain(connection, "404 Not Found", b"404 page not found\n")
    elif not filter_.passes(request.method, request.path, request.header("host")):
        _plain(connection, "403 Forbidden", b"Forbidden\n")
    elif is_file:
        _file(connection, flags.text("www"), request.path[len(prefix):])
    elif target is not None:
        _forward(session, connection, request, target, body)
    return rest


def _target(prefix: str, target: str) -> str | None:
    """The path at the server; None where it is not below --api-prefix."""
    base = "/" + prefix.strip("/")
    if base == "/":
        return target
    return target[len(base):] or "/" if target == base or target.startswith(base + "/") else None


def _plain(connection: socket.socket, status: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def _file(connection: socket.socket, directory: str, name: str) -> None:
    root = os.path.realpath(directory)
    path = os.path.realpath(os.path.join(root, name))
    if os.path.isdir(path):
        index = os.path.join(path, "index.html")
        if not os.path.isfile(index) and (path == root or path.startswith(root + os.sep)):
            return _plain(connection, "200 OK", _listing(path), "text/html; charset=utf-8")
        path = index
    if not path.startswith(root + os.sep) or not os.path.isfile(path):
        return _plain(connection, "404 Not Found", b"404 page not found\n")
    from mimetypes import guess_type
    kind = guess_type(path)[0] or "application/octet-stream"
    with open(path, "rb") as file:
        _plain(connection, "200 OK", file.read(), f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
    return None


def _listing(directory: str) -> bytes:
    """A page of links to what is in the directory."""
    from html import escape

    from kubectl.client import quote
    names = sorted(f"{name}/" if os.path.isdir(os.path.join(directory, name)) else name for name in os.listdir(directory))
    links = "".join(f'<a href="{quote(name.rstrip("/"))}{"/" * name.endswith("/")}">{escape(name)}</a>\n' for name in names)
    return f'<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n{links}</pre>\n'.encode()


def _forward(session: Session, connection: socket.socket, request: _Request, target: str, body: bytes) -> None:
    """Sends the request on with our credentials, and the answer back while it comes."""
    client = session.client
    headers: Headers = {name: value for name, value in request.headers if name.lower() not in _OWN}
    headers |= {name: value for name, value in client.headers().items() if name not in ("Accept", "User-Agent")}
    upgrade = request.header("upgrade")
    if upgrade:
        headers |= {"Connection": "Upgrade", "Upgrade": upgrade}
    with client.connect() as upstream:
        try:
            response = upstream.request(request.method, client.prefix + target, headers, body)
        except CommandError as error:
            _plain(connection, "502 Bad Gateway", error.message.encode())
            return
        if response.status == 101:
            _head(connection, response, [])
            _both_ways(connection, response)
        else:
            _copy(connection, request, response)


def _head(connection: socket.socket, response: Response, more: list[str]) -> None:
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    kept = ("connection", "upgrade") if response.status == 101 else ()
    lines += [f"{name}: {value}" for name, value in response.headers.items() if name not in _OWN or name in kept]
    connection.sendall("\r\n".join([*lines, *more, "", ""]).encode("latin-1"))


def _copy(connection: socket.socket, request: _Request, response: Response) -> None:
    if request.method == "HEAD" or response.status in (204, 304):
        _head(connection, response, [])
        return
    _head(connection, response, ["Transfer-Encoding: chunked"])
    for chunk in response.chunks():
        connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    connection.sendall(b"0\r\n\r\n")


def _both_ways(connection: socket.socket, response: Response) -> None:
    """Until either side ends (exec, attach and port-forward through the proxy)."""
    upstream = response.connection

    def outwards() -> None:
        try:
            while data := connection.recv(_MOST_HEAD):
                upstream.open().sendall(data)
        except OSError:
            return
        finally:
            upstream.close()
    Thread(target=outwards, daemon=True).start()
    while data := upstream.more():
        connection.sendall(data)


COMMANDS = {"proxy": Command("kubectl proxy [--port=PORT]", "Serve the API on a local port, without credentials", run, FLAGS)}
