"""What is served against what Kubernetes v1.36 serves: each difference that is intended is listed here.

operations.txt holds upstream's operations on the served group-versions, a line for each resource and subresource. Where
upstream's own OpenAPI document is at hand ($PICOKUBE_OPENAPI_REFERENCE, its api/openapi-spec/swagger.json, also gzipped), table
and documents are compared with it to the last field.
"""
from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kubeapi.catalog import GROUPS
from kubeapi.openapi import v2

Document = dict[str, Any]
HERE = Path(__file__).parent
REFERENCE = Path(os.environ.get("PICOKUBE_OPENAPI_REFERENCE", HERE.parents[4] / "shared" / "reference" / "openapi-v1.36.json.gz"))
VERBS = {"post": "create", "put": "update", "watchlist": "watch"}
ROOTS = {"/api/", "/apis/", "/version/", "/.well-known/openid-configuration/", "/openid/v1/jwks/"}

# --- intended differences
# CBOR is alpha.
MEDIA_NOT_SERVED = {"application/cbor", "application/cbor-seq", "application/apply-patch+cbor"}
# Sharded lists and deletions of what cannot be read are alpha.
PARAMETERS_NOT_SERVED = {"shardSelector", "ignoreStoreReadErrorWithClusterBreakingPotential"}
# Logs of the control plane's own host: off in upstream too where nobody asks for them.
PATHS_NOT_SERVED = {"/logs/", "/logs/{logpath}"}
# Used by resources of beta group-versions only.
DEFINITIONS_NOT_SERVED = {"io.k8s.apimachinery.pkg.apis.meta.v1.GroupResource"}
# Types that are kinds in every group-version are so in those that are served.
KINDS_EVERYWHERE = ("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent")
# Descriptions are our own words; the version in `info` is ours.


@cache
def served() -> Document:
    return v2.document()


@cache
def reference() -> Document:
    if not REFERENCE.exists():
        pytest.skip("upstream's OpenAPI document is not at hand")
    raw = REFERENCE.read_bytes()
    found: Document = json.loads(gzip.decompress(raw) if REFERENCE.suffix == ".gz" else raw)
    found["paths"] = {path: item for path, item in found["paths"].items() if is_served(path) and path not in PATHS_NOT_SERVED}
    return found


def is_served(path: str) -> bool:
    """Of a group or a group-version that is GA."""
    parts = path.strip("/").split("/")
    if parts[0] != "apis" or len(parts) == 1:
        return True
    return parts[1] in GROUPS and (len(parts) == 2 or parts[2] in GROUPS[parts[1]])


def operations(document: Document) -> Iterator[tuple[str, str, Document, Document]]:
    for path, item in document["paths"].items():
        yield from ((path, method, operation, item) for method, operation in item.items() if method != "parameters")


def lines(document: Document) -> list[str]:
    """`apis/apps/v1 deployments/scale Namespaced autoscaling/v1.Scale get,patch,update`, and of objects what a DELETE answers."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    about: dict[tuple[str, str], list[str]] = {}
    for path, method, operation, _ in operations(document):
        action = operation.get("x-kubernetes-action")
        if not action:
            continue
        parts = [part for part in path.strip("/").split("/") if part != "watch"]
        depth = 2 if parts[0] == "api" else 3
        root, rest = "/".join(parts[:depth]), parts[depth:]
        scope = "Cluster"
        if rest[:2] == ["namespaces", "{namespace}"]:
            scope, rest = "Namespaced", rest[2:]
        key = root, "/".join(part for part in rest if not part.startswith("{"))
        kind = operation["x-kubernetes-group-version-kind"]
        if scope == "Namespaced" or key not in about or about[key][0] == "Cluster":
            about[key] = [scope, "/".join(filter(None, [kind["group"], kind["version"]])) + "." + kind["kind"], *about.get(key, [])[2:]]
        verb = method if action == "connect" else action
        verbs[key].add(VERBS.get(verb, verb))
        if action == "delete":
            about[key].append(f"deleted={operation['responses']['200']['schema']['$ref'].rpartition('.')[2]}")
    return sorted(" ".join([*key, *about[key][:2], ",".join(sorted(verbs[key])), *about[key][2:]]) for key in verbs)


def table() -> list[str]:
    return [line for line in (HERE / "operations.txt").read_text().splitlines() if not line.startswith("#")]


def test_what_is_served_is_what_upstream_serves() -> None:
    assert lines(served()) == table()


def test_the_table_is_upstream_s() -> None:
    assert lines(reference()) == table()


def test_the_same_paths() -> None:
    assert served()["paths"].keys() == reference()["paths"].keys()
    assert served()["paths"].keys() >= ROOTS


def test_the_same_operations() -> None:
    ours = {(path, method): shape(served(), operation, item) for path, method, operation, item in operations(served())}
    theirs = {(path, method): shape(reference(), operation, item) for path, method, operation, item in operations(reference())}
    assert ours.keys() == theirs.keys()
    for key, operation in ours.items():
        assert operation == theirs[key], key


def shape(document: Document, operation: Document, item: Document) -> Document:
    """Without order and without where a parameter is written down."""
    found = {name: value for name, value in operation.items() if name not in ("description", "parameters")}
    found["parameters"] = {parameter(document, one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))}
    for name in ("consumes", "produces"):
        found[name] = [one for one in operation.get(name, ()) if one not in MEDIA_NOT_SERVED]
    found["parameters"] = {one for one in found["parameters"] if one[1] not in PARAMETERS_NOT_SERVED}
    return found


def parameter(document: Document, one: Document) -> tuple[str, str, str, bool]:
    if "$ref" in one:
        one = document["parameters"][one["$ref"].rpartition("/")[2]]
    return one["in"], one["name"], one.get("type") or one["schema"]["$ref"], bool(one.get("required"))


def test_the_same_definitions() -> None:
    reached = reachable(reference())
    assert served()["definitions"].keys() == reached - DEFINITIONS_NOT_SERVED
    for name, definition in served()["definitions"].items():
        assert bare(definition) == bare(intended(name, reference()["definitions"][name])), name


def intended(name: str, definition: Document) -> Document:
    if name not in KINDS_EVERYWHERE:
        return definition
    key = "x-kubernetes-group-version-kind"
    return {**definition, key: [one for one in definition[key] if one["version"] in GROUPS.get(one["group"], ())]}


def bare(value: Any) -> Any:
    """Without descriptions."""
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items() if not (key == "description" and isinstance(one, str))}
    return [bare(one) for one in value] if isinstance(value, list) else value


def reachable(document: Document) -> set[str]:
    """Definitions that the document's paths lead to."""
    found: set[str] = set()
    waiting = [*references(document["paths"]), *(name for path in ("parameters",) for name in references(document.get(path, {})))]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(document["definitions"][name])
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str) and reference.startswith("#/definitions/"):
            yield reference.removeprefix("#/definitions/")
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_security_is_told_as_upstream_tells_it() -> None:
    for part in ("swagger", "security", "securityDefinitions"):
        assert served()[part] == reference()[part]
