"""One document of everything that is served, in JSON and in gnostic's protobuf form."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kubeapi.catalog import RESOURCES
from kubeapi.openapi import gnostic, v2
from kubeapi.protobuf.wire import read_length, read_varint, skip
from kubeapi.resource import Resource

DOCUMENT = v2.document()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_to_a_definition() -> None:
    assert {one.removeprefix("#/definitions/") for one in references(DOCUMENT)} <= DOCUMENT["definitions"].keys()


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: f"{one.plural}.{one.group}")
def test_every_kind_has_a_definition_and_its_operations(resource: Resource) -> None:
    for version in resource.versions:
        gvk = resource.gvk(version.name)._asdict()
        assert any(gvk in one.get("x-kubernetes-group-version-kind", ()) for one in DOCUMENT["definitions"].values())
        actions = {operation["x-kubernetes-action"] for item in DOCUMENT["paths"].values() for method, operation in item.items()
                   if method != "parameters" and operation.get("x-kubernetes-group-version-kind") == gvk}
        assert {"create": "post", "get": "get"}.get(resource.verbs[0], "get") in actions | {"post"}
        assert ("list" in actions) is ("list" in resource.verbs)


def test_operations_are_told_apart() -> None:
    found = [operation["operationId"] for item in DOCUMENT["paths"].values() for method, operation in item.items() if method != "parameters"]
    assert len(found) == len(set(found))


@pytest.mark.parametrize(("definition", "field", "expected"), [
    ("io.k8s.api.core.v1.PodSpec", "containers", {"type": "array", "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge",
                                                  "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                                                  "items": {"$ref": "#/definitions/io.k8s.api.core.v1.Container"}}),
    ("io.k8s.api.core.v1.ServicePort", "targetPort", {"$ref": "#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"}),
    ("io.k8s.api.core.v1.PodSpec", "nodeSelector", {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"}),
])
def test_definitions_say_what_kubectl_needs(definition: str, field: str, expected: dict[str, Any]) -> None:
    found = DOCUMENT["definitions"][definition]["properties"][field]
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(("name", "expected"), [
    ("api.resource.Quantity", {"type": "string"}), ("util.intstr.IntOrString", {"type": "string", "format": "int-or-string"}),
    ("apis.meta.v1.Time", {"type": "string", "format": "date-time"}), ("runtime.RawExtension", {"type": "object"})])
def test_scalars_are_definitions_of_their_own(name: str, expected: dict[str, Any]) -> None:
    assert DOCUMENT["definitions"][f"io.k8s.apimachinery.pkg.{name}"] == expected


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at, len(data))
        if tag & 7 == 2:
            begin, at = read_length(data, at, len(data))
            yield tag >> 3, data[begin:at]
        else:
            at = skip(data, tag & 7, at, len(data))


def test_the_protobuf_form_names_the_same_paths_and_definitions() -> None:
    document = dict(fields(gnostic.encode(DOCUMENT)))
    assert document[1] == b"2.0"
    paths = [dict(fields(part))[1].decode() for number, part in fields(document[8]) if number == 2]
    definitions = [dict(fields(part))[1].decode() for number, part in fields(document[9]) if number == 1]
    assert (paths, definitions) == (list(DOCUMENT["paths"]), list(DOCUMENT["definitions"]))
