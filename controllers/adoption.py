"""Takes what belongs to an owner and lets go what does not: the writes that follow from `references.claims`."""
from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from controllers.references import Owned, adoption_patch, claims, release_patch
from kubeapi.errors import NotFound
from kubeapi.labels import Selector
from kubeapi.meta import Object
from kubeclient.client import Client, ResourceClient
from kubeclient.informer import Informer

M = TypeVar("M", bound=Object)


async def claim(client: Client, owner: Any, selector: Selector, objects: Informer[M], model: type[M]) -> Sequence[M]:
    """What *owner* controls, after adopting orphans that it selects and releasing what it no longer selects. *objects* has the
    index `controller` (`references.index_by_controller`)."""
    metadata = owner.metadata
    controlled: Sequence[Any] = objects.by_index("controller", metadata.uid)
    orphans: Sequence[Any] = objects.by_index("controller", f"orphans/{metadata.namespace}")
    found = claims(metadata.uid, selector, controlled, orphans)
    if metadata.deletion_timestamp is not None or not (found.adopt or found.release):
        return found.mine
    live: Any = await client.resource(type(owner), metadata.namespace).get(metadata.name)
    if live.metadata.uid != metadata.uid or live.metadata.deletion_timestamp is not None:
        return found.mine                       # the cache is behind: nobody adopts for the dead
    api = client.resource(model, metadata.namespace)
    for obj in found.release:
        await _patched(api, obj, release_patch(metadata.uid, obj))
    adopted = [await _patched(api, obj, adoption_patch(owner, obj)) for obj in found.adopt]
    return [*found.mine, *(obj for obj in adopted if obj is not None)]


async def _patched(api: ResourceClient[M], obj: Owned, patch: dict[str, Any]) -> M | None:
    """None where it is gone meanwhile: its deletion wakes us."""
    writing: Awaitable[M] = api.patch(obj.metadata.name, patch, type="strategic")
    try:
        return await writing
    except NotFound:
        return None
