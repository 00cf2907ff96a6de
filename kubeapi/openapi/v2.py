"""OpenAPI v2 (swagger 2.0): one document of everything that is served. Pure."""
from __future__ import annotations

from typing import Any

from kubeapi.catalog import GROUPS, RESOURCES
from kubeapi.openapi import operations, v3
from kubeapi.openapi.operations import Operation, Parameter
from kubeapi.release import GIT_VERSION

Document = dict[str, Any]
COMPONENT, DEFINITION = "#/components/schemas/", "#/definitions/"
# v3 says more of a field than there is place for here, or than upstream says here.
OF_V3_ONLY = frozenset({"allOf", "oneOf", "properties", "items", "additionalProperties", "default", "enum"})


def document() -> Document:
    made = [*operations.of_roots(), *(one for group, versions in GROUPS.items() for version in versions
                                      for one in operations.of_group_version(group, version))]
    paths: Document = {}
    for operation in made:
        _add(paths, operation)
    definitions: Document = {}
    for group, versions in GROUPS.items():
        for version in versions:
            of_it = [one for one in RESOURCES if one.group == group and any(each.name == version for each in one.versions)]
            definitions |= v3.schemas(of_it, version, ())
    definitions |= v3.schemas((), "", {ref for one in made for ref in (one.body, one.answer) if "." in ref} - {operations.PATCH})
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": dict(sorted(paths.items())),
            "definitions": {name: _converted(one) for name, one in sorted(definitions.items())},
            "securityDefinitions": {"BearerToken": {"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization", "in": "header"}},
            "security": [{"BearerToken": []}]}


def _add(paths: Document, operation: Operation) -> None:
    item = paths.setdefault(operation.path, {})
    if shared := [_parameter(one) for one in operation.parameters if one.place == "path"]:
        item["parameters"] = shared
    parameters: list[Document] = [_parameter(one) for one in operation.parameters if one.place == "query"]
    if operation.body:
        body = {"name": "body", "in": "body", "schema": _reference(operation.body)}
        parameters.insert(0, body if operation.method == "delete" else body | {"required": True})
    made: Document = {
        "description": v3.described(operation), "operationId": operation.identifier, "tags": [operation.tag], "schemes": ["https"],
        "consumes": list(operation.consumes), "produces": list(operation.produces), "parameters": parameters,
        "responses": {code: {"description": v3.MEANINGS[code], "schema": _reference(operation.answer)} for code in operation.codes}
        | {"401": {"description": "Unauthorized"}}}
    if operation.kind is not None:
        made |= {"x-kubernetes-action": operation.action, "x-kubernetes-group-version-kind": operation.kind._asdict()}
    item[operation.method] = made


def _reference(ref: str) -> Document:
    return {"type": "string"} if ref == operations.TEXT else {"$ref": f"{DEFINITION}{v3.component_name(ref)}"}


def _parameter(one: Parameter) -> Document:
    found = {"name": one.name, "in": one.place, "type": one.type, "uniqueItems": True}
    return found | {"required": True} if one.place == "path" else found


def _converted(schema: Document) -> Document:
    """v3's `allOf` around a reference and its `oneOf` of strings and numbers do not exist here."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(COMPONENT, DEFINITION)}
    found = {key: value for key, value in schema.items() if key not in OF_V3_ONLY}
    if "allOf" in schema:
        found |= _converted(schema["allOf"][0])
    if "oneOf" in schema:
        found["type"] = "string"
    if "properties" in schema:
        found["properties"] = {name: _converted(one) for name, one in schema["properties"].items()}
    if "items" in schema:
        found["items"] = _converted(schema["items"])
    if "additionalProperties" in schema:
        found["additionalProperties"] = _converted(schema["additionalProperties"])
    return found
