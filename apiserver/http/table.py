"""Tables: what kubectl prints, made by the server from a kind's columns (meta.k8s.io/v1 Table)."""
from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import orjson

from apiserver.cacher import CachedObject
from apiserver.cacher.lines import INITIAL_EVENTS_END, ChangeType
from kubeapi.resource import Resource
from kubeapi.world import World

Document = dict[str, Any]


def definitions(resource: Resource) -> list[Document]:
    return [{"name": column.name, "type": column.type, "format": column.format, "description": column.description,
             "priority": column.priority} for column in resource.columns()]


def metadata_only(document: Document, version: str) -> Document:
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": document["metadata"]}


class TableMaker:
    """`include`: what of the object each row carries: Metadata (the default), Object or None."""

    def __init__(self, resource: Resource, world: World, version: str, include: str) -> None:
        self._resource, self._world, self._version = resource, world, version
        self._include = include or "Metadata"
        self._columns = resource.columns()

    def row(self, one: CachedObject) -> Document:
        document, now = one.document(), self._world.seconds()
        row: Document = {"cells": [column.cell(document, now) for column in self._columns]}
        if self._include == "Object":
            row["object"] = document
        elif self._include == "Metadata":
            row["object"] = metadata_only(document, self._version)
        return row

    def table(self, rows: Sequence[Document], metadata: Document, *, with_columns: bool = True) -> Document:
        head: Document = {"kind": "Table", "apiVersion": f"meta.k8s.io/{self._version}", "metadata": metadata}
        head["columnDefinitions"] = definitions(self._resource) if with_columns else None
        return {**head, "rows": list(rows)}

    def of_one(self, one: CachedObject, *, with_columns: bool = True) -> Document:
        return self.table([self.row(one)], {"resourceVersion": str(one.revision)}, with_columns=with_columns)


class Lines:
    """A watch's lines in a representation that has to be made; equal keys share them."""

    def __init__(self, key: Hashable, make: Callable[[CachedObject], Document], kind: str, api_version: str) -> None:
        self.key = key
        self._make, self._kind, self._api_version = make, kind, api_version

    def line(self, change: ChangeType, found: CachedObject) -> bytes:
        return orjson.dumps({"type": change, "object": self._make(found)}) + b"\n"

    def bookmark(self, revision: int, *, ends_initial_events: bool) -> bytes:
        metadata: Document = {"resourceVersion": str(revision), "creationTimestamp": None}
        if ends_initial_events:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        bookmark = {"kind": self._kind, "apiVersion": self._api_version, "metadata": metadata}
        return orjson.dumps({"type": "BOOKMARK", "object": bookmark}) + b"\n"


def table_lines(maker: TableMaker, kind: str, api_version: str) -> Lines:
    """One watcher's own: its first line carries the columns, the others do not."""
    columns = iter((True,))
    return Lines(object(), lambda found: maker.of_one(found, with_columns=next(columns, False)), kind, api_version)


def metadata_lines(version: str) -> Lines:
    return Lines(("metadata", version), lambda found: metadata_only(found.document(), version), "PartialObjectMetadata",
                 f"meta.k8s.io/{version}")


def converted_lines(convert: Callable[[Document], Document], kind: str, api_version: str) -> Lines:
    return Lines(("version", api_version), lambda found: {**convert(found.document()), "apiVersion": api_version}, kind, api_version)
