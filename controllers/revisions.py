"""ControllerRevisions: the pod templates that a DaemonSet or StatefulSet has had, numbered and named by their hash.

A revision's data is the strategic merge patch that brings its template back: `kubectl rollout undo` sends it as it is. Which
revision carries a template is told by comparing templates, never by the hash, which may collide.
"""
from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from controllers.adoption import claim
from controllers.deployment.templates import template_hash
from controllers.references import controller_of, controller_reference, index_by_controller
from kubeapi.errors import AlreadyExists
from kubeapi.generated.models.apps_v1 import ControllerRevision
from kubeapi.generated.models.core_v1 import PodTemplateSpec
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.labels import Selector
from kubeapi.schemas import schema_of
from kubeapi.zeros import fill_zeros
from kubeclient.client import Client
from kubeclient.informer import Informer, InformerFactory

REVISION_LABEL = "controller-revision-hash"


class HashCollision(Exception):
    """Another revision has the name that this template's hash gives."""


def data_of(template: PodTemplateSpec) -> dict[str, Any]:
    """Written as Go would write it: with the zeros that show, and names in order."""
    document = {"spec": {"template": template.to_wire()}}
    fill_zeros(document, schema_of("apps", "v1", "DaemonSet"))
    data: dict[str, Any] = {"spec": {"template": {"$patch": "replace", **document["spec"]["template"]}}}
    ordered: dict[str, Any] = json.loads(json.dumps(data, sort_keys=True))
    return ordered


def template_in(revision: ControllerRevision) -> PodTemplateSpec | None:
    """None where the data is none of ours."""
    data: Any = revision.data
    try:
        return PodTemplateSpec.from_wire(data["spec"]["template"])
    except (LookupError, TypeError, ValueError):
        return None


def hash_in(revision: ControllerRevision) -> str:
    """What its pods' label says."""
    return revision.metadata.labels.get(REVISION_LABEL, revision.metadata.name)


class RevisionHistory:
    """The revisions of all owners of one kind; told apart by their controller references."""

    def __init__(self, client: Client, revisions: Informer[ControllerRevision]) -> None:
        self._client, self._revisions = client, revisions
        self._templates: dict[str, PodTemplateSpec | None] = {}         # by uid: data never changes
        revisions.add_handler(on_delete=self._forget_template)

    async def of(self, owner: Any, selector: Selector) -> Sequence[ControllerRevision]:
        """Oldest first; orphans are adopted and strangers released."""
        found = await claim(self._client, owner, selector, self._revisions, ControllerRevision)
        return sorted(found, key=lambda one: (one.revision, one.metadata.name))

    def with_template(self, template: PodTemplateSpec, revisions: Sequence[ControllerRevision]) -> Sequence[ControllerRevision]:
        """Normally one at most; stale caches and collisions may make twins."""
        return [one for one in revisions if self._template(one) == template]

    async def current(self, owner: Any, template: PodTemplateSpec, revisions: Sequence[ControllerRevision],
                      collisions: int | None) -> ControllerRevision:
        """The revision of *template*, with the highest number of all; made where there is none. Raises HashCollision."""
        found = self.with_template(template, revisions)
        number = 1 + max((one.revision for one in revisions if one not in found), default=0)
        if not found:
            return await self._made(owner, template, number, collisions)
        newest = found[-1]
        if newest.revision >= number:
            return newest
        return await self._client.resource(ControllerRevision, owner.metadata.namespace).update(newest.evolve(revision=number))

    async def forget(self, old: Sequence[ControllerRevision], limit: int, in_use: Collection[str]) -> None:
        """Deletes the oldest beyond *limit*, but none whose hash is that of a pod."""
        too_many = len(old) - limit
        for revision in [one for one in old if hash_in(one) not in in_use][:max(0, too_many)]:
            await self.delete(revision)

    async def delete(self, revision: ControllerRevision) -> None:
        api = self._client.resource(ControllerRevision, revision.metadata.namespace)
        await api.delete(revision.metadata.name, uid=revision.metadata.uid)

    async def _made(self, owner: Any, template: PodTemplateSpec, number: int, collisions: int | None) -> ControllerRevision:
        hashed = template_hash(template, collisions)
        labels: Mapping[str, str] = {**template.metadata.labels, REVISION_LABEL: hashed}
        metadata = ObjectMeta(name=f"{owner.metadata.name}-{hashed}", namespace=owner.metadata.namespace, labels=dict(labels),
                              annotations=owner.metadata.annotations, owner_references=(controller_reference(owner),))
        api = self._client.resource(ControllerRevision, owner.metadata.namespace)
        try:
            return await api.create(ControllerRevision(metadata=metadata, data=data_of(template), revision=number))
        except AlreadyExists:
            there = await api.get(metadata.name)
        controller = controller_of(there)
        if controller is None or controller.uid != owner.metadata.uid or self._template(there) != template:
            raise HashCollision(metadata.name)
        return there                            # made before a crash, or not seen yet

    def _template(self, revision: ControllerRevision) -> PodTemplateSpec | None:
        uid = revision.metadata.uid
        if uid not in self._templates:
            self._templates[uid] = template_in(revision)
        return self._templates[uid]

    def _forget_template(self, revision: ControllerRevision) -> None:
        self._templates.pop(revision.metadata.uid, None)


def revision_informer(factory: InformerFactory) -> Informer[ControllerRevision]:
    revisions: Informer[ControllerRevision] = factory.informer(ControllerRevision, indexers={"controller": index_by_controller})
    return revisions
