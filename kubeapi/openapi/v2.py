"""OpenAPI v2 (swagger 2.0): one document of all group-versions, made of their v3 documents. Pure."""
from __future__ import annotations

from typing import Any

from kubeapi.openapi import v3
from kubeapi.release import GIT_VERSION

Document = dict[str, Any]
COMPONENT, DEFINITION = "#/components/schemas/", "#/definitions/"
MEDIA = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
STREAMED = [*MEDIA, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"]
NUMBERS, SWITCHES = {"limit", "timeoutSeconds"}, {"watch", "allowWatchBookmarks", "sendInitialEvents"}


def document() -> Document:
    paths: Document = {}
    definitions: Document = {}
    for group_version in v3.group_versions():
        one = v3.document(group_version)
        paths |= {path: _path_item(path, operations) for path, operations in one["paths"].items()}
        definitions |= {name: _converted(schema) for name, schema in one["components"]["schemas"].items()}
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": dict(sorted(paths.items())),
            "definitions": dict(sorted(definitions.items())),
            "securityDefinitions": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}},
            "security": [{"BearerToken": []}]}


def _path_item(path: str, operations: Document) -> Document:
    found: Document = {}
    for method, operation in operations.items():
        if method == "parameters":
            found[method] = [_parameter(one) for one in operation]
        else:
            found[method] = _operation(path, method, operation)
    return found


def _operation(path: str, method: str, operation: Document) -> Document:
    action, gvk = operation["x-kubernetes-action"], operation["x-kubernetes-group-version-kind"]
    parameters = [_parameter(one) for one in operation.get("parameters", ())]
    consumes = ["*/*"]
    if (body := operation.get("requestBody")) is not None:
        content = body["content"]
        if action == "patch":
            consumes = [*content, "application/apply-patch+yaml"]
        schema = next(iter(content.values()))["schema"]
        parameters.insert(0, {"name": "body", "in": "body", "required": True, "schema": _converted(schema)})
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    codes = ("200", "201", "202") if action == "post" else ("200", "201") if action in ("put", "patch") else ("200",)
    return {"operationId": _identifier(path, f"connect{method.capitalize()}" if action == "connect" else action), "consumes": consumes, "produces": STREAMED if action == "list" else MEDIA,
            "schemes": ["https"], "parameters": parameters,
            "responses": {code: {"description": "OK", "schema": _converted(schema)} for code in codes} | {"401": {"description": "Unauthorized"}},
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk}


def _identifier(path: str, action: str) -> str:
    """Unlike every other operation's: the action and the words of the path."""
    words = [part.strip("{}") for part in path.replace(".", "/").replace("-", "/").split("/") if part]
    return action + "".join(word[:1].upper() + word[1:] for word in words)


def _parameter(parameter: Document) -> Document:
    kind = "integer" if parameter["name"] in NUMBERS else "boolean" if parameter["name"] in SWITCHES else "string"
    found = {"name": parameter["name"], "in": parameter["in"], "type": kind, "uniqueItems": True}
    return found | {"required": True} if parameter.get("required") else found


def _converted(schema: Document) -> Document:
    """v3's `allOf` around a reference and its `oneOf` of strings and numbers do not exist here."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(COMPONENT, DEFINITION)}
    found = {key: value for key, value in schema.items() if key not in ("allOf", "oneOf", "properties", "items", "additionalProperties")}
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
