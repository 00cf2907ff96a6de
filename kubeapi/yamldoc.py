"""YAML as Go's library for Kubernetes reads it: `12:30:45` and `2024-01-01` stay strings, `yes` and `on` are booleans.

Duplicate keys are refused; aliases are expanded within a bound; keys become strings, as JSON needs them. The parser is
libyaml where PyYAML has it. Errors are worded as upstream's (`yaml: line 3: did not find expected key`).
"""
from __future__ import annotations

import base64
import binascii
import copy
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Parser
except ImportError:                       # PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader as _Parser  # type: ignore[assignment]

# How many values a document may have once its aliases are expanded, and how deep it may nest.
MOST_VALUES, DEEPEST = 1_000_000, 200
_TAG = "tag:yaml.org,2002:"
_TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
_FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?(?:0b_*[01][01_]*|0o?_*[0-7][0-7_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*|0|[1-9][0-9_]*)$")
_MOST_DIGITS = 400                        # more than any number has that a float64 holds
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")


class YamlError(ValueError):
    """Not YAML, or YAML that has no JSON form."""


def load_all(text: str | bytes) -> Iterator[Any]:
    """Every document of a stream; empty ones are None. Raises YamlError."""
    parser = _Parser(text)
    try:
        while True:
            event = parser.get_event()
            if isinstance(event, yaml.DocumentStartEvent):
                yield _Document(parser).value(parser.get_event(), 0)
            elif event is None or isinstance(event, yaml.StreamEndEvent):
                return
    except yaml.MarkedYAMLError as error:
        raise YamlError(_worded(error)) from error
    except yaml.YAMLError as error:
        raise YamlError(f"yaml: {error}") from error
    finally:
        parser.dispose()


def load(text: str | bytes) -> Any:
    """The first document; None where there is none. Raises YamlError."""
    return next(load_all(text), None)


def dump(document: Any) -> bytes:
    """As Go's library writes it: block style, keys in order."""
    text: str = yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), default_flow_style=False, allow_unicode=True,
                          width=1 << 20)
    return text.encode()


def _worded(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"yaml: line {mark.line + 1}: {error.problem}" if mark is not None and mark.line else f"yaml: {error.problem}"


class _Document:
    """Builds one document's value from the parser's events, counting as it goes: libyaml's own composer recurses in C
    without a bound, and a request of brackets would end the process."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._left = MOST_VALUES
        self._anchors: dict[str, tuple[Any, int]] = {}     # the value and how many values it holds

    def value(self, event: Any, depth: int) -> Any:
        self._spend(1)
        if depth > DEEPEST:
            raise YamlError(f"yaml: exceeded max depth of {DEEPEST}")
        if isinstance(event, yaml.AliasEvent):
            return self._expanded(event)
        before = self._left
        if isinstance(event, yaml.ScalarEvent):
            built: Any = scalar(event.tag, event.value, is_plain=bool(event.implicit[0]))
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._sequence(depth)
        else:
            built = self._mapping(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = built, before - self._left + 1
        return built

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise YamlError("yaml: document contains excessive aliasing")

    def _expanded(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise YamlError(f"yaml: line {event.start_mark.line + 1}: unknown anchor '{event.anchor}' referenced")
        built, size = self._anchors[event.anchor]
        self._spend(size)
        return copy.deepcopy(built) if isinstance(built, dict | list) else built

    def _sequence(self, depth: int) -> list[Any]:
        built = []
        while not isinstance(event := self._parser.get_event(), yaml.SequenceEndEvent):
            built.append(self.value(event, depth + 1))
        return built

    def _mapping(self, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self._parser.get_event(), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and (event.implicit[0] or event.tag == _TAG + "merge"):
                for key, value in self._merged(depth).items():
                    merged.setdefault(key, value)
                continue
            line = event.start_mark.line + 1
            key = _key(self.value(event, depth + 1), line)
            if key in built:
                raise YamlError(f'yaml: unmarshal errors:\n  line {line}: key "{key}" already set in map')
            built[key] = self.value(self._parser.get_event(), depth + 1)
        return {**merged, **built} if merged else built

    def _merged(self, depth: int) -> dict[str, Any]:
        """`<<: *a` or `<<: [*a, *b]`; the first wins."""
        found = self.value(self._parser.get_event(), depth + 1)
        parts = found if isinstance(found, list) else [found]
        if not all(isinstance(part, dict) for part in parts):
            raise YamlError("yaml: map merge requires map or sequence of maps as the value")
        return {key: value for part in reversed(parts) for key, value in part.items()}


def _key(key: Any, line: int) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return str(key)
    if key is None:
        return "null"
    raise YamlError(f"yaml: line {line}: a map's key must be a scalar")


def scalar(tag: str | None, text: str, *, is_plain: bool) -> Any:
    """A scalar's value; plain ones are looked at, quoted ones are strings."""
    if tag in (None, "!"):
        return _plain(text) if is_plain and tag is None else text
    match str(tag).removeprefix(_TAG):
        case "int" | "float" | "bool" | "null":
            return _plain(text)
        case "binary":
            try:
                return base64.b64decode(text).decode()
            except (binascii.Error, ValueError) as error:       # a string of JSON holds Unicode
                raise YamlError("yaml: !!binary value contains invalid base64 data") from error
    return text


def _plain(text: str) -> Any:
    if text in _NULL:
        return None
    first = text[0]
    if first in "yYnNtTfFoO":
        return True if text in _TRUE else False if text in _FALSE else text
    if first in "0123456789+-.":
        return _numeric(text)
    return text


def _numeric(text: str) -> Any:
    if len(text) > _MOST_DIGITS:
        return text
    if _INTEGER.match(text):
        digits = text.replace("_", "")
        sign = -1 if digits[0] == "-" else 1
        digits = digits.lstrip("+-")
        base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower(), 8 if digits[0] == "0" and len(digits) > 1 else 10)
        return sign * int(digits[2:] if digits[:2].lower() in ("0x", "0b", "0o") else digits, base)
    if _FLOAT.match(text):
        return float(text)
    if text.lower() in (".inf", "+.inf", "-.inf", ".nan"):
        raise YamlError(f"json: unsupported value: {-math.inf if text[0] == '-' else text.strip('+.').capitalize()}")
    return text
