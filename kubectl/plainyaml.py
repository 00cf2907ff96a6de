"""Reads the plain block YAML that kubeconfigs are written in, without PyYAML (20 ms of a command's start).

It understands mappings, lists and one-line scalars and nothing else: on anything unfamiliar it raises Unfamiliar and the
caller asks the real parser. Whatever it does read, it reads as YAML does.
"""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EMPTY: dict[str, Any] = {"{}": dict, "[]": list}
_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
# Words, numbers and characters that need YAML's full rules.
_RESERVED = frozenset({"yes", "no", "on", "off", "y", "n", "nan", "inf"})
_SPECIAL = frozenset("[]{}&*!|>%@`#,?")


class Unfamiliar(Exception):
    """The text is (perhaps) YAML, but not of the plain kind."""


class _Lines:
    def __init__(self, text: str) -> None:
        self.lines: list[tuple[int, str]] = []
        for line in text.split("\n"):
            content = line.lstrip(" ")
            if not content or content[0] == "#" or line == "---" and not self.lines:
                continue
            if "\t" in line or "\r" in line:
                raise Unfamiliar
            self.lines.append((len(line) - len(content), content.rstrip(" ")))
        self.at = 0

    @property
    def indent(self) -> int:
        return self.lines[self.at][0] if self.at < len(self.lines) else -1

    @property
    def content(self) -> str:
        return self.lines[self.at][1]


def load(text: str) -> Any:
    """The document in *text*. Raises Unfamiliar."""
    lines = _Lines(text)
    if not lines.lines:
        return None
    document = _node(lines, lines.indent)
    if lines.at != len(lines.lines):
        raise Unfamiliar
    return document


def _node(lines: _Lines, indent: int) -> Any:
    return _list(lines, indent) if lines.content.startswith("- ") else _mapping(lines, indent)


def _list(lines: _Lines, indent: int) -> list[Any]:
    items = []
    while lines.indent == indent and lines.content.startswith("- "):
        inner = lines.content[2:].lstrip(" ")
        if _splits(inner) is None:
            items.append(_scalar(inner))
            lines.at += 1
        else:
            column = indent + len(lines.content) - len(inner)
            lines.lines[lines.at] = (column, inner)
            items.append(_mapping(lines, column))
    return items


def _mapping(lines: _Lines, indent: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    while lines.indent == indent and not lines.content.startswith("- "):
        split = _splits(lines.content)
        if split is None or split[0] in result:
            raise Unfamiliar
        key, value = split
        lines.at += 1
        if value:
            result[key] = _scalar(value)
        elif lines.indent > indent or lines.indent == indent and lines.content.startswith("- "):
            result[key] = _node(lines, lines.indent)
        else:
            result[key] = None
    if lines.indent > indent:
        raise Unfamiliar
    return result


def _splits(content: str) -> tuple[str, str] | None:
    """Key and value of `key: value`; None where the line is a scalar."""
    if content[0] in "\"'":
        return None
    key, colon, value = content.partition(": ")
    if not colon:
        if content[-1] != ":":
            return None
        key, value = content[:-1], ""
    if _SPECIAL.intersection(key) or key[0] in "-" or key[-1] == " ":
        raise Unfamiliar
    return key, value.strip(" ")


def _scalar(text: str) -> Any:
    if text in _EMPTY:
        return _EMPTY[text]()
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "\"'":
        inner = text[1:-1]
        if len(text) < 2 or text[-1] != text[0] or text[0] in inner or "\\" in inner and text[0] == '"':
            raise Unfamiliar
        return inner
    if text[0] in _SPECIAL or " #" in text or ": " in text or text[-1] == ":" or text.startswith(("- ", "<<", "=")):
        raise Unfamiliar
    if text.lower() in _RESERVED or text.lower() in _WORDS:
        raise Unfamiliar
    if text[0] in "+-.0123456789":
        return _number_or_text(text)
    return text


def _number_or_text(text: str) -> Any:
    if text.isdecimal() and (text == "0" or text[0] != "0"):
        return int(text)
    if any(letter not in "0123456789.eExXoObB_+-:abcdefABCDEFinIN" for letter in text):
        return text                               # no number contains such a letter
    raise Unfamiliar
