"""YAML as `kubectl get -o yaml` prints it: sorted keys (digit runs count as numbers), text quoted only where it would be
read as something else, several lines as a literal block, long plain text folded at 80 columns.
"""
from __future__ import annotations

import functools
import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, ScalarNode

from kubeapi.yamldoc import YamlError, scalar

try:
    from yaml import CSafeDumper as BaseDumper
except ImportError:
    from yaml import SafeDumper as BaseDumper  # type: ignore[assignment]

_WIDTH = 80
_STR = "tag:yaml.org,2002:str"
_TIMESTAMP = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}([Tt ]+\d{1,2}:\d{1,2}:\d{1,2}(\.\d*)?\s*(Z|[-+]\d{1,2}(:\d{1,2})?)?)?$")
_BASE60 = re.compile(r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$")


class _Dumper(BaseDumper):
    """All scalars leave as plain or quoted text without a tag, so that PyYAML's own idea of types never shows."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _reads_as_text(value: str) -> bool:
    try:
        return isinstance(scalar(None, value, is_plain=True), str)
    except YamlError:
        return False                              # .inf has no JSON form, but is a number


def _text(dumper: _Dumper, value: str) -> ScalarNode:
    style = None
    if "\n" in value:
        style = "|"
    elif not _reads_as_text(value) or _BASE60.match(value) or _TIMESTAMP.match(value):
        style = '"'
    return dumper.represent_scalar(_STR, value, style=style)


def _plain(dumper: _Dumper, value: Any) -> ScalarNode:
    return dumper.represent_scalar(_STR, {None: "null", True: "true", False: "false"}[value])


def _number(dumper: _Dumper, value: float) -> ScalarNode:
    return dumper.represent_scalar(_STR, repr(value).removesuffix(".0"))


def _map(dumper: _Dumper, value: dict[str, Any]) -> MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", [(key, value[key]) for key in sorted(value, key=_NATURAL)])


_REPRESENT: dict[Any, Any] = {str: _text, bool: _plain, type(None): _plain, int: _number, float: _number, dict: _map}
for _kind, _represent in _REPRESENT.items():
    _Dumper.add_representer(_kind, _represent)


def _natural(left: str, right: str) -> int:
    """Compares keys: letters by code point, other characters before letters (after a digit: behind them), digits as numbers."""
    digits = False
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            digits = a.isdigit()
        elif a.isalpha() and b.isalpha():
            return -1 if a < b else 1
        elif a.isalpha() or b.isalpha():
            return -1 if (a if digits else b).isalpha() else 1
        else:
            return _by_numbers(left, right, index)
    return len(left) - len(right)


def _by_numbers(left: str, right: str, index: int) -> int:
    a, b = _digits_at(left, index), _digits_at(right, index)
    after_digit = index > 0 and left[index - 1].isdigit() and left[index - 1] != "0"
    lead = "1" if after_digit and "0" in (left[index], right[index]) else ""
    keys = [(int(lead + run or "0"), len(run), text[index]) for run, text in ((a, left), (b, right))]
    return -1 if keys[0] < keys[1] else 1


def _digits_at(text: str, index: int) -> str:
    match = re.compile(r"\d*").match(text, index)
    return match.group() if match else ""


_NATURAL = functools.cmp_to_key(_natural)


def dump(document: Any) -> str:
    """The document's YAML, with a newline at its end."""
    text: str = yaml.dump(document, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=_WIDTH, sort_keys=False)
    return text.removesuffix("...\n")
