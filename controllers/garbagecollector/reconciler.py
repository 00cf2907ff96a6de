"""Looks at one object at a time: are its owners there, does its own deletion wait for its dependents?

The graph only says where to look. Before anything is deleted its owners are asked for live, by uid; the deletion carries
the object's uid and resourceVersion, so that a change in between wins.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controllers.garbagecollector.graph import FOREGROUND, ORPHAN, Graph, Node, Owner
from kubeapi.catalog import RESOURCES, by_kind
from kubeapi.errors import Conflict, NotFound, UnsupportedMediaType
from kubeapi.generated.models.core_v1 import ObjectReference
from kubeapi.meta import ObjectKey
from kubeapi.patch import strategic
from kubeapi.resource import Resource
from kubeapi.schemas import schema_of
from kubeclient.client import Client, ResourceClient
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory

PRESENT, GOING, GONE = "present", "going", "gone"       # an owner; one that is going waits for its dependents


def collectable() -> list[Resource]:
    """Every resource that can be watched and deleted; events own nothing and are owned by nobody."""
    return [one for one in RESOURCES if {"list", "watch", "delete"} <= set(one.verbs) and one.plural != "events"]


class GarbageCollector:
    """Keys are uids."""

    def __init__(self, client: Client, graph: Graph, recorder: EventRecorder) -> None:
        self._client, self._graph, self._recorder = client, graph, recorder

    async def reconcile(self, key: ObjectKey) -> Result:
        node = self._graph.get(key.name)
        if node is None:
            return DONE
        if node.is_being_deleted:
            if ORPHAN in node.finalizers:
                await self._orphan(node)
            elif FOREGROUND in node.finalizers:
                await self._delete_dependents(node)
        elif node.owners:
            await self._collect(node)
        return DONE

    async def _collect(self, node: Node) -> None:
        standings = [await self._standing(owner, node) for owner in node.owners]
        lost = [owner for owner, standing in zip(node.owners, standings, strict=True) if standing != PRESENT]
        if lost and len(lost) < len(node.owners):       # it has somebody left: only forget the others
            await self._patch(node, {"ownerReferences": [{"$patch": "delete", "uid": owner.uid} for owner in lost]})
        elif lost:
            await self._delete(node, is_awaited=GOING in standings)

    async def _delete(self, node: Node, *, is_awaited: bool) -> None:
        """Nobody owns it any more. Where an owner waits for it, it waits for what it owns itself."""
        dependents = self._graph.dependents(node.uid) if is_awaited else []
        if any(one.is_being_deleted and FOREGROUND in one.finalizers for one in dependents) and any(owner.blocks for owner in node.owners):
            # A circle: what it owns waits for it. It lets go first; the event of that brings it back here.
            await self._patch(node, {"ownerReferences": [{"uid": owner.uid, "blockOwnerDeletion": False} for owner in node.owners]})
            return
        policy = "Foreground" if dependents else policy_of(node)
        try:
            live = await self._api(node).get(node.key.name)
            seen = Node.of(node.resource, live)
            if seen.uid != node.uid or set(seen.owners) != set(node.owners) or seen.is_being_deleted:
                return                          # somebody else now, owned by others, or going already: its event brings us back
            await self._api(node).delete(node.key.name, uid=node.uid, resource_version=live["metadata"]["resourceVersion"],
                                         propagation_policy=policy)
        except (NotFound, Conflict):
            return

    async def _standing(self, owner: Owner, node: Node) -> str:
        """Asked of the API server: a cache that has not seen an owner proves nothing. A kind it does not serve is not gone.
        An owner in another namespace is none: names are looked up in the dependent's. A cluster-wide dependent has no
        namespace to look in: it is left alone."""
        namespace, known = node.key.namespace, self._graph.get(owner.uid)
        try:
            resource = known.resource if known is not None else by_kind(owner.group, owner.kind)
        except KeyError:
            return PRESENT
        if resource.is_namespaced and not node.resource.is_namespaced:
            self._tell_wrong_namespace(owner, node)
            return PRESENT
        if known is not None:
            if resource.is_namespaced and known.key.namespace != namespace:
                self._tell_wrong_namespace(owner, node)
                return GONE
            return GOING if known.is_being_deleted and FOREGROUND in known.finalizers else PRESENT
        try:
            live = await self._client.documents(resource, namespace=namespace if resource.is_namespaced else "").get(owner.name)
        except NotFound:
            return GONE
        return PRESENT if live["metadata"]["uid"] == owner.uid else GONE

    def _tell_wrong_namespace(self, owner: Owner, node: Node) -> None:
        self._recorder.event(_reference(node), "Warning", "OwnerRefInvalidNamespace",
                             f"ownerRef [{owner}] does not exist in namespace \"{node.key.namespace}\"")

    async def _orphan(self, node: Node) -> None:
        for dependent in self._graph.dependents(node.uid):
            await self._patch(dependent, {"ownerReferences": [{"$patch": "delete", "uid": node.uid}]})
        await self._drop_finalizer(node, ORPHAN)

    async def _delete_dependents(self, node: Node) -> None:
        """Foreground: dependents that nobody else owns first; those that block keep the owner until they are gone or let go."""
        dependents = self._graph.dependents(node.uid)
        for dependent in dependents:
            if not dependent.is_being_deleted:
                await self._collect(dependent)
        if not any(owner.uid == node.uid and owner.blocks for dependent in dependents for owner in dependent.owners):
            await self._drop_finalizer(node, FOREGROUND)

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        await self._patch(node, {"$deleteFromPrimitiveList/finalizers": [finalizer]})

    async def _patch(self, node: Node, metadata: dict[str, object]) -> None:
        try:
            await self._strategically_or_not(node, metadata)
        except NotFound:
            return
        except Conflict as error:
            if "uid" not in str(error).lower():
                raise

    async def _strategically_or_not(self, node: Node, metadata: dict[str, object]) -> None:
        """Custom resources know no strategic patches: one is carried out here, on what was just read and must not have changed."""
        api = self._api(node)
        try:
            await api.patch(node.key.name, {"metadata": {"uid": node.uid, **metadata}}, type="strategic")
        except UnsupportedMediaType:
            live = (await api.get(node.key.name))["metadata"]
            wanted = strategic.apply(live, metadata, schema_of("meta", "v1", "ObjectMeta"))
            await api.patch(node.key.name, {"metadata": {
                "uid": node.uid, "resourceVersion": live["resourceVersion"],
                **{field: wanted.get(field) or None for field in ("ownerReferences", "finalizers")}}})

    def _api(self, node: Node) -> ResourceClient[dict[str, Any]]:
        return self._client.documents(node.resource, namespace=node.key.namespace)


def policy_of(node: Node) -> str:
    """As somebody has asked for before, by a finalizer."""
    return "Orphan" if ORPHAN in node.finalizers else "Foreground" if FOREGROUND in node.finalizers else "Background"


def _reference(node: Node) -> ObjectReference:
    gvk = node.resource.gvk(node.resource.storage_version)
    return ObjectReference(api_version=gvk.api_version, kind=gvk.kind, namespace=node.key.namespace, name=node.key.name, uid=node.uid)


def garbage_collector(client: Client, recorder: EventRecorder, factory: InformerFactory) -> Controller:
    graph = Graph()
    controller = Controller("garbagecollector", GarbageCollector(client, graph, recorder.of("garbage-collector-controller")), workers=10)
    for resource in collectable():
        _watch(controller, graph, factory, resource)
    return controller


def _watch(controller: Controller, graph: Graph, factory: InformerFactory, resource: Resource) -> None:
    informer = factory.document_informer(resource)

    def look(uids: Iterable[str]) -> None:
        for uid in uids:
            controller.queue.add(ObjectKey("", uid))

    def update(old: dict[str, Any], new: dict[str, Any]) -> None:
        if old["metadata"]["uid"] != new["metadata"]["uid"]:        # recreated under its name while the watch was away
            look(graph.remove(old["metadata"]["uid"]))
        look(graph.update(Node.of(resource, new)))

    informer.add_handler(
        lambda document: look(graph.update(Node.of(resource, document))), update,
        lambda document: look(graph.remove(document["metadata"]["uid"])))
    controller.waits_for(informer)

