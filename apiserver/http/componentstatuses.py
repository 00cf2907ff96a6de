"""GET componentstatuses: whether etcd answers and whether a scheduler and a controller manager hold their Leases. Nothing is stored.

Upstream asks ports of its own machine; a Lease tells the same of components wherever they run.
"""
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from apiserver.cacher import CachedObject
from apiserver.cacher.document import encode_for_storage, split
from apiserver.http.negotiation import negotiate
from apiserver.http.render import Renderer
from apiserver.http.responses import header, send_bytes, send_list, warn
from apiserver.http.verbs import Exchange
from apiserver.registry.store import Store
from kubeapi import errors
from kubeapi.catalog import by_plural
from kubeapi.meta import ObjectKey
from kubeapi.times import later, parse_time
from kubeapi.world import World

Document = dict[str, Any]
Check = Callable[[], Awaitable[str]]                        # "" or what is wrong
LEASES = {"scheduler": "kube-scheduler", "controller-manager": "kube-controller-manager"}


class ComponentStatuses:
    def __init__(self, etcd: Check, leases: Store, world: World) -> None:
        self._etcd, self._leases, self._world = etcd, leases, world
        resource = by_plural("", "componentstatuses")
        self._deprecation = resource.strategy().deprecation
        self._renderer = Renderer(resource, resource.version("v1"), world)

    async def __call__(self, exchange: Exchange) -> None:
        info, accept = exchange.info, header(exchange.scope, b"accept")
        warn(exchange.scope, [self._deprecation])
        checks: dict[str, Check] = {"controller-manager": lambda: self._lease("controller-manager"),
                                    "etcd-0": self._etcd, "scheduler": lambda: self._lease("scheduler")}
        if not info.name:
            accepted = negotiate(accept, for_list=True)
            head, items, tail = self._renderer.listed([_shown(name, await check()) for name, check in checks.items()], {}, accepted, info.query)
            await send_list(exchange.scope, exchange.send, head, items, tail, accepted.content_type)
            return
        if info.name not in checks:
            raise errors.NotFound(f"Component not found: {info.name}")
        accepted = negotiate(accept)
        body = self._renderer.one(_shown(info.name, await checks[info.name]()), accepted, info.query)
        await send_bytes(exchange.scope, exchange.send, 200, body, accepted.content_type)

    async def _lease(self, component: str) -> str:
        name = LEASES[component]
        try:
            spec = (await self._leases.get("kube-system", name)).document()["spec"]
        except errors.NotFound:
            return f"nobody has ever held the Lease kube-system/{name}"
        if not spec.get("holderIdentity"):
            return f"nobody holds the Lease kube-system/{name}"
        ends = later(parse_time(spec["renewTime"]), spec["leaseDurationSeconds"])
        return "" if self._world.now() <= ends else f"the Lease kube-system/{name} ran out at {ends:%Y-%m-%dT%H:%M:%SZ}"


def _shown(name: str, wrong: str) -> CachedObject:
    condition = {"type": "Healthy", "status": "False", "message": wrong, "error": wrong} if wrong else {
        "type": "Healthy", "status": "True", "message": "ok"}
    head, body = split(encode_for_storage({"apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": name}, "conditions": [condition]}))
    return CachedObject(name, ObjectKey("", name), head, body, 0, {}, {})
