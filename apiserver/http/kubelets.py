"""What only a pod's kubelet knows, passed on to it over HTTPS with the API server's own client certificate: logs, exec, attach."""
from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

import aiohttp

from apiserver.http.responses import Receive, Scope, Send
from apiserver.http.verbs import Exchange
from apiserver.registry.stores import Stores
from kubeapi import errors
from kubeapi.resource import GroupResource

Document = dict[str, Any]
CONNECT_SECONDS = 5.0
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
PATHS = {"log": "containerLogs", "exec": "exec", "attach": "attach"}


@dataclass(frozen=True, slots=True)
class KubeletCredentials:
    """Files; empty ones mean that there are none, and kubelets are not reached."""

    certificate: str = ""
    key: str = ""
    ca: str = ""


class Kubelets:
    def __init__(self, stores: Stores, credentials: KubeletCredentials) -> None:
        self._pods, self._nodes = stores[GroupResource("", "pods")], stores[GroupResource("", "nodes")]
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        context: ssl.SSLContext | bool = False
        if self._credentials.ca:
            context = ssl.create_default_context(cafile=self._credentials.ca)
            context.load_cert_chain(self._credentials.certificate, self._credentials.key)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0), timeout=timeout,
                                         auto_decompress=False) as self._session:
            yield

    async def logs(self, exchange: Exchange) -> None:
        url = await self._url(exchange, exchange.query.get("container", ""))
        query = {name: value for name, value in exchange.query.items() if name != "container"}
        try:
            async with self._open().get(url, params=query) as answer:
                if answer.status >= 400:
                    raise _refused(answer.status, (await answer.content.read(4096)).decode(errors="replace"))
                await exchange.send({"type": "http.response.start", "status": 200, "headers": [
                    (b"content-type", b"text/plain"), (b"cache-control", b"no-cache, private")]})
                async with asyncio.TaskGroup() as group:
                    copying = group.create_task(_copy(answer, exchange.send))
                    hanging_up = group.create_task(_hang_up(exchange.receive))
                    await asyncio.wait((copying, hanging_up), return_when=asyncio.FIRST_COMPLETED)
                    copying.cancel()
                    hanging_up.cancel()
        except aiohttp.ClientConnectionError as error:
            raise errors.InternalError(f'Get "{url}": {error}') from error

    async def websocket(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        """Frames both ways, as they are; the subprotocol is the client's first that is served."""
        offered = scope.get("subprotocols") or ()      # uvicorn takes them out of the headers
        protocol = next((one for one in PROTOCOLS if one in offered), "")
        if not protocol:
            raise errors.BadRequest(f"the WebSocket must speak one of {', '.join(PROTOCOLS)}")
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        url = await self._url(exchange, dict(pairs).get("container", ""))
        params: Sequence[tuple[str, str]] = [pair for pair in pairs if pair[0] != "container"]
        try:
            async with self._open().ws_connect(url, params=params, protocols=(protocol,), max_msg_size=0) as kubelet:
                await receive()                             # websocket.connect
                await send({"type": "websocket.accept", "subprotocol": protocol})
                async with asyncio.TaskGroup() as group:
                    inwards = group.create_task(_to_kubelet(receive, kubelet))
                    outwards = group.create_task(_to_client(kubelet, send))
                    await asyncio.wait((inwards, outwards), return_when=asyncio.FIRST_COMPLETED)
                    inwards.cancel()
                    outwards.cancel()
        except aiohttp.WSServerHandshakeError as error:
            raise _refused(error.status, error.message) from error
        except aiohttp.ClientConnectionError as error:
            raise errors.InternalError(f"error dialing backend: {error}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or not self._credentials.ca:
            raise errors.ServiceUnavailable("this API server has no credentials for kubelets (--kubelet-client-certificate)")
        return self._session

    async def _url(self, exchange: Exchange, container: str) -> str:
        info = exchange.info
        pod = (await self._pods.get(info.namespace, info.name)).document()
        names = [one["name"] for field in ("containers", "initContainers", "ephemeralContainers") for one in pod["spec"].get(field, ())]
        if not container:
            if len(pod["spec"]["containers"]) > 1 and info.subresource == "log":
                raise errors.BadRequest(f"a container name must be specified for pod {info.name}, choose one of: [{' '.join(names)}]")
            container = pod["spec"]["containers"][0]["name"]
        if container not in names:
            raise errors.BadRequest(f"container {container} is not valid for pod {info.name}")
        node_name = pod["spec"].get("nodeName", "")
        if not node_name:
            raise errors.BadRequest(f"pod {info.name} does not have a host assigned")
        host, port = _address(self._nodes.cached("", node_name).document(), node_name)
        parts = (info.namespace, info.name, container)
        return f"https://{host}:{port}/{PATHS[info.subresource]}/" + "/".join(quote(part, safe="") for part in parts)


def _address(node: Document, name: str) -> tuple[str, int]:
    status: Mapping[str, Any] = node.get("status", {})
    addresses = {one["type"]: one["address"] for one in status.get("addresses", ())}
    host = addresses.get("InternalIP") or addresses.get("Hostname", "")
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port", 0)
    if not host or not port:
        raise errors.InternalError(f"node {name} does not say where its kubelet is")
    return host, int(port)


def _refused(code: int, text: str) -> errors.ApiStatusError:
    kinds: dict[int, type[errors.ApiStatusError]] = {400: errors.BadRequest, 404: errors.NotFound, 403: errors.Forbidden}
    return kinds.get(code, errors.InternalError)(text or f"the kubelet answered {code}")


async def _copy(answer: aiohttp.ClientResponse, send: Send) -> None:
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _to_kubelet(receive: Receive, kubelet: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            await kubelet.close()
            return
        if (data := message.get("bytes")) is not None:
            await kubelet.send_bytes(data)
        else:
            await kubelet.send_str(message.get("text") or "")


async def _to_client(kubelet: aiohttp.ClientWebSocketResponse, send: Send) -> None:
    async for message in kubelet:
        if message.type is aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
        elif message.type is aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
    await send({"type": "websocket.close", "code": kubelet.close_code or 1000})
