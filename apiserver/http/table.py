"""Tables: what kubectl prints, made by the server from a kind's columns (meta.k8s.io/v1 Table)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from apiserver.cacher.cacher import CachedObject, Render
from apiserver.cacher.encoding import Document, decode_stored
from kubeapi.resource import Resource
from kubeapi.world import World


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
        document, now = decode_stored(one.value, one.revision), self._world.seconds()
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

    def render(self, *, with_columns: bool) -> Render:
        """For watch events; only the first one needs the columns."""
        def render(one: CachedObject) -> bytes:
            return orjson.dumps(self.of_one(one, with_columns=with_columns))
        return render


def partial(version: str) -> Render:
    def render(one: CachedObject) -> bytes:
        return orjson.dumps(metadata_only(decode_stored(one.value, one.revision), version))
    return render


def as_is(one: CachedObject) -> bytes:
    return one.body


def from_storage(convert: Any, api_version: str) -> Render:
    """For a version that is not the stored one."""
    def render(one: CachedObject) -> bytes:
        document = convert(decode_stored(one.value, one.revision))
        return orjson.dumps({**document, "apiVersion": api_version})
    return render
