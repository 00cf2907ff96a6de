"""The proxies below nodes, pods and services: a request handed on to what runs there, and the answer handed back, both as they come.

The credentials that a client shows to the API server stay with it. Addresses come from what the cluster stores and are never
loopback or link-local ones: the API server lends nobody its own place in the network. A node's kubelet alone is asked with the
API server's certificate. Upstream: registry/core/{node,pod,service}'s ResourceLocation, apimachinery's util/proxy.
"""
from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from apiserver.http.kubelets import Kubelets, copy_body, hang_up, kubelet_address
from apiserver.http.outward import Outward, until_one_ends
from apiserver.http.responses import Headers, Receive, Scope, begin_raw, send_bytes
from apiserver.http.verbs import Exchange
from apiserver.registry.stores import Stores
from kubeapi import errors
from kubeapi.resource import GroupResource
from kubeapi.world import World

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

Document = dict[str, Any]
HOP_BY_HOP = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
                        b"transfer-encoding", b"upgrade"})
OURS = frozenset({b"authorization", b"x-remote-user", b"x-remote-group", b"x-picokube-causes", b"expect"})
OURS_BEGIN = (b"impersonate-", b"x-remote-extra-", b"sec-websocket-")
PROXIED = re.compile(r"(/api/v1/(?:namespaces/[^/]+/)?[a-z]+/[^/]+/proxy)((?:/.*)?)", re.DOTALL)
NOT_ALLOWED = "address not allowed"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a request goes: scheme and host:port; whether that is a kubelet."""

    scheme: str
    host: str
    is_kubelet: bool = False


def _anybody() -> ssl.SSLContext:
    """Nobody can know the certificates of what runs in pods: they are not verified, and ours is not shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Proxies:
    def __init__(self, stores: Stores, kubelets: Kubelets, world: World) -> None:
        self._stores, self._kubelets, self._world = stores, kubelets, world
        self._outward = Outward(_anybody)
        self.running = self._outward.running

    async def __call__(self, exchange: Exchange) -> None:
        import aiohttp

        scope = exchange.scope
        prefix, rest = split_path(scope)
        if not rest and scope["method"] in ("GET", "HEAD"):             # links of the page are relative to a directory
            query = scope["query_string"].decode("latin-1")
            await send_bytes(scope, exchange.send, 301, b"", headers=[(b"location", f"{prefix}/{'?' + query if query else ''}".encode("latin-1"))])
            return
        location = await self._location(exchange)
        body = _Body(exchange.receive) if has_body(scope) else None

        async def pass_on() -> None:
            async with self._to(location).session().request(
                    scope["method"], _url(location, rest, scope), headers=forwarded(scope, prefix + (rest or "/")), data=body.parts() if body else None,
                    allow_redirects=False, skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type")) as answer:
                await begin_raw(scope, exchange.send, answer.status, returned(answer, location, prefix))
                await copy_body(answer, exchange.send)

        try:
            await until_one_ends(pass_on(), _gone(exchange.receive, body))
        except (aiohttp.ClientError, OSError) as error:
            if "status" in scope:
                raise
            raise errors.ServiceUnavailable(f"error trying to reach service: {error}") from error

    async def websocket(self, exchange: Exchange) -> None:
        import aiohttp

        from apiserver.http.streams import to_backend, to_client
        scope, receive, send = exchange.scope, exchange.receive, exchange.send
        prefix, rest = split_path(scope)
        location = await self._location(exchange)
        offered = tuple(scope.get("subprotocols") or ())
        try:
            async with self._to(location).websocket(_url(location, rest or "/", scope), offered,
                                                    headers=forwarded(scope, prefix + (rest or "/"))) as backend:
                await receive()                             # websocket.connect
                await send({"type": "websocket.accept", "subprotocol": backend.protocol})
                await until_one_ends(to_backend(receive, backend), to_client(backend, send))
        except (aiohttp.ClientError, OSError) as error:
            raise errors.ServiceUnavailable(f"error trying to reach service: {error}") from error

    def _to(self, location: Location) -> Outward:
        return self._kubelets.outward() if location.is_kubelet else self._outward

    async def _location(self, exchange: Exchange) -> Location:
        """Raises BadRequest, NotFound, ServiceUnavailable."""
        info = exchange.info
        scheme, name, port = split_name(info.resource.removesuffix("s"), info.name)
        match info.resource:
            case "nodes":
                return self._of_node((await self._get("nodes", "", name)), scheme, name, port)
            case "pods":
                return _of_pod(await self._get("pods", info.namespace, name), scheme, port)
        service, endpoints = await self._get("services", info.namespace, name), await self._get("endpoints", info.namespace, name)
        return self._of_service(service, endpoints, scheme, name, port)

    async def _get(self, plural: str, namespace: str, name: str) -> Document:
        return (await self._stores[GroupResource("", plural)].get(namespace, name)).document()

    def _of_node(self, node: Document, scheme: str, name: str, port: str) -> Location:
        host, kubelet_port = kubelet_address(node, name)
        if port in ("", str(kubelet_port)):
            return Location("https", joined(host, str(kubelet_port)), is_kubelet=True)
        return Location(scheme, joined(_allowed(host), port))

    def _of_service(self, service: Document, endpoints: Document, scheme: str, name: str, port: str) -> Location:
        """Any of its ready endpoints."""
        wanted = _port_name(service, name, port)
        for subset in _shuffled(endpoints.get("subsets") or (), self._world):
            ports = [one for one in subset.get("ports") or () if wanted is None or one.get("name", "") == wanted]
            addresses = subset.get("addresses") or ()
            if ports and addresses:
                chosen = addresses[int(self._world.random.random() * len(addresses))]
                return Location(scheme, joined(_allowed(chosen["ip"]), str(ports[0]["port"])))
        raise errors.ServiceUnavailable(f'no endpoints available for service "{name}"')


def _of_pod(pod: Document, scheme: str, port: str) -> Location:
    """The first port that a container names is meant where none is."""
    named = [str(each["containerPort"]) for one in pod["spec"]["containers"] for each in one.get("ports") or ()]
    address, port = _allowed((pod.get("status") or {}).get("podIP", "")), port or next(iter(named), "")
    return Location(scheme, joined(address, port))


def _port_name(service: Document, name: str, port: str) -> str | None:
    """As its endpoints have it; None: any. A service's own number stands for its name."""
    if not port:
        return None
    for one in service["spec"].get("ports") or ():
        if port in (one.get("name"), str(one["port"])):
            return str(one.get("name", ""))
    if port.isdigit():
        raise errors.ServiceUnavailable(f'no service port {port} found for service "{name}"')
    return port


def _shuffled(found: Any, world: World) -> list[Document]:
    start = int(world.random.random() * len(found)) if found else 0
    return [*found[start:], *found[:start]]


def _allowed(address: str) -> str:
    """Raises BadRequest for what is not somewhere in the network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise errors.BadRequest(NOT_ALLOWED) from None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    real = mapped or parsed
    if real.is_loopback or real.is_link_local or real.is_multicast or real.is_unspecified or str(real) == "255.255.255.255":
        raise errors.BadRequest(NOT_ALLOWED)
    return str(real)


def split_name(kind: str, text: str) -> tuple[str, str, str]:
    """`NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`. Raises BadRequest."""
    parts = text.split(":")
    scheme, name, port = ("http", parts[0], "") if len(parts) == 1 else ("http", *parts) if len(parts) == 2 else parts if len(parts) == 3 else ("", "", "")
    if (scheme or "http") not in ("http", "https") or not name or (len(parts) == 2 and not port) or not _is_port(port):
        raise errors.BadRequest(f'invalid {kind} request "{text}"')
    return scheme or "http", name, port


def _is_port(text: str) -> bool:
    """A number, or a port's name."""
    if text.isascii() and text.isdigit():
        return len(text) <= 5 and 0 < int(text) < 65536
    return all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in text)


def joined(host: str, port: str) -> str:
    """Raises BadRequest where a port's name is left that nobody can look up."""
    if port and not port.isdigit():
        raise errors.BadRequest(f'invalid port "{port}"')
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def split_path(scope: Scope) -> tuple[str, str]:
    """(the path up to `proxy`, what follows, encoded as it came). Raises BadRequest where what names the object is encoded beyond recognition."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    found = PROXIED.fullmatch(raw.partition(b"?")[0].decode("latin-1"))
    if found is None:
        raise errors.BadRequest("the path of a proxy is /api/v1/[namespaces/NAMESPACE/]RESOURCE/NAME/proxy[/PATH]")
    return found[1], found[2]


def _url(location: Location, rest: str, scope: Scope) -> URL:
    from yarl import URL

    query = scope["query_string"].decode("latin-1")
    return URL(f"{location.scheme}://{location.host}{rest or '/'}{'?' + query if query else ''}", encoded=True)


def has_body(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in scope["headers"])


def forwarded(scope: Scope, uri: str) -> list[tuple[str, str]]:
    """The request's headers without the client's credentials; and where it came from."""
    named = {one.strip().lower() for name, value in scope["headers"] if name == b"connection" for one in value.split(b",")}
    gone = HOP_BY_HOP | OURS | named
    kept = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
            if name not in gone and not name.startswith(OURS_BEGIN) and name != b"x-forwarded-for"]
    before = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    client = scope.get("client")
    return [*kept, ("X-Forwarded-For", ", ".join([*before, *([client[0]] if client else [])])), ("X-Forwarded-Uri", uri)]


def returned(answer: aiohttp.ClientResponse, location: Location, prefix: str) -> Headers:
    """The answer's headers; a redirection to the same place leads through the proxy again."""
    named = {one.strip().lower().encode() for value in answer.headers.getall("connection", ()) for one in value.split(",")}
    found: Headers = []
    for name, value in answer.raw_headers:
        lowered = name.lower()
        if lowered in HOP_BY_HOP or lowered in named:
            continue
        if lowered == b"location":
            value = redirected(value.decode("latin-1"), location, prefix).encode("latin-1")
        found.append((lowered, value))
    return found


def redirected(target: str, location: Location, prefix: str) -> str:
    try:
        parts = urlsplit(target)
    except ValueError:
        return target
    if (parts.netloc and parts.netloc != location.host) or not parts.path.startswith("/") or parts.path.startswith(prefix):
        return target
    return f"{prefix}{parts.path}" + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")


class _Body:
    """A request's body, passed on piece by piece."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_read = asyncio.Event()

    async def parts(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ConnectionResetError("the client hung up")
            if part := message.get("body", b""):
                yield part
            if not message.get("more_body"):
                self.is_read.set()
                return


async def _gone(receive: Receive, body: _Body | None) -> None:
    if body is not None:
        await body.is_read.wait()
    await hang_up(receive)
