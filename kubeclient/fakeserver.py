"""An API server in memory, as far as a client can tell: the Transport under kubeclient.testing's FakeClient.

It keeps versions, conflicts, finalizers, selectors and watches; it neither defaults nor validates. It can be told to fail,
to hang, to break its watches and to forget its past.
"""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import orjson

from kubeapi import errors, fields, labels
from kubeapi.catalog import by_plural
from kubeapi.meta import ObjectKey
from kubeapi.patch import jsonpatch, mergepatch, strategic
from kubeapi.resource import GroupResource, Resource
from kubeapi.times import format_time
from kubeapi.world import World
from kubeclient.client import PATCH_TYPES
from kubeclient.transport import Request, TransportError

Document = dict[str, Any]
FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}      # by propagation policy
LONGEST_WATCH_SECONDS = 24 * 3600.0
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Action(NamedTuple):
    """A write; the resource is `pods`, or `pods/status`."""

    verb: str
    resource: str


@dataclass(frozen=True)
class Write:
    action: Action
    key: ObjectKey
    body: Any
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Hangs(Exception):
    """To fail with: the server never answers."""


class AnswerLost(Exception):
    """To fail with: the request is carried out, and then the connection breaks."""


class _Target(NamedTuple):
    resource: Resource
    version: str
    key: ObjectKey                  # an empty name is the collection's
    subresource: str

    @property
    def path(self) -> str:
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


class _Change(NamedTuple):
    revision: int
    type: str
    before: Document | None
    after: Document                 # of a DELETED: the last state, at the deletion's revision


@dataclass
class _Shelf:
    objects: dict[ObjectKey, Document] = field(default_factory=dict)
    log: list[_Change] = field(default_factory=list)


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        if self.stream is None:
            yield self.body
            return
        async for line in self.stream:
            yield line


class FakeServer:
    """A Transport that answers from memory. `is_down` refuses every connection, `latency_seconds` delays every answer;
    `is_mute` tells open watches nothing, `longest_watch_seconds` ends them.
    `custom` resources know no strategic patches."""

    def __init__(self, world: World) -> None:
        self.is_down = False
        self.is_mute = False
        self.custom: set[str] = set()
        self.latency_seconds = 0.0
        self.longest_watch_seconds = LONGEST_WATCH_SECONDS
        self.writes: list[Write] = []
        self.requests: list[Request] = []
        self._world = world
        self._revision = 0
        self._oldest = 0
        self._outages = 0
        self._repeats = self._repeated_from = 0
        self._shelves: dict[GroupResource, _Shelf] = {}
        self._failures: dict[tuple[str, str], deque[Exception]] = {}
        self._changed = asyncio.Event()

    # --- what a test tells it

    def fail(self, verb: str, resource: str, *failures: Exception) -> None:
        """The next requests of this kind meet these, one after the other: ApiStatusError is answered, Hangs never is,
        AnswerLost is what the client does not hear of."""
        self._failures.setdefault((verb, resource), deque()).extend(failures)

    def break_watches(self) -> None:
        """Every open watch loses its connection."""
        self._outages += 1
        self._wake()

    def expire_watches(self) -> None:
        """As after a compaction: nothing older than now can be watched; open watches are broken too."""
        self._oldest = self._revision
        self.break_watches()

    def repeat_events(self, revisions: int) -> None:
        """Open watches tell what they told of the last revisions once more, as one that an older server took over."""
        self._repeats += 1
        self._repeated_from = self._revision - revisions
        self._wake()

    def put(self, resource: Resource, document: Document) -> Document:
        key = key_of(document)
        before = self._shelf(resource).objects.get(key)
        stamped = {"uid": self._world.uid(), "creationTimestamp": format_time(self._world.now())} if before is None else {}
        return self._store(resource, {**document, "metadata": {**stamped, **document["metadata"]}}, before)

    def remove(self, resource: Resource, key: ObjectKey) -> None:
        self._drop(resource, key, self._found(resource, key))

    def find(self, resource: Resource, key: ObjectKey) -> Document | None:
        return self._shelf(resource).objects.get(key)

    def all(self, resource: Resource) -> list[Document]:
        return [*self._shelf(resource).objects.values()]

    # --- the transport

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[_Answer]:
        self.requests.append(request)
        await asyncio.sleep(self.latency_seconds)
        if self.is_down:
            raise TransportError("the fake server is down")
        path, _, query_text = request.path.partition("?")
        query = dict(parse_qsl(query_text))
        target = _target(path)
        verb = _verb(request.method, target, query)
        waiting = self._failures.get((verb, target.path))
        failure = waiting.popleft() if waiting else None
        if isinstance(failure, Hangs):
            await asyncio.get_running_loop().create_future()
        try:
            if failure is not None and not isinstance(failure, AnswerLost):
                raise failure
            answer = self._answer(verb, target, request, query)
        except errors.ApiStatusError as error:
            seconds = error.status.get("details", {}).get("retryAfterSeconds")
            headers = {"retry-after": str(seconds)} if seconds is not None else {}
            answer = _Answer(error.http_code, orjson.dumps(error.status), headers)
        if isinstance(failure, AnswerLost):
            raise TransportError("the fake server broke the connection")
        yield answer

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _answer(self, verb: str, target: _Target, request: Request, query: Mapping[str, str]) -> _Answer:
        if verb == "watch":
            return _Answer(200, stream=self._watch(target, query, self._outages))
        if verb == "get":
            return _Answer(200, orjson.dumps(self._found(target.resource, target.key)))
        if verb == "list":
            return _Answer(200, orjson.dumps(self._list(target, query)))
        body = orjson.loads(request.body) if request.body else None
        self.writes.append(Write(Action(verb, target.path), target.key, body, query, request.headers))
        return _Answer(201 if verb == "create" else 200, orjson.dumps(self._write(verb, target, body, request.headers, query)))

    def _write(self, verb: str, target: _Target, body: Any, headers: Mapping[str, str], query: Mapping[str, str]) -> Document:
        if verb == "create":
            return self._create_below(target, body) if target.subresource else self._create(target, body)
        if verb == "update":
            return self._update(target, body)
        if verb == "patch":
            return self._patch(target, body, headers["Content-Type"])
        if verb == "delete":
            return self._delete(target.resource, target.key, body or {})
        matches = _matcher(target, query)
        for document in [one for one in self.all(target.resource) if matches(one)]:
            self._delete(target.resource, key_of(document), {})
        return _success()

    # --- verbs

    def _list(self, target: _Target, query: Mapping[str, str]) -> Document:
        matches = _matcher(target, query)
        after = tuple(orjson.loads(query["continue"])) if query.get("continue") else ("", "")
        found = sorted((one for one in self.all(target.resource) if matches(one) and key_of(one) > after), key=key_of)
        limit = int(query.get("limit") or 0) or len(found)
        more = {"continue": orjson.dumps([*key_of(found[limit - 1])]).decode()} if len(found) > limit else {}
        own = target.resource.gvk(target.version)
        items = [{name: value for name, value in one.items() if name not in ("apiVersion", "kind")} for one in found[:limit]]
        return {"apiVersion": own.api_version, "kind": f"{own.kind}List", "metadata": {"resourceVersion": str(self._revision), **more},
                "items": items}

    def _create(self, target: _Target, body: Document) -> Document:
        metadata = dict(body.get("metadata", {}))
        if not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + self._world.name_suffix()
        if target.resource.is_namespaced:
            metadata["namespace"] = target.key.namespace
        document = {**body, "metadata": {**metadata, "generation": 1}}
        if self.find(target.resource, key_of(document)) is not None:
            raise errors.already_exists(target.resource.plural, target.resource.group, metadata["name"])
        return self.put(target.resource, document)

    def _create_below(self, target: _Target, body: Document) -> Document:
        found = self._found(target.resource, target.key)
        if target.path == "pods/binding":
            self._store(target.resource, {**found, "spec": {**found.get("spec", {}), "nodeName": body["target"]["name"]}}, found)
        return _success()

    def _update(self, target: _Target, body: Document) -> Document:
        resource, current = target.resource, self._found(target.resource, target.key)
        version = body["metadata"].get("resourceVersion")
        if version and version != current["metadata"]["resourceVersion"]:
            raise errors.conflict(resource.plural, resource.group, target.key.name)
        return self._replace(target, current, body)

    def _patch(self, target: _Target, body: Any, content_type: str) -> Document:
        resource, current = target.resource, self._found(target.resource, target.key)
        if isinstance(body, dict) and body.get("metadata", {}).get("uid", current["metadata"]["uid"]) != current["metadata"]["uid"]:
            raise errors.conflict(resource.plural, resource.group, target.key.name, "Precondition failed: UID in precondition")
        if content_type == PATCH_TYPES["json"]:
            return self._replace(target, current, jsonpatch.apply(current, body))
        if content_type == PATCH_TYPES["strategic"]:
            if resource.plural in self.custom:
                raise errors.UnsupportedMediaType("the body of the request was in an unknown format")
            return self._replace(target, current, strategic.apply(current, body, resource.version(target.version).schema()))
        return self._replace(target, current, mergepatch.apply(current, body))

    def _replace(self, target: _Target, current: Document, wanted: Document) -> Document:
        kept = {name: current["metadata"][name] for name in ("uid", "creationTimestamp", "resourceVersion")}
        if target.subresource in ("status", "approval"):
            new = {**current, **{name: wanted[name] for name in ("status",) if name in wanted}}
        else:
            new = {**wanted, "metadata": {**wanted["metadata"], **kept}}
            if "status" in target.resource.subresources:
                new = {**{name: value for name, value in new.items() if name != "status"},
                       **{name: current[name] for name in ("status",) if name in current}}
            if new.get("spec") != current.get("spec"):
                new["metadata"]["generation"] = current["metadata"].get("generation", 0) + 1
        if new == current:
            return current
        if "deletionTimestamp" in new["metadata"] and not _is_held(new):
            return self._drop(target.resource, target.key, new)
        return self._store(target.resource, new, current)

    def _delete(self, resource: Resource, key: ObjectKey, options: Document) -> Document:
        found = self._found(resource, key)
        for name, wanted in (options.get("preconditions") or {}).items():
            if found["metadata"][name] != wanted:
                raise errors.conflict(resource.plural, resource.group, key.name, f"Precondition failed: {name}")
        if waits := FINALIZERS.get(options.get("propagationPolicy") or ""):
            kept = [*found["metadata"].get("finalizers", ()), waits]
            found = {**found, "metadata": {**found["metadata"], "finalizers": list(dict.fromkeys(kept))}}
        if not _is_held(found):
            self._drop(resource, key, found)
        elif "deletionTimestamp" not in found["metadata"]:
            marked = {**found["metadata"], "deletionTimestamp": format_time(self._world.now())}
            self._store(resource, {**found, "metadata": marked}, found)
        return _success()

    async def _watch(self, target: _Target, query: Mapping[str, str], outages: int) -> AsyncIterator[bytes]:
        matches, log = _matcher(target, query), self._shelf(target.resource).log
        since = int(query.get("resourceVersion") or self._revision)
        loop = asyncio.get_running_loop()
        end = loop.time() + min(float(query.get("timeoutSeconds", self.longest_watch_seconds)), self.longest_watch_seconds)
        if since < self._oldest:
            yield _line("ERROR", errors.Expired(f"too old resource version: {since} ({self._oldest})").status)
            return
        if self.is_mute:
            await loop.create_future()
        repeats = self._repeats
        while True:
            changed = self._changed
            if self._repeats != repeats:
                repeats, since = self._repeats, min(since, self._repeated_from)
            for change in [one for one in log if one.revision > since]:
                since = change.revision
                if (event := _seen(change, matches)) is not None:
                    yield _line(*event)
            if self._outages != outages:
                raise TransportError("the fake server broke the connection")
            try:
                async with asyncio.timeout_at(end):
                    await changed.wait()
            except TimeoutError:
                return

    # --- the store

    def _shelf(self, resource: Resource) -> _Shelf:
        return self._shelves.setdefault(resource.group_resource, _Shelf())

    def _found(self, resource: Resource, key: ObjectKey) -> Document:
        found = self.find(resource, key)
        if found is None:
            raise errors.not_found(resource.plural, resource.group, key.name)
        return found

    def _store(self, resource: Resource, document: Document, before: Document | None) -> Document:
        stored = self._log(resource, "ADDED" if before is None else "MODIFIED", before, document)
        self._shelf(resource).objects[key_of(stored)] = stored
        return stored

    def _drop(self, resource: Resource, key: ObjectKey, last: Document) -> Document:
        before = self._shelf(resource).objects.pop(key)
        return self._log(resource, "DELETED", before, last)

    def _log(self, resource: Resource, type: str, before: Document | None, document: Document) -> Document:
        self._revision += 1
        own = resource.gvk(resource.versions[0].name)
        after = {"apiVersion": own.api_version, "kind": own.kind, **document,
                 "metadata": {**document["metadata"], "resourceVersion": str(self._revision)}}
        self._shelf(resource).log.append(_Change(self._revision, type, before, after))
        self._wake()
        return after

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _target(path: str) -> _Target:
    parts: Iterator[str] = iter([unquote(part) for part in path.strip("/").split("/")])
    group, version = ("", next(parts)) if next(parts) == "api" else (next(parts), next(parts))
    rest = [*parts]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and _is_resource(group, rest[2]):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *_ = [*rest, "", ""]
    return _Target(by_plural(group, plural), version, ObjectKey(namespace, name), subresource)


def _is_resource(group: str, plural: str) -> bool:
    try:
        by_plural(group, plural)
    except KeyError:
        return False
    return True


def _verb(method: str, target: _Target, query: Mapping[str, str]) -> str:
    if method == "GET":
        return "get" if target.key.name else "watch" if query.get("watch") == "true" else "list"
    if method == "DELETE":
        return "delete" if target.key.name else "deletecollection"
    return VERBS[method]


def _matcher(target: _Target, query: Mapping[str, str]) -> Callable[[Document], bool]:
    wanted_labels, wanted_fields = labels.parse(query.get("labelSelector", "")), fields.parse(query.get("fieldSelector", ""))
    selectable = target.resource.selectable_fields

    def matches(document: Document) -> bool:
        metadata = document["metadata"]

        def value_of(name: str) -> str:
            return str(metadata.get(name.partition(".")[2], "")) if name.startswith("metadata.") else selectable[name](document)

        return (target.key.namespace in ("", metadata.get("namespace", "")) and wanted_labels.matches(metadata.get("labels", {}))
                and wanted_fields.matches(value_of))
    return matches


def _seen(change: _Change, matches: Callable[[Document], bool]) -> tuple[str, Document] | None:
    """What a watcher with a selector sees of a change."""
    did = change.before is not None and matches(change.before)
    does = change.type != "DELETED" and matches(change.after)
    if does:
        return ("MODIFIED" if did else "ADDED"), change.after
    return ("DELETED", change.after) if did else None


def _line(type: str, document: Document) -> bytes:
    return orjson.dumps({"type": type, "object": document}) + b"\n"


def _is_held(document: Document) -> bool:
    """By a finalizer; a Namespace has some in its spec, too."""
    return bool(document["metadata"].get("finalizers") or (document.get("kind") == "Namespace" and document.get("spec", {}).get("finalizers")))


def key_of(document: Document) -> ObjectKey:
    metadata = document["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata["name"])


def _success() -> Document:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
