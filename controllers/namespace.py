"""A namespace that is being deleted: everything in it goes first, then its finalizer `kubernetes`.

Pods go first of all (KEP-5080: ordered deletion), so that nothing they rely on is taken from under them. What remains,
and why, is told in the namespace's conditions.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubeapi.catalog import RESOURCES
from kubeapi.errors import ApiStatusError, Conflict, MethodNotAllowed, NotFound
from kubeapi.generated.models.core_v1 import Namespace, NamespaceCondition
from kubeapi.meta import ObjectKey
from kubeapi.resource import Resource
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory

AGAIN_SECONDS = 1.0


@dataclass
class Remains:
    """What is left of a namespace: objects by resource, finalizers by name, and what failed."""

    objects: dict[str, int] = field(default_factory=dict)
    finalizers: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        return not self.objects and not self.failures


def deletable() -> list[Resource]:
    """Every namespaced resource that can be listed and deleted; pods first. Events of both groups are one."""
    found = [one for one in RESOURCES if one.is_namespaced and {"list", "deletecollection"} <= set(one.verbs)
             and one.group != "events.k8s.io"]
    return sorted(found, key=lambda one: one.group_resource != ("", "pods"))


class NamespaceReconciler:
    def __init__(self, client: Client, namespaces: Informer[Namespace], world: World = REAL_WORLD) -> None:
        self._client, self._namespaces, self._world = client, namespaces, world

    async def reconcile(self, key: ObjectKey) -> Result:
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletion_timestamp is None:
            return DONE
        remains, since = Remains(), (self._world.now() - namespace.metadata.deletion_timestamp).total_seconds()
        for resource in deletable():
            await self._delete_all(resource, key.name, since, remains)
            if resource.plural == "pods" and not remains.is_nothing:
                break
        namespace = await self._write_conditions(namespace, remains)
        if not remains.is_nothing:
            return Result(requeue_after=AGAIN_SECONDS)
        await self._finalize(namespace)
        return DONE

    async def _delete_all(self, resource: Resource, namespace: str, since: float, remains: Remains) -> None:
        """`since`: the seconds that the namespace has been going."""
        api = self._client.documents(resource, namespace=namespace)
        try:
            if not (await api.list(limit=1)).items:
                return
            await api.delete_collection(propagation_policy="Background")
            left = (await api.list()).items
        except (NotFound, MethodNotAllowed):
            return
        except ApiStatusError as error:
            remains.failures.append(str(error))
            return
        if left:
            if ought_to_be_gone(resource, left, since):
                version = f"{resource.group}/{resource.storage_version}"
                remains.failures.append(f"unexpected items still remain in namespace: {namespace} for gvr: {version}, Resource={resource.plural}")
            remains.objects[f"{resource.plural}.{resource.group}"] = len(left)      # "pods." in the core group, as upstream
            for one in left:
                for finalizer in one["metadata"].get("finalizers", ()):
                    remains.finalizers[finalizer] = remains.finalizers.get(finalizer, 0) + 1

    async def _write_conditions(self, namespace: Namespace, remains: Remains) -> Namespace:
        now = self._world.now().replace(microsecond=0)
        known = {one.type: one for one in namespace.status.conditions}
        wanted = []
        for condition in conditions(remains):
            before = known.get(condition.type)
            since = before.last_transition_time if before is not None and before.status == condition.status else now
            wanted.append(condition.evolve(last_transition_time=since))
        status = namespace.status.evolve(conditions=tuple(wanted))
        if status == namespace.status:
            return namespace
        return await self._client.resource(Namespace).update_status(namespace.evolve(status=status))

    async def _finalize(self, namespace: Namespace) -> None:
        left = tuple(one for one in namespace.spec.finalizers if one != "kubernetes")
        wanted = namespace.evolve(spec=namespace.spec.evolve(finalizers=left))
        try:
            await self._client.request("PUT", f"/api/v1/namespaces/{namespace.metadata.name}/finalize", wanted.to_wire())
        except (NotFound, Conflict):
            return      # gone, or changed: its event brings us back


def ought_to_be_gone(resource: Resource, left: Sequence[Mapping[str, Any]], since: float) -> bool:
    """Nothing holds what was deleted: no finalizer, and pods have had their time to end."""
    if any(one["metadata"].get("finalizers") for one in left):
        return False
    running = [one for one in left if resource.plural == "pods" and (one.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
    return since >= max((int(one["spec"].get("terminationGracePeriodSeconds") or 0) for one in running), default=0)


def conditions(remains: Remains) -> list[NamespaceCondition]:
    """The five conditions of a namespace that is going, in upstream's words."""
    content = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(remains.objects.items()))
    holding = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(remains.finalizers.items()))
    failures = f"Failed to delete all resource types, {len(remains.failures)} remaining: {', '.join(sorted(remains.failures))}" if remains.failures else ""
    return [
        _condition("NamespaceDeletionDiscoveryFailure", "", "ResourcesDiscovered", "", "All resources successfully discovered"),
        _condition("NamespaceDeletionGroupVersionParsingFailure", "", "ParsedGroupVersions", "", "All legacy kube types successfully parsed"),
        _condition("NamespaceDeletionContentFailure", failures, "ContentDeleted", "ContentDeletionFailed",
                   "All content successfully deleted, may be waiting on finalization"),
        _condition("NamespaceContentRemaining", f"Some resources are remaining: {content}" if content else "", "ContentRemoved",
                   "SomeResourcesRemain", "All content successfully removed"),
        _condition("NamespaceFinalizersRemaining", f"Some content in the namespace has finalizers remaining: {holding}" if holding else "",
                   "ContentHasNoFinalizers", "SomeFinalizersRemain", "All content-preserving finalizers finished"),
    ]


def _condition(type: str, fault: str, good: str, bad: str, fine: str) -> NamespaceCondition:
    return NamespaceCondition(type=type, status="True" if fault else "False", reason=bad if fault else good, message=fault or fine)


def namespace_controller(client: Client, factory: InformerFactory) -> Controller:
    namespaces = factory.informer(Namespace)
    return Controller("namespace", NamespaceReconciler(client, namespaces), workers=5).watches(
        namespaces, lambda namespace: [ObjectKey("", namespace.metadata.name)])
