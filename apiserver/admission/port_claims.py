"""Node ports that are taken: one key for each, created by whoever takes the port, which only one writer can.

A claim names its Service. It counts while that Service has the port, and for as long as the write it was made for may still be
under way: what a crash leaves is free again then, for the first who asks, and nobody needs to look for it.
"""
from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import orjson

from apiserver.registry.attributes import Document, Objects
from apiserver.registry.translation import translated
from apiserver.storage.interface import Conflict, KeyExists, KeyNotFound, Storage, StorageError, Stored
from kubeapi.catalog import by_plural
from kubeapi.times import format_time, seconds_of
from kubeapi.world import World

logger = logging.getLogger(__name__)
PREFIX = "/registry/ranges/servicenodeports/"
UNDER_WAY_SECONDS = 75.0            # a request has a minute, and its last write some seconds


class PortClaims:
    def __init__(self, storage: Storage, objects: Objects, world: World) -> None:
        self._storage, self._objects, self._world = storage, objects, world
        self._services = by_plural("", "services")

    async def take(self, port: int, service: Document) -> Stored | None:
        """The claim, or None where another one counts. Raises ServiceUnavailable."""
        key, value = _key(port), self._value(service)
        with translated(self._services, service["metadata"]["name"], is_write=True):
            try:
                return Stored(key, value, await self._storage.create(key, value))
            except KeyExists:
                there = await self._there(port)
            try:
                if there is None:                   # given back just now
                    return Stored(key, value, await self._storage.create(key, value))
                if not await self._counts(port, there):
                    return Stored(key, value, await self._storage.put_if(key, value, revision=there.revision))
            except (KeyExists, Conflict):           # somebody was faster
                return None
        return None

    async def is_free(self, port: int) -> bool:
        with translated(self._services, str(port)):
            there = await self._there(port)
        return there is None or not await self._counts(port, there)

    async def held_by(self, port: int, service: Document) -> Stored | None:
        """Its claim to the port, if it has one."""
        with translated(self._services, service["metadata"]["name"]):
            there = await self._there(port)
        return there if there is not None and orjson.loads(there.value)["uid"] == service["metadata"]["uid"] else None

    async def give_back(self, claim: Stored) -> None:
        """Unless it is another's by now. What cannot be given back does not count for long."""
        try:
            await self._storage.delete_if(claim.key, revision=claim.revision)
        except Conflict:
            return
        except StorageError as error:
            logger.warning("the node port %s is given back later: %s", claim.key.removeprefix(PREFIX), error)

    async def add_missing(self, services: Iterable[Document]) -> None:
        """Claims of Services that have a port without one, such as those stored before there were claims. Raises StorageError."""
        listed = await self._storage.list(PREFIX)
        claimed = {item.key for item in listed.items}
        for service in services:
            for port in sorted(ports_of(service)):
                if _key(port) in claimed:
                    continue
                claimed.add(_key(port))
                logger.warning("node port %d of %s/%s was not claimed", port, service["metadata"]["namespace"], service["metadata"]["name"])
                try:
                    await self._storage.create(_key(port), self._value(service))
                except KeyExists:
                    continue

    async def _there(self, port: int) -> Stored | None:
        try:
            return await self._storage.get(_key(port))
        except KeyNotFound:
            return None

    async def _counts(self, port: int, claim: Stored) -> bool:
        holder = orjson.loads(claim.value)
        if self._world.seconds() < seconds_of(holder["time"]) + UNDER_WAY_SECONDS:
            return True
        service = await self._objects.get_live("", "services", holder["namespace"], holder["name"])
        return service is not None and service["metadata"]["uid"] == holder["uid"] and port in ports_of(service)

    def _value(self, service: Document) -> bytes:
        metadata = service["metadata"]
        return orjson.dumps({"namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"],
                             "time": format_time(self._world.now())})


def ports_of(service: Document) -> set[int]:
    """The node's ports that a Service has."""
    spec: dict[str, Any] = service.get("spec") or {}
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")} | ({
        spec["healthCheckNodePort"]} if spec.get("healthCheckNodePort") else set())


def _key(port: int) -> str:
    return f"{PREFIX}{port}"
