"""Durations as Go writes them in flags and configuration: `1h30m`, `500ms`, `0`. Imports nothing: kubectl reads them."""
from __future__ import annotations

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError in Go's words."""
    sign, rest = (-1.0 if text[:1] == "-" else 1.0), text.lstrip("+-")
    if rest == "0":
        return 0.0
    total, seen = 0.0, False
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("nuµmsh"))
        unit, rest = rest[:letters], rest[letters:]
        if not number.strip("."):
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"' if not rest else f'time: unknown unit "{rest}" in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total, seen = total + float(number) * _UNITS[unit], True
    if not seen:
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * total
