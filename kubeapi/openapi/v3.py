"""OpenAPI v3: paths with the extensions that kubectl looks for, and the schemas they reach. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from kubeapi.catalog import GROUPS, RESOURCES
from kubeapi.generated.descriptions import TEXTS
from kubeapi.openapi import operations
from kubeapi.openapi.operations import Operation, Parameter
from kubeapi.release import GIT_VERSION
from kubeapi.resource import GroupVersionKind, Resource
from kubeapi.schema import Schema
from kubeapi.schemas import UnknownType, named, schema_of

Document = dict[str, Any]
PACKAGES = {"meta": "io.k8s.apimachinery.pkg.apis.meta", "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
            "apiregistration": "io.k8s.kube-aggregator.pkg.apis.apiregistration"}
META, API_EXTENSIONS = "io.k8s.apimachinery.pkg.apis.meta.v1", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
# Types that are scalars, or anything, in JSON: by their schema's format.
SCALARS: dict[str, tuple[str, Document]] = {
    "date-time": (f"{META}.Time", {"type": "string", "format": "date-time"}),
    "micro-time": (f"{META}.MicroTime", {"type": "string", "format": "date-time"}),
    "fields-v1": (f"{META}.FieldsV1", {"type": "object"}),
    "quantity": ("io.k8s.apimachinery.pkg.api.resource.Quantity", {"oneOf": [{"type": "string"}, {"type": "number"}]}),
    "int-or-string": ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
    "raw-extension": ("io.k8s.apimachinery.pkg.runtime.RawExtension", {"type": "object"}),
    "json": (f"{API_EXTENSIONS}.JSON", {}),
    "schema-or-array": (f"{API_EXTENSIONS}.JSONSchemaPropsOrArray", {}),
    "schema-or-bool": (f"{API_EXTENSIONS}.JSONSchemaPropsOrBool", {}),
    "schema-or-strings": (f"{API_EXTENSIONS}.JSONSchemaPropsOrStringArray", {}),
}

MEANINGS = {"200": "OK", "201": "Created", "202": "Accepted"}
WORDS = {"get": "read one", "list": "list or watch", "post": "create one", "put": "replace one", "patch": "change one", "delete": "delete one",
         "deletecollection": "delete all that are selected", "connect": "connect to one by", "watch": "watch one", "watchlist": "watch"}
OF_DISCOVERY = frozenset(f"meta_v1.{kind}" for kind in ("APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"))


def group_versions() -> list[str]:
    """`api/v1`, `apis/apps/v1` ...: the keys of /openapi/v3."""
    return [f"apis/{group}/{version}" if group else f"api/{version}" for group, versions in GROUPS.items() for version in versions]


def document(group_version: str) -> Document:
    """Raises KeyError for one that is not served."""
    if group_version not in group_versions():
        raise KeyError(group_version)
    *_, version = group_version.split("/")
    group = group_version.split("/")[1] if group_version.startswith("apis/") else ""
    made = operations.of_group_version(group, version)
    paths: Document = {}
    for operation in made:
        _add(paths, operation)
    found = [one for one in RESOURCES if one.group == group and any(each.name == version for each in one.versions)]
    used = {ref for one in made for ref in (one.body, one.answer) if "." in ref}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": paths,
            "components": {"schemas": schemas(found, version, used)}}


def _add(paths: Document, operation: Operation) -> None:
    item = paths.setdefault(operation.path, {})
    if shared := [_parameter(one) for one in operation.parameters if one.place == "path"]:
        item["parameters"] = shared
    content = {"schema": _reference(operation.answer)}
    made: Document = {
        "description": described(operation), "operationId": operation.identifier, "tags": [operation.tag],
        "parameters": [_parameter(one) for one in operation.parameters if one.place == "query"],
        "responses": {code: {"description": MEANINGS[code], "content": dict.fromkeys(operation.produces, content)} for code in operation.codes}
        | {"401": {"description": "Unauthorized"}}}
    if operation.body:
        body = {"schema": _reference(operation.body)}
        made["requestBody"] = {"content": dict.fromkeys(operation.consumes, body)} | ({} if operation.method == "delete" else {"required": True})
    if operation.kind is not None:
        made |= {"x-kubernetes-action": operation.action, "x-kubernetes-group-version-kind": operation.kind._asdict()}
    item[operation.method] = made


def described(operation: Operation) -> str:
    """What it does, in a few words."""
    if operation.kind is None:
        return "what is served here"
    return f"{WORDS.get(operation.action, operation.action)} {operation.kind.kind}"


def _parameter(one: Parameter) -> Document:
    found: Document = {"name": one.name, "in": one.place, "schema": {"type": one.type, "uniqueItems": True}}
    return found | {"required": True} if one.place == "path" else found


def _reference(ref: str) -> Document:
    return {"type": "string"} if ref == operations.TEXT else {"$ref": f"#/components/schemas/{component_name(ref)}"}


def component_name(ref: str) -> str:
    """`core_v1.Pod` -> `io.k8s.api.core.v1.Pod`"""
    module, _, name = ref.rpartition(".")
    group, _, version = module.rpartition("_")
    if not group:
        return f"io.k8s.apimachinery.pkg.{ref}"         # version.Info
    return f"{PACKAGES.get(group, f'io.k8s.api.{group}')}.{version}.{name}"


def _kinds_of(resource: Resource, version: str) -> dict[str, GroupVersionKind]:
    """The types a resource answers with: its own, its list's, its subresources'."""
    found = {}
    for gvk in (resource.gvk(version), resource.gvk(version)._replace(kind=f"{resource.kind}List"),
                *(sub.kind_in(resource.gvk(version)) for sub in resource.subresources.values())):
        try:
            found[schema_of(*gvk).ref] = gvk
        except UnknownType:
            continue
    return found


@cache
def _kinds() -> Mapping[str, GroupVersionKind]:
    """Of all types that are kinds: a StatefulSet's document reaches claims, which are a kind of another group."""
    return {ref: gvk for resource in RESOURCES for version in resource.versions for ref, gvk in _kinds_of(resource, version.name).items()}


@cache
def _gvks(ref: str) -> tuple[Document, ...]:
    """Of a type that is a kind; options and events are so in every group-version."""
    module, _, name = ref.rpartition(".")
    if ref in (operations.DELETE_OPTIONS, operations.WATCH_EVENT):
        return tuple({"group": group, "kind": name, "version": version} for group in sorted(GROUPS) for version in sorted(GROUPS[group]))
    if ref in OF_DISCOVERY:
        return ({"group": "", "kind": name, "version": "v1"},)
    return (_kinds()[ref]._asdict(),) if ref in _kinds() else ()


def schemas(resources: Iterable[Resource], version: str, used: Iterable[str]) -> Document:
    """Every type the kinds and those used besides reach, by its component's name."""
    found: Document = {component_name(operations.PATCH): {"type": "object"}}
    waiting = [*(ref for resource in resources for ref in _kinds_of(resource, version)), *used]
    while waiting:
        ref = waiting.pop()
        if component_name(ref) in found:
            continue
        schema = named(ref)
        component: Document = {**_described(ref), "type": "object"}
        if schema.properties:
            component["properties"] = {name: _described(f"{ref}.{name}") | _use(one) for name, one in schema.properties.items()}
        if schema.required:
            component["required"] = list(schema.required)
        if schema.map_type:
            component["x-kubernetes-map-type"] = schema.map_type
        if schema.union:
            component["x-kubernetes-unions"] = [_union(schema.union)]
        if gvks := _gvks(ref):
            component["x-kubernetes-group-version-kind"] = list(gvks)
        found[component_name(ref)] = component
        waiting += [reached for one in schema.properties.values() for reached in _refs(one)]
        found |= dict(SCALARS[format] for one in schema.properties.values() if (format := _format(one)) in SCALARS)
    return dict(sorted(found.items()))


def _format(schema: Schema) -> str:
    """Of the innermost items or values."""
    inner = schema.items or schema.values
    return schema.format if inner is None else _format(inner)


def _union(text: str) -> Document:
    """`type:localhostProfile,x` -> which field says which of the others is set."""
    discriminator, _, fields = text.rpartition(":")
    found: Document = {"discriminator": discriminator} if discriminator != "-" else {}
    return found | {"fields-to-discriminateBy": {name: name[:1].upper() + name[1:] for name in fields.split(",")}}


def _described(name: str) -> Document:
    return {"description": TEXTS[name]} if name in TEXTS else {}


def _refs(schema: Schema) -> Iterator[str]:
    if schema.ref:
        yield schema.ref
    for inner in (schema.items, schema.values):
        if inner is not None:
            yield from _refs(inner)


def _use(schema: Schema) -> Document:
    extensions: Document = {}
    if schema.list_type:
        extensions["x-kubernetes-list-type"] = schema.list_type
    if schema.list_map_keys:
        extensions["x-kubernetes-list-map-keys"] = list(schema.list_map_keys)
    if schema.patch_strategy:
        extensions["x-kubernetes-patch-strategy"] = ",".join(schema.patch_strategy)
    if schema.patch_merge_key:
        extensions["x-kubernetes-patch-merge-key"] = schema.patch_merge_key
    if schema.default is not None:
        extensions["default"] = schema.default
    if schema.enum:
        extensions["enum"] = list(schema.enum)
    if schema.map_type:
        extensions["x-kubernetes-map-type"] = schema.map_type
    if (component := component_name(schema.ref) if schema.ref else SCALARS.get(schema.format, ("",))[0]):
        return {"allOf": [{"$ref": f"#/components/schemas/{component}"}], **extensions}
    if schema.type == "array":
        return {"type": "array", "items": _use(schema.items) if schema.items is not None else {}, **extensions}
    if schema.type == "object":
        return {"type": "object", **({"additionalProperties": _use(schema.values)} if schema.values is not None else {}), **extensions}
    if schema.type == "any":
        return {"x-kubernetes-preserve-unknown-fields": True, **extensions}
    return {"type": schema.type, **({"format": schema.format} if schema.format else {}), **extensions}
