"""NamespaceLifecycle: nothing is created in a namespace that is not there or is going; the system's namespaces stay."""
from __future__ import annotations

from typing import ClassVar

from apiserver.registry.attributes import Attributes, Objects, Plugin
from kubeapi import errors

IMMORTAL = {"default", "kube-system", "kube-public"}


class NamespaceLifecycle(Plugin):
    name: ClassVar[str] = "NamespaceLifecycle"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE" and attributes.is_for("", "namespaces") and attributes.name in IMMORTAL:
            raise errors.forbidden("namespaces", "", attributes.name, "this namespace may not be deleted")
        if attributes.operation == "CREATE" and attributes.resource.is_namespaced:
            await self._require(attributes)

    async def _require(self, attributes: Attributes) -> None:
        name = attributes.namespace
        namespace = await self._objects.get("", "namespaces", "", name)
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
