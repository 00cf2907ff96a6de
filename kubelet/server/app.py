"""What the kubelet serves, as one ASGI callable:

    /healthz                                      open to all
    /pods  /stats/summary  /runningpods/          the node's state
    /containerLogs/NAMESPACE/POD/CONTAINER        a container's log, followed if asked for
    /exec/NAMESPACE/POD/CONTAINER, /attach/...    WebSockets of several channels
    /portForward/NAMESPACE/POD                    a WebSocket of many connections

Only the API server and administrators may ask: a client certificate with the group system:masters. Any other method
than GET (for streams POST too) is 405.
"""
from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

import orjson

from kubelet.server import summary
from kubelet.server.podlogs import serve_logs
from kubelet.server.portforward import serve_port_forward
from kubelet.server.requests import HttpError, Receive, Scope, Send, answer, refuse_websocket
from kubelet.server.streaming import serve_attach, serve_exec
from kubelet.server.targets import Target, find_pod, find_target

if TYPE_CHECKING:
    from kubelet.kubelet import Kubelet

log = logging.getLogger(__name__)

MASTERS = "system:masters"
API_SERVER = "kube-apiserver-kubelet-client"
Query = Mapping[str, list[str]]
READ, UPGRADE = ("GET",), ("GET", "POST")
METHODS = {"pods": READ, "runningpods": READ, "stats": READ, "containerLogs": READ, "exec": UPGRADE, "attach": UPGRADE, "portForward": UPGRADE}


class App:
    def __init__(self, kubelets: Mapping[str, Kubelet], *, has_ca: bool) -> None:
        """Without a CA nobody can show who they are, and only /healthz answers."""
        self._kubelets, self._has_ca = kubelets, has_ca

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        try:
            self._authorize(scope)
            await self._dispatch(scope, receive, send)
        except HttpError as error:
            if scope["type"] == "websocket":
                await refuse_websocket(scope, receive, send, error)
            else:
                await answer(send, error.code, error.message.encode(), headers=error.headers)

    def _authorize(self, scope: Scope) -> None:
        if scope["path"] == "/healthz":
            return
        certificate = scope.get("state", {}).get("peercert") if self._has_ca else None
        if not certificate:
            raise HttpError(401, "Unauthorized")
        names = [pair for part in certificate.get("subject", ()) for pair in part]
        if ("organizationName", MASTERS) not in names and ("commonName", API_SERVER) not in names:
            raise HttpError(403, "Forbidden: only the API server and administrators may use a kubelet")

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        parts = [unquote(part) for part in raw.partition(b"?")[0].decode("latin-1").strip("/").split("/")]
        allowed = METHODS.get(parts[0], ())
        if scope["type"] == "http" and allowed and scope["method"] not in allowed:
            raise HttpError(405, "405: Method Not Allowed", [(b"allow", ", ".join(allowed).encode())])
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        match (scope["type"], *parts):
            case ("http", "healthz"):
                await answer(send, 200, b"ok")
            case ("http", "pods" | "runningpods"):
                await answer(send, 200, orjson.dumps(summary.pods(self._kubelets.values())), "application/json")
            case ("http", "stats", "summary"):
                document = await summary.stats(next(iter(self._kubelets.values())))
                await answer(send, 200, orjson.dumps(document), "application/json")
            case ("http", "containerLogs", namespace, name, container):
                await serve_logs(await self._target(namespace, name, container), query, receive, send)
            case ("websocket", "exec", namespace, name, container):
                await serve_exec(await self._target(namespace, name, container), query, scope, receive, send)
            case ("websocket", "attach", namespace, name, container):
                await serve_attach(await self._target(namespace, name, container), query, scope, receive, send)
            case ("websocket", "portForward", namespace, name):
                await serve_port_forward(await find_pod(self._kubelets.values(), namespace, name), query, scope, receive, send)
            case ("http", "exec" | "attach" | "portForward", *_):
                raise HttpError(400, "unable to upgrade: only WebSockets are served")
            case _:
                raise HttpError(404, "404 page not found")

    async def _target(self, namespace: str, name: str, container: str) -> Target:
        return await find_target(self._kubelets.values(), namespace, name, container)
