"""Requests nobody would think of, made out of the server's own OpenAPI: every operation it names, documents that follow its schemas
here and break them there, queries, media types. Seeded: the same seed makes the same requests of the same document.
"""
from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kubeapi.catalog import RESOURCES
from kubeapi.resource import Resource
from tests.conformance.conftest import APPLY, JSON_PATCH, MERGE, STRATEGIC
from tests.conformance.documents import STORED, document

Document = dict[str, Any]
YAML, PROTOBUF, TABLE = "application/yaml", "application/vnd.kubernetes.protobuf", "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
ACCEPTS = ("", "application/json", YAML, PROTOBUF, TABLE, METADATA, METADATA_LIST, "text/html, */*;q=0.1", f"{TABLE}, {PROTOBUF}")
ANYTHING: tuple[Any, ...] = (None, True, False, 0, -1, 1, 1.5, 1e300, 2 ** 31, 2 ** 63 - 1, 2 ** 63, "", "a", "A b", "é", "\0", "x" * 300, "-", "..", "a/b", "%", "1Gi",
                             "-5m", "1e99999999", "10.0.0.1", "::1", "300.0.0.1", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "yes", "* * * * *", "dg==", "{", [], {},
                             [None], {"": None}, [[]], [{}], {"a": {"a": {}}}, "$(A)", "app=b", "100%", "25%", "-1%")
QUERY_VALUES = ("", "0", "1", "-1", "true", "All", "x", "99999999999999999999", "Exact", "NotOlderThan", "Orphan", "Foreground", "a=b", "a in (", "metadata.name=a",
                "spec.nodeName!=x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0", "Strict", "Warn", "%00", "é", "1s", "bob")
DEEPEST = 9
# Their answers are streams or other servers' words; what has no end is asked for with timeoutSeconds.
ELSEWHERE = frozenset({"log", "exec", "attach", "portforward", "proxy"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One of the OpenAPI document: a method on a path, what its query may hold and what its body is."""

    method: str
    path: str
    parameters: tuple[str, ...]
    body: Document | None
    resource: Resource | None


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes | None
    media: str
    accept: str

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


def operations(openapi: Document, group: str) -> Iterator[Operation]:
    for path, item in openapi["paths"].items():
        parts = path.strip("/").split("/")
        if ELSEWHERE & set(parts):
            continue
        shared = [one["name"] for one in item.get("parameters", ()) if one["in"] == "query"]
        plural = next((one for one in reversed(parts) if not one.startswith("{")), "")
        if "{name}" in parts:
            plural = parts[parts.index("{name}") - 1]
        resource = next((one for one in RESOURCES if (one.group, one.plural) == (group, plural)), None)
        for method in ("get", "post", "put", "patch", "delete"):
            if operation := item.get(method):
                own = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
                content = operation.get("requestBody", {}).get("content", {})
                schema = next((one["schema"] for one in content.values()), None)
                yield Operation(method.upper(), path, (*shared, *own), schema, resource)


class Fuzzer:
    """`names`: what objects may be called, so that requests meet."""

    def __init__(self, seed: str, schemas: Mapping[str, Document], namespace: str, names: tuple[str, ...] = ("fuzz-a", "fuzz-b")) -> None:
        self.chance = random.Random(seed)
        self._schemas, self._namespace, self._names = schemas, namespace, names

    def request(self, operation: Operation) -> Request:
        chance, name = self.chance, self.chance.choice(self._names)
        path = operation.path.replace("{namespace}", self._namespace).replace("{name}", name)
        if "{" in path:
            path = path.split("/{")[0]
        query = [(one, chance.choice(QUERY_VALUES)) for one in chance.sample(operation.parameters, min(len(operation.parameters), chance.choice((0, 0, 1, 2))))]
        if operation.method == "DELETE" and "{name}" not in operation.path:
            query.append(("labelSelector", "fuzz=1"))               # others' objects stay
        asked = dict(query)
        if "watch" in asked or "/watch/" in path:
            asked["timeoutSeconds"] = "1"
            asked.setdefault("watch", "0")
        shown = "&".join(f"{key}={quote(value, safe='')}" for key, value in asked.items())
        body, media = self._body(operation, name)
        return Request(operation.method, path + (f"?{shown}" if shown else ""), body, media, chance.choice(ACCEPTS))

    def _body(self, operation: Operation, name: str) -> tuple[bytes | None, str]:
        chance = self.chance
        if operation.method == "GET" or (operation.method == "DELETE" and chance.random() < 0.4):
            return None, ""
        made = self._document(operation, name)
        media = "application/json"
        if operation.method == "PATCH":
            media = chance.choice((MERGE, STRATEGIC, JSON_PATCH, APPLY, "application/json"))
            if media == JSON_PATCH:
                made = self._json_patch(made)
        elif chance.random() < 0.1:
            media = chance.choice((YAML, PROTOBUF, "", "text/plain"))
        raw = json.dumps(made).encode()
        if chance.random() < 0.03:
            cut = chance.randrange(len(raw))
            raw = raw[:cut] + bytes([chance.randrange(256)]) + raw[cut + 1:]
        return raw, media

    def _document(self, operation: Operation, name: str) -> Any:
        chance, resource = self.chance, operation.resource
        is_whole = resource in STORED and operation.path.rstrip("/").rsplit("/", 1)[-1] in (resource.plural, "{name}", "status") if resource else False
        if not is_whole or resource is None or operation.method == "DELETE" or chance.random() < 0.1:
            return self.value(operation.body or {}, 0)
        made = document(resource, name, self._namespace, labels={"fuzz": "1"})
        schema = self._whole(resource, operation)
        for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
            self._spoil(made, schema)
        return made

    def _whole(self, resource: Resource, operation: Operation) -> Document:
        version = next((one for one in resource.versions if f"/{one.name}/" in operation.path), None)
        for schema in self._schemas.values():
            for one in schema.get("x-kubernetes-group-version-kind", ()):
                if (one["group"], one["kind"]) == (resource.group, resource.kind) and version is not None and one["version"] == version.name:
                    return schema
        return {}

    def _spoil(self, made: Any, schema: Document) -> None:
        """Another value somewhere: of the schema's type, of none, or gone."""
        chance = self.chance
        for _ in range(DEEPEST):
            schema = self._resolved(schema)
            if isinstance(made, list) and made:
                place: Any = chance.randrange(len(made))
                below = schema.get("items", {})
            elif isinstance(made, dict):
                known = [*schema.get("properties", {}), *made] or ["x"]
                place = chance.choice([*made, *known] if chance.random() < 0.6 else known)
                below = schema.get("properties", {}).get(place) or schema.get("additionalProperties") or {}
                below = below if isinstance(below, dict) else {}
            else:
                return
            inner = made[place] if isinstance(made, list) else made.get(place)
            if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
                made, schema = inner, below
                continue
            what = chance.random()
            if what < 0.1 and inner is not None:
                del made[place]
            else:
                made[place] = chance.choice(ANYTHING) if what < 0.35 else self.value(below, 0)
            return

    def value(self, schema: Document, depth: int) -> Any:
        """Of the schema, nearly always."""
        chance, schema = self.chance, self._resolved(schema)
        if chance.random() < 0.04 or depth > DEEPEST:
            return chance.choice(ANYTHING)
        if "enum" in schema and chance.random() < 0.8:
            return chance.choice(schema["enum"])
        makers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema, depth), "array": lambda: [self.value(schema.get("items", {}), depth + 1) for _ in range(chance.choice((0, 1, 1, 2)))],
            "string": lambda: chance.choice([one for one in ANYTHING if isinstance(one, str)]), "integer": lambda: chance.choice((0, 1, -1, 7, 2 ** 31, 2 ** 63)),
            "number": lambda: chance.choice((0, 1.5, -1)), "boolean": lambda: chance.random() < 0.5}
        make = makers.get(schema.get("type", ""))
        return make() if make is not None else chance.choice(ANYTHING)

    def _object(self, schema: Document, depth: int) -> Document:
        chance, properties = self.chance, schema.get("properties", {})
        made = {name: self.value(properties.get(name, {}), depth + 1) for name in schema.get("required", ()) if chance.random() < 0.95}
        for name in chance.sample(sorted(properties), min(len(properties), chance.choice((0, 1, 2, 3)))):
            made.setdefault(name, self.value(properties[name], depth + 1))
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and extra:
            made[chance.choice(("a", "app", "a.example.com/b", "", "é"))] = self.value(extra, depth + 1)
        return made

    def _resolved(self, schema: Document) -> Document:
        for _ in range(4):
            inner = schema.get("allOf", [schema])[0]
            schema = inner if "$ref" not in inner else self._schemas.get(inner["$ref"].rpartition("/")[2], {})
            if "$ref" not in schema and "allOf" not in schema:
                break
        return schema

    def _json_patch(self, made: Any) -> Any:
        chance = self.chance
        paths = ("/metadata/labels/a", "/spec", "/spec/-", "/metadata", "", "/", "/metadata/finalizers/-", "/data/k", "/metadata/annotations", "/status/conditions/0", "/a~1b", "/a~2")
        inner = list(made.values()) if isinstance(made, dict) else []
        found: list[Any] = [{"op": chance.choice(("add", "remove", "replace", "copy", "move", "test", "x")), "path": chance.choice(paths), "from": chance.choice(paths),
                             "value": chance.choice([*inner, *ANYTHING])} for _ in range(chance.choice((1, 1, 2, 3)))]
        return found if chance.random() < 0.9 else chance.choice(ANYTHING)
