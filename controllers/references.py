"""Who belongs to whom: owner references, adoption and release of what a selector selects."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from kubeapi import labels
from kubeapi.generated.models.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from kubeapi.meta import Object, ObjectKey


class Owned(Protocol):
    @property
    def metadata(self) -> ObjectMeta: ...


T = TypeVar("T", bound=Owned)


def key_of(obj: Owned) -> ObjectKey:
    return ObjectKey(obj.metadata.namespace, obj.metadata.name)


def controller_of(obj: Owned) -> OwnerReference | None:
    """The one owner that manages this object."""
    return next((owner for owner in obj.metadata.owner_references if owner.controller), None)


def controller_key(obj: Owned, kind: str) -> ObjectKey | None:
    """The key of what controls the object, where that is of this kind."""
    owner = controller_of(obj)
    return ObjectKey(obj.metadata.namespace, owner.name) if owner is not None and owner.kind == kind else None


def controller_reference(owner: Any) -> OwnerReference:
    kind: type[Object] = type(owner)
    return OwnerReference(api_version=kind.api_version(), kind=kind.kind(), name=owner.metadata.name, uid=owner.metadata.uid,
                          controller=True, block_owner_deletion=True)


def selector_of(selector: LabelSelector | None) -> labels.Selector:
    return labels.from_label_selector(selector.to_wire() if selector is not None else None)


def index_by_controller(obj: Owned) -> list[str]:
    """For an informer's index: the uid of what controls the object, or `orphans/NAMESPACE`."""
    owner = controller_of(obj)
    return [owner.uid if owner is not None else f"orphans/{obj.metadata.namespace}"]


@dataclass(frozen=True, slots=True)
class Claims(Generic[T]):
    """What a controller finds in its namespace: `mine` it controls already, `adopt` it should take, `release` let go."""

    mine: Sequence[T]
    adopt: Sequence[T]
    release: Sequence[T]


def claims(uid: str, selector: labels.Selector, controlled: Sequence[T], orphans: Sequence[T]) -> Claims[T]:
    """`controlled` has *uid* as its controller; what its selector no longer selects is released, unless it is going anyway."""
    mine = [obj for obj in controlled if selector.matches(obj.metadata.labels)]
    release = [obj for obj in controlled if not selector.matches(obj.metadata.labels) and obj.metadata.deletion_timestamp is None]
    adopt = [obj for obj in orphans if selector.matches(obj.metadata.labels) and obj.metadata.deletion_timestamp is None]
    return Claims(mine, adopt, release)


def adoption_patch(owner: Any, obj: Owned) -> dict[str, Any]:
    """A strategic merge patch; the uid makes it fail for a namesake."""
    return {"metadata": {"uid": obj.metadata.uid, "ownerReferences": [controller_reference(owner).to_wire()]}}


def release_patch(owner_uid: str, obj: Owned) -> dict[str, Any]:
    return {"metadata": {"uid": obj.metadata.uid, "ownerReferences": [{"$patch": "delete", "uid": owner_uid}]}}
