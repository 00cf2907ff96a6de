"""Node ports: Services of type NodePort and LoadBalancer get theirs with the write that makes them, asked for or not.

Those that nobody asks for come from the upper part of the range, as long as there are some: the lower is left for those who ask
(KEP-3668). Upstream: pkg/registry/core/service/storage/alloc.go.
"""
from __future__ import annotations

from functools import partial
from typing import ClassVar

from apiserver.admission.port_claims import PortClaims, ports_of
from apiserver.registry.attributes import Attributes, Document, Objects, Plugin
from kubeapi import errors
from kubeapi.fielderrors import invalid
from kubeapi.world import REAL_WORLD, World

RANGE = range(30000, 32768)
RESERVED = min(max(16, len(RANGE) // 32), 128)
TRIES = 64
TAKEN = "provided port is already allocated"
OUTSIDE = f"provided port is not in the valid range. The range of valid ports is {RANGE[0]}-{RANGE[-1]}"


class NodePorts(Plugin):
    name: ClassVar[str] = "NodePorts"

    def __init__(self, objects: Objects, claims: PortClaims, world: World = REAL_WORLD) -> None:
        self._objects, self._claims, self._world = objects, claims, world

    async def admit(self, attributes: Attributes) -> None:
        service, old = attributes.obj, attributes.old
        if not attributes.is_for("", "services") or attributes.operation not in ("CREATE", "UPDATE") or service is None:
            return
        if service["spec"].get("type") in ("NodePort", "LoadBalancer"):
            await self._allocate(attributes, service["spec"])
        await self._allocate_health_check(attributes, service["spec"])
        if old is not None and not attributes.dry_run:
            for port in ports_of(old) - ports_of(service):
                if (claim := await self._claims.held_by(port, old)) is not None:
                    attributes.afterwards.append(partial(self._claims.give_back, claim))

    async def deleted(self, attributes: Attributes) -> None:
        if not attributes.is_for("", "services") or attributes.old is None:
            return
        for port in ports_of(attributes.old):
            if (claim := await self._claims.held_by(port, attributes.old)) is not None:
                await self._claims.give_back(claim)

    async def _allocate(self, attributes: Attributes, spec: Document) -> None:
        """A new Service's ports of one number and several protocols share a node port."""
        ports, is_new = spec.get("ports") or [], attributes.old is None
        has = {(0, port) for port in ports_of(attributes.old or {})}
        shared = {port.get("port", 0): port["nodePort"] for port in reversed(ports) if port.get("nodePort")} if is_new else {}
        for index, port in enumerate(ports):
            number = port.get("port", 0) if is_new else 0
            wanted = port.get("nodePort") or 0
            if not wanted and spec.get("allocateLoadBalancerNodePorts") is False and spec["type"] == "LoadBalancer":
                continue
            wanted = wanted or shared.get(number, 0)
            if not wanted:
                wanted = await self._take_any(attributes, "failed to allocate a nodePort")
            elif (number, wanted) not in has and (why := await self._why_not(attributes, wanted)):
                raise errors.invalid("Service", "", attributes.name, [invalid(f"spec.ports[{index}].nodePort", wanted, why)])
            port["nodePort"] = wanted
            has.add((number, wanted))
            if is_new:
                shared.setdefault(number, wanted)

    async def _allocate_health_check(self, attributes: Attributes, spec: Document) -> None:
        if not _needs_health_check(spec):
            return
        before: Document = (attributes.old or {}).get("spec") or {}
        had = before.get("healthCheckNodePort", 0) if _needs_health_check(before) else 0
        wanted: int = spec.get("healthCheckNodePort") or had
        if not wanted:
            wanted = await self._take_any(attributes, "failed to allocate a HealthCheck NodePort 0")
        elif wanted != had and (why := await self._why_not(attributes, wanted)):
            raise _internal(f"failed to allocate requested HealthCheck NodePort {wanted}: {why}")
        spec["healthCheckNodePort"] = wanted

    async def _take_any(self, attributes: Attributes, failure: str) -> int:
        used = {port for other in await self._objects.list("", "services") for port in ports_of(other)}
        upper, lower = RANGE[RESERVED:], RANGE[:RESERVED]
        candidates: list[int] = [*self._world.random.choices(upper, k=TRIES), *upper, *lower]
        for port in candidates:
            if port not in used and await self._take(attributes, port):
                return port
            used.add(port)
        raise _internal(f"{failure}: range is full")

    async def _why_not(self, attributes: Attributes, port: int) -> str:
        """Takes it, or says why not."""
        if port not in RANGE:
            return OUTSIDE
        return "" if await self._take(attributes, port) else TAKEN

    async def _take(self, attributes: Attributes, port: int) -> bool:
        if attributes.dry_run:
            return await self._claims.is_free(port)
        assert attributes.obj is not None
        claim = await self._claims.take(port, attributes.obj)
        if claim is None:
            return False
        attributes.undo.append(partial(self._claims.give_back, claim))
        return True


def _needs_health_check(spec: Document) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _internal(why: str) -> errors.InternalError:
    return errors.InternalError(f"Internal error occurred: {why}")
