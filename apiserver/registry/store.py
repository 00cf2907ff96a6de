"""The generic Store: reads from the watch cache, writes by compare-and-swap. One per resource, the same for every kind.

The way of a write: decode (at the edge) -> Strategy.default -> admission -> prepare -> validate -> managedFields -> store.
A change that changes nothing writes nothing.
"""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import orjson

from apiserver.cacher import CachedObject, WatchHub, encode_for_storage
from apiserver.cacher.cacher import RevisionMatch
from apiserver.registry.attributes import Attributes, Chain
from apiserver.registry.deletion import DeleteOptions, check_preconditions, marked, may_go_now
from apiserver.registry.hardlymeant import warnings_of
from apiserver.registry.listing import LATEST, ListOptions, decode_continue, encode_continue, expired
from apiserver.registry.translation import translated
from apiserver.registry.writes import check_identity, count_generation, differ_beyond_times, drop_status, keep, rules_of, stamp
from apiserver.storage import interface as storage_errors
from apiserver.storage.interface import Storage, Stored
from kubeapi import errors, managedfields
from kubeapi.copies import fresh
from kubeapi.fielderrors import FieldError, invalid
from kubeapi.managedfields import Manager
from kubeapi.meta import ObjectKey
from kubeapi.resource import Resource
from kubeapi.schema import Schema
from kubeapi.times import format_time
from kubeapi.validation.meta import validate_object_meta, validate_object_meta_update
from kubeapi.world import World
from kubeapi.zeros import fill_zeros

Document = dict[str, Any]
Change = Callable[[Document], Document]
NAME_TRIES = 8


@dataclass(frozen=True, slots=True)
class Context:
    """Who writes, and how."""

    user: str = ""
    groups: Sequence[str] = ()
    manager: str = "unknown"
    dry_run: bool = False
    is_apply: bool = False
    before_creating: Callable[[], Awaitable[None]] | None = None       # where an update turns out to create: may they do that too?
    warn: Callable[[Iterable[str]], None] = lambda texts: None          # what is told of a write that is fine, but hardly meant


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[CachedObject]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


class Store:
    def __init__(self, resource: Resource, storage: Storage, hub: WatchHub, world: World, *, stored_as: Resource | None = None,
                 ttl_seconds: int = 0) -> None:
        """`stored_as`: the resource in whose form objects lie in storage, where that is another (events of both groups)."""
        self.resource, self.cacher = resource, hub.cacher(resource)
        self._stored_as = stored_as or resource
        self._storage, self._hub, self._world, self._ttl = storage, hub, world, ttl_seconds
        self.admission = Chain(())              # set once all stores are there: plugins read other resources

    # --- reads

    def prefix(self, namespace: str = "") -> str:
        return f"{self.resource.storage_prefix}{namespace}/" if namespace else self.resource.storage_prefix

    def key(self, namespace: str, name: str) -> str:
        return self.prefix(namespace) + name

    async def get(self, namespace: str, name: str, resource_version: str = "") -> CachedObject:
        """From the cache, once it has seen what is newest now (or *resource_version*). Raises NotFound."""
        with translated(self.resource, name):
            if resource_version.isdigit():
                await self.cacher.wait_for_revision(max(1, int(resource_version)))
            else:
                await self.cacher.wait_until_current()
        return self.cached(namespace, name)

    def cached(self, namespace: str, name: str) -> CachedObject:
        """As the cache has it now. Raises NotFound."""
        found = self.cacher.get(ObjectKey(namespace, name))
        if found is None:
            raise errors.not_found(self.resource.plural, self.resource.group, name)
        return found

    async def list(self, namespace: str, options: ListOptions) -> Page:
        match, revision, after = _moment(namespace, options)
        try:
            with translated(self.resource, ""):
                found = await self.cacher.list(options.selection(namespace), match=match, revision=revision,
                                               limit=0 if match == "any" else options.limit, after=after)
        except errors.Expired as error:
            raise expired(options) from error
        if not found.more:
            return Page(found.objects, found.revision)
        last = found.objects[-1]
        start = f"{last.name}\0" if namespace or not last.namespace else f"{last.namespace}/{last.name}\0"
        return Page(found.objects, found.revision, encode_continue(found.revision, start), found.remaining)

    # --- create

    async def create(self, namespace: str, document: Document, context: Context) -> CachedObject:
        """Takes the document over. Raises AlreadyExists, Invalid, and what admission raises."""
        resource, strategy = self.resource, self.resource.strategy()
        metadata = document.setdefault("metadata", {})
        if resource.is_namespaced:
            metadata["namespace"] = namespace
        stamp(resource, metadata, self._world)
        drop_status(resource, document)
        fill_zeros(document, self._schema)
        strategy.default(document)
        # Before admission, as upstream: what it adds has no manager. It also differs from pod to pod of one template, and this need not.
        document = self._managed(None, document, context, "")
        metadata = document["metadata"]
        generated = not metadata.get("name") and bool(metadata.get("generateName"))
        for _ in range(NAME_TRIES):
            if generated:
                metadata["name"] = metadata["generateName"][:58] + self._world.name_suffix()
            attributes = Attributes("CREATE", resource, namespace, metadata.get("name", ""), obj=document, user=context.user,
                                    groups=context.groups, dry_run=context.dry_run)
            try:
                return await self._create_admitted(attributes, context)
            except errors.AlreadyExists:
                if not generated:
                    raise
        raise errors.already_exists(resource.plural, resource.group, metadata["name"])

    async def _create_admitted(self, attributes: Attributes, context: Context) -> CachedObject:
        document, strategy = attributes.obj, self.resource.strategy()
        assert document is not None
        try:
            await self.admission.admit(attributes)
            strategy.prepare_for_create(document)
            metadata = document["metadata"]
            faults = [*validate_object_meta(metadata, self.resource.is_namespaced, strategy.name_faults), *strategy.validate(document)]
            self._refuse(metadata.get("name", ""), faults)
            context.warn(warnings_of(self.resource, document, None))
            await self.admission.validate(attributes)
            if "managedFields" in metadata:         # last, where every later write has them: what is equal must have equal bytes
                metadata["managedFields"] = metadata.pop("managedFields")
            name = metadata["name"]
            with translated(self.resource, name):
                value, key = encode_for_storage(document), self.key(attributes.namespace, name)
            if context.dry_run:
                if self.cacher.get(ObjectKey(attributes.namespace, name)) is not None:
                    raise errors.already_exists(self.resource.plural, self.resource.group, name)
                return self.cacher.made_of(Stored(key, value, 0))
            with translated(self.resource, name, is_write=True):
                return await self._write(Stored(key, value, 0), document)
        except BaseException as error:
            await _undo(attributes, error)
            raise

    # --- apply

    async def apply(self, namespace: str, name: str, config: Document, context: Context, *, force: bool,
                    subresource: str = "") -> tuple[CachedObject, bool]:
        """Server-side apply: the object, and whether this created it. Raises Conflict naming the other managers."""
        manager = Manager(context.manager, "Apply", self._stored_api_version, subresource)
        context = replace(context, is_apply=True)

        def applied(live: Document | None) -> Document:
            return managedfields.apply(live, fresh(config), manager, force, format_time(self._world.now()), self._schema)

        metadata = config["metadata"]
        for _ in range(NAME_TRIES):             # others may create and delete it in between
            try:
                return await self.update(namespace, name, applied, context, subresource=subresource,
                                         resource_version=metadata.get("resourceVersion", ""), uid=metadata.get("uid", "")), False
            except errors.NotFound:
                if subresource:
                    raise
            if uid := metadata.get("uid"):
                raise errors.conflict(self.resource.plural, self.resource.group, name, f"uid mismatch: the provided object specified "
                                      f"uid {uid}, and no existing object was found")
            if context.before_creating is not None:
                await context.before_creating()
            with contextlib.suppress(errors.AlreadyExists):
                return await self.create(namespace, applied(None), context), True
        raise errors.conflict(self.resource.plural, self.resource.group, name)

    # --- update

    async def replace(self, namespace: str, name: str, document: Document, context: Context, *, subresource: str = "",
                      ) -> tuple[CachedObject, bool]:
        """PUT: the object, and whether this created it (where the kind allows that)."""
        metadata, strategy = document["metadata"], self.resource.strategy()
        version = metadata.get("resourceVersion", "")
        version = "" if version == "0" else version

        def replaced(old: Document) -> Document:
            if not version and not strategy.allow_unconditional_update:
                raise errors.invalid(self.resource.plural, self.resource.group, name, [invalid(   # the plural, not the kind: as upstream
                    "metadata.resourceVersion", 0, "must be specified for an update")])
            copied: Document = fresh(document)
            return copied

        try:
            return await self.update(namespace, name, replaced, context, subresource=subresource, resource_version=version,
                                     uid=metadata.get("uid", "")), False
        except errors.NotFound:
            if not strategy.allow_create_on_update or subresource or version:
                raise
            if context.before_creating is not None:
                await context.before_creating()
            return await self.create(namespace, document, context), True

    async def update(self, namespace: str, name: str, change: Change, context: Context, *, subresource: str = "",
                     resource_version: str = "", uid: str = "") -> CachedObject:
        """`change` makes the wanted document out of (a copy of) the stored one, as often as others write in between."""
        attributes = Attributes("UPDATE", self.resource, namespace, name, subresource, user=context.user, groups=context.groups,
                                dry_run=context.dry_run)
        key = self.key(namespace, name)
        await self.cacher.wait_for_revision(1)
        current = await self._current(key, ObjectKey(namespace, name), resource_version)
        while True:
            old = decode_stored(current.value, current.revision)
            wanted = change(decode_stored(current.value, current.revision))
            check_identity(self.resource, wanted, old, resource_version, uid)
            try:
                found = await self._update_admitted(attributes, old, wanted, current, context)
                break
            except storage_errors.Conflict as conflict:
                await _undo(attributes, conflict)
                if conflict.current is None:
                    raise errors.not_found(self.resource.plural, self.resource.group, name) from None
                current = conflict.current
            except BaseException as error:
                await _undo(attributes, error)
                raise
        for settle in attributes.afterwards:
            await settle()
        return found

    async def _current(self, key: str, object_key: ObjectKey, resource_version: str) -> Stored:
        """The cached state if it may be the newest, else the stored one."""
        cached = self.cacher.get(object_key)
        if cached is not None and resource_version in ("", str(cached.revision)):
            return cached.stored
        with translated(self.resource, object_key.name):
            return await self._storage.get(key)

    async def _update_admitted(self, attributes: Attributes, old: Document, wanted: Document, current: Stored,
                               context: Context) -> CachedObject:
        strategy, subresource = self.resource.strategy(), attributes.subresource
        keep(self.resource, wanted, old, subresource)
        self._fill_zeros(wanted, subresource)
        strategy.default(wanted)
        attributes.obj, attributes.old = wanted, old
        prepare, check = rules_of(strategy, subresource)
        prepare(wanted, old)
        await self.admission.admit(attributes)
        count_generation(self.resource, wanted, old, subresource)
        faults = [*validate_object_meta_update(wanted["metadata"], old["metadata"]),
                  *check(wanted, old)]
        self._refuse(attributes.name, faults)
        if not subresource:
            context.warn(warnings_of(self.resource, wanted, old))
        await self.admission.validate(attributes)
        wanted = self._managed(old, wanted, context, subresource)
        with translated(self.resource, attributes.name):
            value = encode_for_storage(wanted)
        if value == current.value or context.dry_run:
            attributes.afterwards.clear()
            return self.cacher.made_of(Stored(current.key, value, current.revision))
        with translated(self.resource, attributes.name, is_write=True):
            if subresource in ("", "finalize") and may_go_now(old, wanted, strategy):
                revision = await self._storage.delete_if(current.key, revision=current.revision)
                attributes.afterwards.append(partial(self.admission.deleted, attributes))
                return self.cacher.made_of(Stored(current.key, value, revision))
            return await self._write(Stored(current.key, value, current.revision), wanted)

    def _fill_zeros(self, wanted: Document, subresource: str) -> None:
        """An update of the status, or a binding, leaves the rest as it was stored: filled."""
        if subresource not in ("status", "binding"):
            fill_zeros(wanted, self._schema)
            return
        changed: Document = {name: wanted[name] for name in ("metadata", "status") if name in wanted}
        fill_zeros(changed, self._schema)
        if "status" in changed:
            wanted["status"] = changed["status"]

    # --- delete

    async def delete(self, namespace: str, name: str, options: DeleteOptions, context: Context) -> tuple[CachedObject, bool]:
        """The last state, and whether it is gone (else it waits for its grace or its finalizers)."""
        dry_run = context.dry_run or options.dry_run
        attributes = Attributes("DELETE", self.resource, namespace, name, user=context.user, groups=context.groups, dry_run=dry_run)
        key, strategy = self.key(namespace, name), self.resource.strategy()
        await self.cacher.wait_for_revision(1)
        await self.admission.admit(attributes)
        await self.admission.validate(attributes)
        with translated(self.resource, name):
            current = await self._storage.get(key)
        while True:
            document = decode_stored(current.value, current.revision)
            check_preconditions(self.resource, name, document, options)
            waiting = marked(document, strategy, options, self._world.now())
            try:
                with translated(self.resource, name, is_write=True):
                    if waiting is not None:
                        value = encode_for_storage(waiting)
                        if value != current.value and not dry_run:
                            return await self._write(Stored(key, value, current.revision), waiting), False
                        return self.cacher.made_of(Stored(key, value, current.revision)), False
                    if not dry_run:
                        revision = await self._storage.delete_if(key, revision=current.revision)
                        current = Stored(key, current.value, revision)
                        attributes.old = document
                        await self.admission.deleted(attributes)
                    return self.cacher.made_of(current), True
            except storage_errors.Conflict as conflict:
                if conflict.current is None:
                    raise errors.not_found(self.resource.plural, self.resource.group, name) from None
                current = conflict.current

    # --- shared

    async def _write(self, wanted: Stored, document: Document) -> CachedObject:
        """Puts the value where its revision is what is there now (0: nothing). `document` is the value, decoded."""
        key, value, revision = wanted.key, wanted.value, wanted.revision
        self.cacher.begin_write(key, value, document)
        try:
            if revision:
                revision = await self._storage.put_if(key, value, revision=revision, ttl_seconds=self._ttl)
            else:
                revision = await self._storage.create(key, value, ttl_seconds=self._ttl)
            return self.cacher.written(Stored(key, value, revision))
        finally:
            self.cacher.end_write(key)

    def _managed(self, old: Document | None, document: Document, context: Context, subresource: str) -> Document:
        if context.is_apply:                    # it has its entries already; new times alone are no change
            return document if old is None or differ_beyond_times(document, old) else old
        manager = Manager(context.manager, "Update", self._stored_api_version, subresource)
        now = format_time(self._world.now())
        if old is None and "status" in self.resource.subresources:      # a creator has no say in it, and does not manage it
            theirs = {name: value for name, value in document.items() if name != "status"}
            return {**document, "metadata": managedfields.track_update(None, theirs, manager, now, self._schema)["metadata"]}
        return managedfields.track_update(old, document, manager, now, self._schema)

    @cached_property
    def _stored_api_version(self) -> str:
        """The version whose fields the managers' entries name, whichever the request came by."""
        return self._stored_as.gvk(self._stored_as.storage_version).api_version

    @cached_property
    def _schema(self) -> Schema:
        return self._stored_as.version(self._stored_as.storage_version).schema()

    def _refuse(self, name: str, faults: Sequence[FieldError]) -> None:
        if faults:
            raise errors.invalid(self.resource.kind, self.resource.group, name, faults)


async def _undo(attributes: Attributes, error: BaseException) -> None:
    """Gives back what admission took for a write that did not happen. Where that is not known it stays taken: given back, it
    might be had by two."""
    if isinstance(error, errors.ServiceUnavailable | asyncio.CancelledError):
        return
    attributes.afterwards.clear()
    while attributes.undo:
        await attributes.undo.pop()()


def _moment(namespace: str, options: ListOptions) -> tuple[RevisionMatch, int, ObjectKey | None]:
    """Which state a list is of, and behind which key it begins."""
    if options.continue_token:
        revision, start = decode_continue(options.continue_token)
        space, slash, name = start.rstrip("\0").rpartition("/")
        moment: RevisionMatch = "consistent" if revision == LATEST else "exact"
        return moment, max(revision, 0), ObjectKey(space if slash else namespace, name)
    if options.match == "Exact":
        return "exact", options.resource_version or 0, None
    if options.resource_version is None:
        return "consistent", 0, None
    return ("not_older", options.resource_version, None) if options.resource_version else ("any", 0, None)


def decode_stored(value: bytes, revision: int) -> Document:
    document: Document = orjson.loads(value)
    document["metadata"]["resourceVersion"] = str(revision)
    return document
