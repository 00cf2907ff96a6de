"""What happens to a document on its way in, whatever its kind: what is the server's, what this kind of write may not touch, and which
of the Strategy's rules hold."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from kubeapi import errors
from kubeapi.fielderrors import FieldError
from kubeapi.resource import Resource
from kubeapi.strategy import Strategy
from kubeapi.times import format_time
from kubeapi.world import World

Document = dict[str, Any]


def stamp(resource: Resource, metadata: Document, world: World) -> None:
    """What a new object is told by the server, whatever its creator says."""
    for server_owned in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(server_owned, None)
    metadata["uid"] = world.uid()
    metadata["creationTimestamp"] = format_time(world.now())
    if counts_generation(resource):
        metadata["generation"] = 1
    else:
        metadata.pop("generation", None)


def drop_status(resource: Resource, document: Document) -> None:
    """A creator has no say in the status; a node's own kubelet has (as upstream)."""
    if resource.group_resource != ("", "nodes") and "status" in resource.subresources:
        document.pop("status", None)


def check_identity(resource: Resource, wanted: Document, old: Document, resource_version: str, uid: str) -> None:
    metadata, before = wanted["metadata"], old["metadata"]
    given_uid = uid or metadata.get("uid") or before["uid"]
    if given_uid != before["uid"]:
        raise errors.conflict(resource.plural, resource.group, before["name"],
                              f"Precondition failed: UID in precondition: {given_uid}, UID in object meta: {before['uid']}")
    if resource_version and resource_version != before["resourceVersion"]:
        raise errors.conflict(resource.plural, resource.group, before["name"])


def keep(resource: Resource, wanted: Document, old: Document, subresource: str) -> None:
    """What this kind of update may not touch: identity always, spec from /status, status from the main resource."""
    metadata, before = wanted["metadata"], old["metadata"]
    for field in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                  "resourceVersion"):
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)
    if subresource in ("status", "approval"):
        kept = {"managedFields": metadata.get("managedFields"), "resourceVersion": before["resourceVersion"]}
        if resource.group_resource == ("", "nodes"):
            kept |= {name: metadata.get(name) for name in ("labels", "annotations")}
        wanted["metadata"] = {**before, **{name: value for name, value in kept.items() if value is not None}}
        for field in [*old, *wanted]:
            if field not in ("metadata", "status"):
                if field in old:
                    wanted[field] = old[field]
                else:
                    wanted.pop(field, None)
    elif not subresource and "status" in resource.subresources:
        if "status" in old:
            wanted["status"] = old["status"]
        else:
            wanted.pop("status", None)


def count_generation(resource: Resource, wanted: Document, old: Document, subresource: str) -> None:
    desired = resource.strategy().desired
    if counts_generation(resource) and "generation" in old["metadata"] and subresource != "status" \
            and desired(wanted) != desired(old):
        wanted["metadata"]["generation"] = old["metadata"]["generation"] + 1


def rules_of(strategy: Strategy, subresource: str) -> tuple[Callable[[Document, Document], None], Callable[[Document, Document], Sequence[FieldError]]]:
    """What prepares and what validates an update of a part of an object; what else is below objects looks after itself."""
    match subresource:
        case "":
            return strategy.prepare_for_update, strategy.validate_update
        case "status":
            return strategy.prepare_for_status_update, strategy.validate_status_update
        case "approval":
            return strategy.prepare_for_approval, strategy.validate_approval
    return partial(strategy.prepare_for_part, subresource), partial(strategy.validate_part, subresource)


def differ_beyond_times(document: Document, old: Document) -> bool:
    """New times in managedFields alone are no change."""
    return _timeless(document) != _timeless(old)


def _timeless(document: Document) -> Document:
    metadata = document["metadata"]
    entries = [{name: value for name, value in entry.items() if name != "time"} for entry in metadata.get("managedFields") or ()]
    return {**document, "metadata": {**metadata, "managedFields": entries}}


def counts_generation(resource: Resource) -> bool:
    counts = resource.strategy().has_generation
    return "spec" in resource.version(resource.storage_version).schema().properties if counts is None else counts
