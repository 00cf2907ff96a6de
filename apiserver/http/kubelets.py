"""Where a pod's kubelet is, asked over HTTPS with the API server's own client certificate; its logs. Streams: streams.py."""
from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apiserver.http.outward import Outward, until_one_ends
from apiserver.http.requestinfo import RequestInfo
from apiserver.http.responses import Receive, Send, begin
from apiserver.http.verbs import Exchange
from apiserver.registry.stores import Stores
from kubeapi import errors
from kubeapi.resource import GroupResource

if TYPE_CHECKING:
    import aiohttp

Document = dict[str, Any]
PATHS = {"log": "containerLogs", "exec": "exec", "attach": "attach", "portforward": "portForward"}


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
        self._outward = Outward(self._context)
        self.running = self._outward.running

    async def logs(self, exchange: Exchange) -> None:
        import aiohttp

        url = await self.url(exchange, exchange.query.get("container", ""))
        query = {name: value for name, value in exchange.query.items() if name != "container"}

        async def answer_with_logs() -> None:
            async with self.outward().session().get(url, params=query) as answer:
                if answer.status >= 400:
                    raise refused(answer.status, (await answer.content.read(4096)).decode(errors="replace"))
                await begin(exchange.scope, exchange.send, 200, "text/plain")
                await copy_body(answer, exchange.send)

        try:
            await until_one_ends(answer_with_logs(), hang_up(exchange.receive))
        except aiohttp.ClientConnectionError as error:
            raise errors.InternalError(f'Get "{url}": {error}') from error

    def outward(self) -> Outward:
        """Raises ServiceUnavailable."""
        if not self._credentials.ca:
            raise errors.ServiceUnavailable("this API server has no credentials for kubelets (--kubelet-client-certificate)")
        return self._outward

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._credentials.ca)
        context.load_cert_chain(self._credentials.certificate, self._credentials.key)
        return context

    async def url(self, exchange: Exchange, container: str) -> str:
        """Of what is asked for at the pod's kubelet; the first container is meant where none is named."""
        info = exchange.info
        pod = (await self._pods.get(info.namespace, info.name)).document()
        parts = [info.namespace, info.name]
        if info.subresource != "portforward":
            parts.append(_container(info, pod, container))
        node_name = pod["spec"].get("nodeName", "")
        if not node_name:
            raise errors.BadRequest(f"pod {info.name} does not have a host assigned")
        host, port = kubelet_address(self._nodes.cached("", node_name).document(), node_name)
        return f"https://{host}:{port}/{PATHS[info.subresource]}/" + "/".join(quote(part, safe="") for part in parts)


def _container(info: RequestInfo, pod: Document, container: str) -> str:
    names = [one["name"] for field in ("containers", "initContainers", "ephemeralContainers") for one in pod["spec"].get(field, ())]
    if not container:
        if len(pod["spec"]["containers"]) > 1 and info.subresource == "log":
            raise errors.BadRequest(f"a container name must be specified for pod {info.name}, choose one of: [{' '.join(names)}]")
        return str(pod["spec"]["containers"][0]["name"])
    if container not in names:
        raise errors.BadRequest(f"container {container} is not valid for pod {info.name}")
    return container


def kubelet_address(node: Document, name: str) -> tuple[str, int]:
    status: Mapping[str, Any] = node.get("status", {})
    addresses = {one["type"]: one["address"] for one in status.get("addresses", ())}
    host = addresses.get("InternalIP") or addresses.get("Hostname", "")
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port", 0)
    if not host or not port:
        raise errors.InternalError(f"node {name} does not say where its kubelet is")
    return host, int(port)


def refused(code: int, text: str) -> errors.ApiStatusError:
    kinds: dict[int, type[errors.ApiStatusError]] = {400: errors.BadRequest, 404: errors.NotFound, 403: errors.Forbidden}
    return kinds.get(code, errors.InternalError)(text or f"the kubelet answered {code}")


async def copy_body(answer: aiohttp.ClientResponse, send: Send) -> None:
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
