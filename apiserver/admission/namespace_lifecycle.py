"""NamespaceLifecycle: nothing is created in a namespace that is not there or is going; the system's namespaces stay."""
from __future__ import annotations

import asyncio
from typing import ClassVar

from apiserver.registry.attributes import Attributes, Objects, Plugin
from kubeapi import errors

IMMORTAL = {"default", "kube-system", "kube-public"}
# The cache may not yet know of a deletion: for a while it is not asked (as upstream).
DOUBTED_SECONDS, DOUBTED = 30.0, 1000


class NamespaceLifecycle(Plugin):
    name: ClassVar[str] = "NamespaceLifecycle"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._doubted: dict[str, float] = {}            # namespaces whose deletion was asked for here, and until when

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE" and attributes.is_for("", "namespaces") and attributes.name in IMMORTAL:
            raise errors.forbidden("namespaces", "", attributes.name, "this namespace may not be deleted")
        if attributes.operation == "DELETE" and attributes.is_for("", "namespaces") and not attributes.dry_run:
            self._doubt(attributes.name)
        if attributes.operation == "CREATE" and attributes.resource.is_namespaced:
            await self._require(attributes)

    def _doubt(self, name: str) -> None:
        self._doubted.pop(name, None)
        if len(self._doubted) >= DOUBTED:
            del self._doubted[next(iter(self._doubted))]
        self._doubted[name] = asyncio.get_running_loop().time() + DOUBTED_SECONDS

    async def _require(self, attributes: Attributes) -> None:
        name = attributes.namespace
        is_doubted = self._doubted.get(name, 0.0) > asyncio.get_running_loop().time()
        namespace = None if is_doubted else await self._objects.get("", "namespaces", "", name)
        if namespace is None:                   # the cache may be behind: it may just have been made
            namespace = await self._objects.get_live("", "namespaces", "", name)
        if namespace is None:
            raise errors.not_found("namespaces", "", name)
        if "deletionTimestamp" in namespace["metadata"] or namespace.get("status", {}).get("phase") == "Terminating":
            resource = attributes.resource
            why = f"unable to create new content in namespace {name} because it is being terminated"
            error = errors.forbidden(resource.plural, resource.group, attributes.name, why)
            error.status.setdefault("details", {})["causes"] = [
                {"reason": "NamespaceTerminating", "message": f"namespace {name} is being terminated", "field": "metadata.namespace"}]
            raise error
