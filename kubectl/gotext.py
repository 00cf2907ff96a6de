"""Values as Go's fmt package prints them: %v, %#v and %q, of what JSON can hold."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ESCAPED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def plain(value: Any) -> str:
    """`%v`: map[a:1 b:2], [1 2], <nil>."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{plain(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(plain(item) for item in value)}]"
    return number(value)


def number(value: float) -> str:
    """An int as it is; a float in its shortest form, with an exponent from 1e+21 on and below 1e-4."""
    if isinstance(value, int):
        return str(value)
    if value and not 1e-4 <= abs(value) < 1e21:
        mantissa, _, exponent = f"{value!r}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{exponent}" if exponent else f"{value:e}"
    return repr(value).removesuffix(".0") if "e" not in repr(value) else f"{value:f}".rstrip("0").removesuffix(".")


def quoted(text: str) -> str:
    """`%q`: in double quotes, what cannot be printed escaped."""
    return '"' + "".join(_ESCAPED.get(letter) or (letter if letter.isprintable() else f"\\u{ord(letter):04x}") for letter in text) + '"'


def syntax(value: Any) -> str:
    """`%#v`: as one would write it in Go."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "map[string]interface {}{" + ", ".join(f"{quoted(key)}:{syntax(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(syntax, value)) + "}"
    return "interface {}(nil)" if value is None else plain(value)


def type_name(value: Any) -> str:
    """The Go type that a decoded JSON value has."""
    return {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64", float: "float64"}.get(type(value), "<nil>")
