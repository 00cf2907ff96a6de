"""OpenAPI v3: paths with the extensions that kubectl looks for, and the schemas they reach. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from kubeapi.catalog import GROUPS, RESOURCES
from kubeapi.generated.descriptions import TEXTS
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
CONNECTED = frozenset({"exec", "attach", "portforward", "proxy"})
ACTIONS = {"get": ("get", "get"), "list": ("get", "list"), "create": ("post", "post"), "update": ("put", "put"),
           "patch": ("patch", "patch"), "delete": ("delete", "delete"), "deletecollection": ("delete", "deletecollection")}
ON_COLLECTION = ("list", "create", "deletecollection")
WRITES = ("create", "update", "patch")
LISTS = ("labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "watch",
         "allowWatchBookmarks", "sendInitialEvents")
PATCH_TYPES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")


def group_versions() -> list[str]:
    """`api/v1`, `apis/apps/v1` ...: the keys of /openapi/v3."""
    return [f"apis/{group}/{version}" if group else f"api/{version}" for group, versions in GROUPS.items() for version in versions]


def document(group_version: str) -> Document:
    """Raises KeyError for one that is not served."""
    if group_version not in group_versions():
        raise KeyError(group_version)
    *_, version = group_version.split("/")
    group = group_version.split("/")[1] if group_version.startswith("apis/") else ""
    found = [one for one in RESOURCES if one.group == group and any(each.name == version for each in one.versions)]
    paths: Document = {}
    for resource in found:
        paths |= _paths(f"/{group_version}", resource, version)
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": paths,
            "components": {"schemas": _schemas(found, version)}}


def _paths(root: str, resource: Resource, version: str) -> Document:
    base = f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.is_namespaced else f"{root}/{resource.plural}"
    gvk = resource.gvk(version)
    found = {base: _operations(resource.verbs, gvk, on_collection=True), f"{base}/{{name}}": _operations(resource.verbs, gvk)}
    if resource.is_namespaced and "list" in resource.verbs:
        found[f"{root}/{resource.plural}"] = _operations(("list",), gvk, on_collection=True)
    for name, sub in resource.subresources.items():
        kind = gvk if sub.response_kind.kind == gvk.kind else sub.response_kind      # of an object in two versions each has its own
        found[f"{base}/{{name}}/{name}"] = _operations(sub.verbs, kind, is_subresource=True, is_connected=name in CONNECTED)
    for path, operations in found.items():
        if placeholders := [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            operations["parameters"] = [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in placeholders]
    return {path: operations for path, operations in found.items() if operations.keys() - {"parameters"}}


def _operations(verbs: tuple[str, ...], gvk: GroupVersionKind, *, on_collection: bool = False, is_subresource: bool = False,
                is_connected: bool = False) -> Document:
    found: Document = {}
    for verb in verbs:
        if verb not in ACTIONS or (verb in ON_COLLECTION) is not on_collection and not is_subresource:
            continue
        method, action = ACTIONS[verb]
        names = ["pretty", *(("dryRun", "fieldManager", "fieldValidation") if verb in WRITES else ()), *(LISTS if verb == "list" else ())]
        content = {"application/json": {"schema": _reference(gvk)}}
        operation: Document = {
            "x-kubernetes-action": "connect" if is_connected else action, "x-kubernetes-group-version-kind": gvk._asdict(),
            "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
            "responses": {"200": {"description": "OK", "content": content}}}
        if verb in ("create", "update"):
            operation["requestBody"] = {"required": True, "content": content}
        elif verb == "patch":
            operation["requestBody"] = {"required": True, "content": {one: {"schema": {"type": "object"}} for one in PATCH_TYPES}}
        found[method] = operation
    return found


def _reference(gvk: GroupVersionKind) -> Document:
    try:
        return {"$ref": f"#/components/schemas/{component_name(schema_of(*gvk).ref)}"}
    except UnknownType:
        return {"type": "object"}       # options of exec, proxy ...: they have no body


def component_name(ref: str) -> str:
    """`core_v1.Pod` -> `io.k8s.api.core.v1.Pod`"""
    module, _, name = ref.rpartition(".")
    group, _, version = module.rpartition("_")
    return f"{PACKAGES.get(group, f'io.k8s.api.{group}')}.{version}.{name}"


def _kinds_of(resource: Resource, version: str) -> dict[str, GroupVersionKind]:
    """The types a resource answers with: its own, its list's, its subresources'."""
    found = {}
    for gvk in (resource.gvk(version), resource.gvk(version)._replace(kind=f"{resource.kind}List"),
                *(sub.response_kind for sub in resource.subresources.values())):
        try:
            found[schema_of(*gvk).ref] = gvk
        except UnknownType:
            continue
    return found


@cache
def _kinds() -> Mapping[str, GroupVersionKind]:
    """Of all types that are kinds: a StatefulSet's document reaches claims, which are a kind of another group."""
    return {ref: gvk for resource in RESOURCES for version in resource.versions for ref, gvk in _kinds_of(resource, version.name).items()}


def _schemas(resources: list[Resource], version: str) -> Document:
    """Every type the kinds reach, by its component's name."""
    kinds = _kinds()
    found: Document = {}
    waiting = [ref for resource in resources for ref in _kinds_of(resource, version)]
    while waiting:
        ref = waiting.pop()
        if component_name(ref) in found:
            continue
        schema = named(ref)
        component: Document = {**_described(ref), "type": "object",
                               "properties": {name: _described(f"{ref}.{name}") | _use(one) for name, one in schema.properties.items()}}
        if schema.required:
            component["required"] = list(schema.required)
        if schema.map_type:
            component["x-kubernetes-map-type"] = schema.map_type
        if schema.union:
            component["x-kubernetes-unions"] = [_union(schema.union)]
        if ref in kinds:
            component["x-kubernetes-group-version-kind"] = [kinds[ref]._asdict()]
        found[component_name(ref)] = component
        waiting += [reached for one in schema.properties.values() for reached in _refs(one)]
        found |= dict(SCALARS[used] for one in schema.properties.values() if (used := _format(one)) in SCALARS)
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
