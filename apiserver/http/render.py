"""A resource's objects as the client accepts them: JSON or protobuf; whole, as a Table, or their metadata only.

JSON in the storage version is joined from the cached bytes; everything else is made once per object and revision.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from apiserver.cacher import CachedObject, JsonLines, Representation
from apiserver.cacher.lines import INITIAL_EVENTS_END, ChangeType
from apiserver.http import table
from apiserver.http.negotiation import JSON, Accepted
from apiserver.registry.listing import is_true
from kubeapi.protobuf import encode_object, encode_watch_event, envelope
from kubeapi.protobuf.envelope import encode_message
from kubeapi.protobuf.wire import delimited
from kubeapi.resource import Resource, Version
from kubeapi.schemas import named
from kubeapi.world import World
from kubeapi.yamldoc import dump

Document = dict[str, Any]
LIST_META = "meta_v1.ListMeta"


class Renderer:
    """Of one version of one resource."""

    def __init__(self, resource: Resource, version: Version, world: World) -> None:
        self._resource, self._version, self._world = resource, version, world
        self._api_version = resource.gvk(version.name).api_version

    def one(self, found: CachedObject, accepted: Accepted, query: Mapping[str, str]) -> bytes:
        if accepted.kind == "Table":
            body = orjson.dumps(self._tables(accepted, query).of_one(found))
        elif accepted.is_protobuf:
            body = self._protobuf(found, accepted)
        elif accepted.kind:
            body = orjson.dumps(table.metadata_only(found.document(), accepted.version))
        else:
            body = self._json(found)
        if accepted.is_yaml:
            return dump(orjson.loads(body))
        if is_true(query.get("pretty", "")) and not accepted.is_protobuf:
            body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
        return body

    def listed(self, objects: Sequence[CachedObject], metadata: Document, accepted: Accepted,
               query: Mapping[str, str]) -> tuple[bytes, Iterable[bytes], bytes]:
        """(what comes before the items, the items, made while they are taken, what comes after them); protobuf and YAML are one piece."""
        if accepted.is_yaml:
            first, parts, last = self.listed(objects, metadata, replace(accepted, media=JSON), query)
            return dump(orjson.loads(first + b",".join(parts) + last)), (), b""
        if accepted.kind == "Table":
            maker = self._tables(accepted, query)
            return orjson.dumps(maker.table([], metadata))[:-len(b"]}")], (orjson.dumps(maker.row(one)) for one in objects), b"]}"
        kind, api_version = (f"{self._resource.kind}List", self._api_version) if not accepted.kind else (
            "PartialObjectMetadataList", f"meta.k8s.io/{accepted.version}")
        if accepted.is_protobuf:
            items = b"".join([delimited(2, self._message(one, accepted)) for one in objects])
            return envelope(api_version, kind, delimited(1, encode_message(metadata, named(LIST_META))) + items), (), b""
        head = orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata})[:-1] + b',"items":['
        if accepted.kind:
            return head, (orjson.dumps(table.metadata_only(one.document(), accepted.version)) for one in objects), b"]}"
        return head, (one.item if self._version.is_stored else self._json(one) for one in objects), b"]}"

    def lines(self, accepted: Accepted, query: Mapping[str, str], stored: JsonLines) -> Representation:
        if accepted.kind == "Table":
            return table.table_lines(self._tables(accepted, query), self._resource.kind, self._api_version)
        if accepted.is_protobuf:
            kind, api_version = ("PartialObjectMetadata", f"meta.k8s.io/{accepted.version}") if accepted.kind else (
                self._resource.kind, self._api_version)
            return ProtobufFrames(kind, api_version, lambda found: self._protobuf(found, accepted))
        if accepted.kind:
            return table.metadata_lines(accepted.version)
        if self._version.is_stored:
            return stored
        return table.converted_lines(self._version.from_storage, self._resource.kind, self._api_version)

    def _tables(self, accepted: Accepted, query: Mapping[str, str]) -> table.TableMaker:
        return table.TableMaker(self._resource, self._world, accepted.version, query.get("includeObject", ""))

    def _json(self, one: CachedObject) -> bytes:
        """The whole object in this version."""
        if self._version.is_stored:
            return one.json
        return orjson.dumps({**self._version.from_storage(one.document()), "apiVersion": self._api_version})

    def _protobuf(self, one: CachedObject, accepted: Accepted) -> bytes:
        message = self._message(one, accepted)
        if accepted.kind:
            return envelope(f"meta.k8s.io/{accepted.version}", "PartialObjectMetadata", message)
        return envelope(self._api_version, self._resource.kind, message)

    def _message(self, one: CachedObject, accepted: Accepted) -> bytes:
        """The object's own message, without its envelope."""
        schema = named("meta_v1.PartialObjectMetadata") if accepted.kind else self._version.schema()
        return one.form((schema.ref, "protobuf"), lambda found: encode_message(self._version.from_storage(found.document()), schema))


class ProtobufFrames:
    """A watch's frames."""

    def __init__(self, kind: str, api_version: str, make: Callable[[CachedObject], bytes]) -> None:
        self.key = (kind, api_version, "protobuf")
        self._kind, self._api_version, self._make = kind, api_version, make

    def line(self, change: ChangeType, found: CachedObject) -> bytes:
        return encode_watch_event(change, self._make(found))

    def bookmark(self, revision: int, *, ends_initial_events: bool) -> bytes:
        metadata: Document = {"resourceVersion": str(revision)}
        if ends_initial_events:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        return encode_watch_event("BOOKMARK", encode_object({"kind": self._kind, "apiVersion": self._api_version, "metadata": metadata}))


def error_event(status: Document, accepted: Accepted) -> bytes:
    """How a watch that has begun tells why it ends."""
    if accepted.is_protobuf:
        return encode_watch_event("ERROR", encode_object(status))
    return orjson.dumps({"type": "ERROR", "object": status}) + b"\n"
