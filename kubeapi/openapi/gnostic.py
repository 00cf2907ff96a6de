"""OpenAPI v2 in the protobuf form that kubectl before 1.25 asks for first (package openapi.v2 of gnostic). Pure.

Maps are lists of named values, extensions carry YAML (JSON is YAML), references and alternatives are messages of their own.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kubeapi.protobuf.wire import delimited, key, varint

Document = dict[str, Any]
METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def encode(document: Document) -> bytes:
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    paths = b"".join(delimited(2, _named(path, _path_item(item))) for path, item in document["paths"].items())
    definitions = _named_schemas(document["definitions"])
    security = b"".join(delimited(12, delimited(1, _text(1, name) + delimited(2, b""))) for one in document["security"] for name in one)
    return _text(1, document["swagger"]) + delimited(2, info) + delimited(8, paths) + delimited(9, definitions) + security + delimited(
        13, b"".join(delimited(1, _named(name, delimited(2, _text(1, one["type"]) + _text(2, one["name"]) + _text(3, one["in"]))))
                     for name, one in document["securityDefinitions"].items()))


def _text(number: int, text: str) -> bytes:
    return delimited(number, text.encode()) if text else b""


def _texts(number: int, texts: Iterable[str]) -> bytes:
    return b"".join(delimited(number, one.encode()) for one in texts)


def _yaml(number: int, value: object) -> bytes:
    """An `Any`."""
    return delimited(number, _text(2, json.dumps(value) + "\n"))


def _flag(number: int, value: object) -> bytes:
    return key(number, 0) + varint(1) if value else b""


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + delimited(2, value)


def _extensions(number: int, values: Mapping[str, Any]) -> bytes:
    return b"".join(delimited(number, _named(name, _text(2, json.dumps(value) + "\n"))) for name, value in values.items()
                    if name.startswith("x-"))


def _path_item(item: Document) -> bytes:
    operations = b"".join(delimited(METHODS[method], _operation(one)) for method, one in item.items() if method in METHODS)
    return operations + b"".join(delimited(9, _parameter(one)) for one in item.get("parameters", ()))


def _operation(operation: Document) -> bytes:
    responses = b"".join(delimited(1, _named(code, delimited(1, _response(one)))) for code, one in operation["responses"].items())
    return (_text(5, operation["operationId"]) + _texts(6, operation["produces"]) + _texts(7, operation["consumes"])
            + b"".join(delimited(8, _parameter(one)) for one in operation["parameters"]) + delimited(9, responses)
            + _texts(10, operation["schemes"]) + _extensions(13, operation))


def _response(response: Document) -> bytes:
    schema = delimited(2, delimited(1, _schema(response["schema"]))) if "schema" in response else b""
    return _text(1, response["description"]) + schema


def _parameter(parameter: Document) -> bytes:
    if parameter["in"] == "body":
        body = _text(2, parameter["name"]) + _text(3, "body") + _flag(4, parameter.get("required")) + delimited(5, _schema(parameter["schema"]))
        return delimited(1, delimited(1, body))
    common = _flag(1, parameter.get("required")) + _text(2, parameter["in"]) + _text(4, parameter["name"])
    if parameter["in"] == "path":
        return delimited(1, delimited(2, delimited(4, common + _text(5, parameter["type"]) + _flag(18, parameter.get("uniqueItems")))))
    return delimited(1, delimited(2, delimited(3, common + _text(6, parameter["type"]) + _flag(20, parameter.get("uniqueItems")))))


def _named_schemas(schemas: Mapping[str, Document]) -> bytes:
    return b"".join(delimited(1, _named(name, _schema(one))) for name, one in schemas.items())


def _schema(schema: Document) -> bytes:
    found = _text(1, schema.get("$ref", "")) + _text(2, schema.get("format", "")) + _text(4, schema.get("description", "")) + _texts(19, schema.get("required", ()))
    if "default" in schema:
        found += _yaml(5, schema["default"])
    found += b"".join(_yaml(20, one) for one in schema.get("enum", ()))
    if "additionalProperties" in schema:
        found += delimited(21, delimited(1, _schema(schema["additionalProperties"])))
    if "type" in schema:
        found += delimited(22, _text(1, schema["type"]))
    if "items" in schema:
        found += delimited(23, delimited(1, _schema(schema["items"])))
    if "properties" in schema:
        found += delimited(25, _named_schemas(schema["properties"]))
    return found + _extensions(31, schema)
