"""Who owns whom, as the watches show it. Pure: events go in, uids worth a look come out."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubeapi.meta import ObjectKey
from kubeapi.resource import Resource

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner reference as the dependent states it."""

    uid: str
    group: str
    kind: str
    name: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Node:
    uid: str
    resource: Resource
    key: ObjectKey
    owners: tuple[Owner, ...] = ()
    is_being_deleted: bool = False
    finalizers: tuple[str, ...] = ()

    @classmethod
    def of(cls, resource: Resource, document: Mapping[str, Any]) -> Node:
        meta = document["metadata"]
        owners = tuple(Owner(one["uid"], one["apiVersion"].rpartition("/")[0], one["kind"], one["name"],
                             bool(one.get("blockOwnerDeletion"))) for one in meta.get("ownerReferences", ()))
        return cls(meta["uid"], resource, ObjectKey(meta.get("namespace", ""), meta["name"]), owners,
                   "deletionTimestamp" in meta, tuple(meta.get("finalizers", ())))


class Graph:
    """Each change answers the uids that need a look because of it."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}      # owner's uid -> uids; the owner may not have been seen

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> list[Node]:
        return [self._nodes[one] for one in self._dependents.get(uid, ())]

    def update(self, node: Node) -> Iterable[str]:
        before = self._nodes.get(node.uid)
        self._unlink(node.uid)
        self._nodes[node.uid] = node
        for owner in node.owners:
            self._dependents.setdefault(owner.uid, set()).add(node.uid)
        looks = [node.uid] if node.owners or node.is_being_deleted else []
        owners = dict.fromkeys(owner.uid for one in (before, node) if one is not None for owner in one.owners)
        # One that is being deleted waits for its dependents: for this one no longer, if it has dropped the reference.
        return [*looks, *(uid for uid in owners if uid in self._nodes and self._nodes[uid].is_being_deleted)]

    def remove(self, uid: str) -> Iterable[str]:
        """Its dependents may have lost their last owner; its owners may wait for it to go."""
        node = self._nodes.get(uid)
        self._unlink(uid)
        self._nodes.pop(uid, None)
        owners = [owner.uid for owner in node.owners if owner.uid in self._nodes] if node is not None else []
        return [*self._dependents.get(uid, ()), *owners]

    def _unlink(self, uid: str) -> None:
        node = self._nodes.get(uid)
        for owner in node.owners if node is not None else ():
            siblings = self._dependents.get(owner.uid)
            if siblings is not None:
                siblings.discard(uid)
                if not siblings:
                    del self._dependents[owner.uid]
