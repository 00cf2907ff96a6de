"""The functions of Go's text/template, and kubectl's two: `exists` and `base64decode`."""
from __future__ import annotations

import re

from kubectl import gotext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\d+))?([a-zA-Z%])")
_HTML = str.maketrans({'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})
_JS = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"})


class Refused(Exception):
    """A function does not take these arguments; the message is Go's."""


def is_true(value: Any) -> bool:
    """Zero, empty and missing are false."""
    return bool(value)


def length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict | list):
        return len(value)
    raise Refused("len of nil pointer" if value is None else f"len of type {_literal_type(value)}")


def _literal_type(value: Any) -> str:
    return "int" if type(value) is int else gotext.type_name(value)


def index(item: Any, *keys: Any) -> Any:
    """`index x 1 "a"` is x[1]["a"]; a key that a map does not have is nothing."""
    for key in keys:
        if isinstance(item, dict):
            if not isinstance(key, str):
                raise Refused(f"value has type {_literal_type(key)}; should be string")
            item = item.get(key)
        elif isinstance(item, list | str):
            if not isinstance(key, int) or isinstance(key, bool):
                raise Refused(f"cannot index slice/array with type {gotext.type_name(key)}")
            if not 0 <= key < len(item):
                raise Refused(f"index out of range: {key}" if isinstance(item, list) else f"index out of range: {key}")
            item = item[key] if isinstance(item, list) else item.encode()[key]
        else:
            raise Refused("index of untyped nil" if item is None else f"can't index item of type {gotext.type_name(item)}")
    return item


def cut(item: Any, *bounds: int) -> Any:
    """`slice x 1 2` is x[1:2]."""
    if not isinstance(item, str | list):
        raise Refused(f"can't slice item of type {gotext.type_name(item)}")
    for bound in bounds:
        if not 0 <= bound <= len(item):
            raise Refused(f"index out of range: {bound}")
    return item[slice(*bounds[:2])] if len(bounds) > 1 else item[bounds[0] if bounds else 0:]


def equal(first: Any, *others: Any) -> bool:
    if not others:
        raise Refused("missing argument for comparison")
    if isinstance(first, dict | list):
        raise Refused("non-comparable type " + gotext.plain(first) + ": " + gotext.type_name(first))
    return any(_same_kind(first, other) and first == other for other in others)


def _same_kind(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    if _basic(left) != _basic(right):
        raise Refused("incompatible types for comparison")
    return True


def _basic(value: Any) -> str:
    return {bool: "bool", int: "int", float: "float", str: "string"}.get(type(value), "other")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def function(left: Any, right: Any) -> bool:
        if _basic(left) != _basic(right):
            raise Refused("incompatible types for comparison")
        if _basic(left) in ("bool", "other"):
            raise Refused("invalid type for comparison")
        return compare(left, right)
    return function


def joined(*values: Any) -> str:
    """`print`: blanks only between two that are no strings."""
    text = ""
    for at, value in enumerate(values):
        if at and not isinstance(value, str) and not isinstance(values[at - 1], str):
            text += " "
        text += gotext.plain(value)
    return text


def printf(template: Any, *values: Any) -> str:
    """Go's verbs v, s, d, q, t, x, f, g, e, c, b, o, T with flags, width and precision."""
    left = list(values)

    def one(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if width == "*":
            width = str(left.pop(0)) if left else ""
        if not left:
            return f"%!{verb}(MISSING)"
        text = _formatted(verb, flags, precision, left.pop(0))
        return text.ljust(int(width or 0)) if "-" in flags else text.rjust(int(width or 0), "0" if "0" in flags and verb in "dfgex" else " ")
    text = _VERB.sub(one, str(template))
    return text + (f"%!(EXTRA {', '.join(f'{_literal_type(value)}={gotext.plain(value)}' for value in left)})" if left else "")


def _formatted(verb: str, flags: str, precision: str | None, value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if verb == "T":
        return _literal_type(value)
    if verb == "v" or verb == "s" and isinstance(value, str | dict | list) or verb == "t" and isinstance(value, bool):
        text = gotext.syntax(value) if "#" in flags and verb == "v" else gotext.plain(value)
        return text[:int(precision)] if precision and isinstance(value, str) else text
    if verb == "q" and isinstance(value, str):
        return gotext.quoted(value)
    if verb == "x" and isinstance(value, str):
        return value.encode().hex()
    if verb == "c" and isinstance(value, int):
        return chr(value)
    if verb in "dboxX" and is_number and isinstance(value, int):
        return format(value, ("+" if "+" in flags else "") + verb)
    if verb in "feEgG" and isinstance(value, float):
        return format(value, f"{'+' if '+' in flags else ''}.{precision or 6}{verb}") if verb not in "gG" or precision else gotext.number(value)
    return f"%!{verb}({_literal_type(value)}={gotext.plain(value)})" if value is not None else f"%!{verb}(<nil>)"


def _exists(item: Any, *keys: Any) -> bool:
    try:
        return index(item, *keys) is not None
    except Refused:
        return False


def _base64decode(text: Any) -> str:
    from binascii import Error, a2b_base64
    try:
        return a2b_base64(str(text)).decode("utf-8", "replace")
    except Error as error:
        raise Refused(f"base64 decode failed: {error}") from None


def _urlquery(*values: Any) -> str:
    from kubectl.client import quote
    return quote(joined(*values)).replace("%20", "+")


# name -> (function, least arguments, most; -1 for any)
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "not": (lambda value: not is_true(value), 1, 1), "len": (length, 1, 1), "index": (index, 1, -1), "slice": (cut, 1, -1),
    "print": (joined, 0, -1), "println": (lambda *values: " ".join(map(gotext.plain, values)) + "\n", 0, -1), "printf": (printf, 1, -1),
    "html": (lambda *values: joined(*values).translate(_HTML), 0, -1), "js": (lambda *values: joined(*values).translate(_JS), 0, -1),
    "urlquery": (_urlquery, 0, -1), "eq": (equal, 1, -1), "ne": (lambda left, right: not equal(left, right), 2, 2),
    "lt": (_ordered(lambda left, right: left < right), 2, 2), "le": (_ordered(lambda left, right: left <= right), 2, 2),
    "gt": (_ordered(lambda left, right: left > right), 2, 2), "ge": (_ordered(lambda left, right: left >= right), 2, 2),
    "exists": (_exists, 1, -1), "base64decode": (_base64decode, 1, 1),
}
# These evaluate their arguments one by one, and only as far as they must.
LAZY = frozenset({"and", "or"})
