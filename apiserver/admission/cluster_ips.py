"""ClusterIPs: a Service gets its address with the write that makes it.

An address is taken by creating the IPAddress object of that name (KEP-1880), which only one writer can: any number of API
servers allocate without a lock. When the write fails the address is given back; what a crash leaves `address_repair` finds.
"""
from __future__ import annotations

import ipaddress
from functools import partial
from typing import ClassVar

from apiserver.registry.attributes import Attributes, Document, Objects, Plugin
from kubeapi import errors
from kubeapi.fielderrors import FieldError, invalid
from kubeapi.world import REAL_WORLD, World

GROUP = "networking.k8s.io"
TRIES = 64
MANAGED_BY, MANAGER = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"


class ClusterIPs(Plugin):
    name: ClassVar[str] = "ClusterIPs"

    def __init__(self, objects: Objects, service_cidr: str, world: World = REAL_WORLD) -> None:
        self._objects, self._world = objects, world
        self._range = ipaddress.ip_network(service_cidr)

    async def admit(self, attributes: Attributes) -> None:
        if not attributes.is_for("", "services"):
            return
        service, old = attributes.obj, attributes.old
        if attributes.operation == "DELETE":
            return                              # given back by `deleted` once the Service is gone
        assert service is not None
        if attributes.operation == "UPDATE" and old is not None:
            self._release(attributes, service, old)
        if needs_address(service):
            await self._allocate(attributes, service)
        elif service["spec"].get("clusterIP") == "None" and service["spec"].get("type") != "ExternalName":
            self._name_families(service["spec"])

    def _name_families(self, spec: Document) -> None:
        """Of a headless Service: endpoints that nobody selects may be of any family."""
        own, other = sorted(("IPv4", "IPv6"), reverse=self._range.version == 6)
        spec.setdefault("ipFamilyPolicy", "SingleStack" if spec.get("selector") else "RequireDualStack")
        spec.setdefault("ipFamilies", [own] if spec["ipFamilyPolicy"] == "SingleStack" else [own, other])

    async def deleted(self, attributes: Attributes) -> None:
        """After a Service was deleted."""
        if not attributes.is_for("", "services") or attributes.old is None:
            return
        address = attributes.old.get("spec", {}).get("clusterIP", "")
        if address and address != "None":
            await self._objects.delete(GROUP, "ipaddresses", "", address)

    def _release(self, attributes: Attributes, service: Document, old: Document) -> None:
        """An address that the Service has no more, once that is written."""
        address = old["spec"].get("clusterIP", "")
        if address not in ("", "None", service["spec"].get("clusterIP", "")):
            attributes.afterwards.append(partial(self._objects.delete, GROUP, "ipaddresses", "", address))

    async def _allocate(self, attributes: Attributes, service: Document) -> None:
        spec = service["spec"]
        asked = spec.get("clusterIP", "")
        held = attributes.old is not None and attributes.old["spec"].get("clusterIP") == asked
        if asked and not held:
            await self._take_asked(attributes, service, asked)
        elif not asked:
            spec["clusterIP"] = await self._take_any(attributes, service)
        spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", [f"IPv{self._range.version}"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")

    async def _take_asked(self, attributes: Attributes, service: Document, asked: str) -> None:
        path = "spec.clusterIPs"
        try:
            is_inside = ipaddress.ip_address(asked) in self._range
        except ValueError:
            return                              # validation has the words for it
        if not is_inside:
            raise _refused(attributes, invalid(path, [asked], "failed to allocate IP " + asked + ": the provided IP (" + asked +
                                               f") is not in the valid range. The range of valid IPs is {self._range}"))
        if not await self._take(attributes, service, asked):
            raise _refused(attributes, invalid(path, [asked], f"failed to allocate IP {asked}: provided IP is already allocated"))

    async def _take_any(self, attributes: Attributes, service: Document) -> str:
        """The upper part of the range first: the lower is left for those who ask for an address (KEP-3070)."""
        size = self._range.num_addresses - 2
        reserved = min(max(16, size // 16), 256)
        for _ in range(TRIES):
            candidate = str(self._range[1 + reserved + self._world.random.randrange(max(1, size - reserved))])
            if await self._take(attributes, service, candidate):
                return candidate
        taken = {one["metadata"]["name"] for one in await self._objects.list(GROUP, "ipaddresses")}
        for address in self._range.hosts():
            if str(address) not in taken and await self._take(attributes, service, str(address)):
                return str(address)
        raise errors.InternalError("Internal error occurred: failed to allocate a serviceIP: range is full")

    async def _take(self, attributes: Attributes, service: Document, address: str) -> bool:
        if attributes.dry_run:
            return await self._objects.get(GROUP, "ipaddresses", "", address) is None
        try:
            await self._objects.create(GROUP, "ipaddresses", claim(address, service))
        except errors.AlreadyExists:
            return False

        async def give_back() -> None:
            await self._objects.delete(GROUP, "ipaddresses", "", address)

        attributes.undo.append(give_back)
        return True


def claim(address: str, service: Document) -> Document:
    """The IPAddress by which a Service has its address."""
    meta = service["metadata"]
    return {"apiVersion": f"{GROUP}/v1", "kind": "IPAddress", "metadata": {"name": address, "labels": labels_of(address)},
            "spec": {"parentRef": {"group": "", "resource": "services", "namespace": meta["namespace"], "name": meta["name"]}}}


def labels_of(address: str) -> dict[str, str]:
    return {"ipaddress.kubernetes.io/ip-family": f"IPv{ipaddress.ip_address(address).version}", MANAGED_BY: MANAGER}


def addresses_of(service: Document) -> list[str]:
    """The addresses that a Service has."""
    spec = service["spec"]
    return list(spec.get("clusterIPs") or filter(None, [spec.get("clusterIP")])) if needs_address(service) else []


def needs_address(service: Document) -> bool:
    spec: Document = service["spec"]
    return bool(spec.get("type", "ClusterIP") != "ExternalName" and spec.get("clusterIP") != "None")


def _refused(attributes: Attributes, fault: FieldError) -> errors.Invalid:
    return errors.invalid("Service", "", attributes.name, [fault])

