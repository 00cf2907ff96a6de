"""Quantities: exact resource amounts such as `500m`, `1536Mi` and `1e3`, kept as whole nanos.

The canonical text keeps the family of suffixes it was written in (binary, decimal, exponent) and has no fraction.
"""
from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache, total_ordering

FORMAT_WRONG = r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"

_NANOS = 10 ** 9
_LARGEST = (2 ** 63 - 1) * _NANOS
_PATTERN = re.compile(r"([+-]?)([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+", re.ASCII)
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)", re.ASCII)
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIX = ("", *_BINARY)
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}


class QuantityError(ValueError):
    """The text is no quantity."""


class Format(Enum):
    DECIMAL_SI = "DecimalSI"
    BINARY_SI = "BinarySI"
    DECIMAL_EXPONENT = "DecimalExponent"


def _round_up(value: int, unit: int) -> int:
    """*value* in *unit*s, a fraction rounded up (towards plus infinity)."""
    return -(-value // unit)


@total_ordering
class Quantity:
    """An immutable amount; equal amounts are equal whatever their format."""

    __slots__ = ("_text", "format", "nanos")

    def __init__(self, nanos: int, format: Format = Format.DECIMAL_SI) -> None:
        self.nanos = max(-_LARGEST, min(_LARGEST, nanos))
        self.format = format
        self._text = ""

    @classmethod
    def parse(cls, text: str | int | float) -> Quantity:
        """Raises QuantityError."""
        return _parse(text if isinstance(text, str) else str(text))

    @classmethod
    def of(cls, value: int, format: Format = Format.DECIMAL_SI) -> Quantity:
        return cls(value * _NANOS, format)

    @classmethod
    def of_milli(cls, value: int) -> Quantity:
        return cls(value * 10 ** 6)

    def value(self) -> int:
        return _round_up(self.nanos, _NANOS)

    def milli_value(self) -> int:
        return _round_up(self.nanos, 10 ** 6)

    def __str__(self) -> str:
        if not self._text:
            self._text = self._canonical()
        return self._text

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nanos == other.nanos

    def __lt__(self, other: Quantity) -> bool:
        return self.nanos < other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __neg__(self) -> Quantity:
        return Quantity(-self.nanos, self.format)

    def _canonical(self) -> str:
        if not self.nanos:
            return "0"
        whole, fraction = divmod(self.nanos, _NANOS)
        if self.format is Format.BINARY_SI and not fraction and abs(whole) >= 1024:
            power = 0
            while whole % 1024 == 0:
                whole, power = whole // 1024, power + 1
            return f"{whole}{_BINARY_SUFFIX[power]}"
        return self._decimal()

    def _decimal(self) -> str:
        mantissa, exponent = self.nanos, -9
        while mantissa % 1000 == 0 and exponent < 18:
            mantissa, exponent = mantissa // 1000, exponent + 3
        if self.format is Format.DECIMAL_EXPONENT:
            return f"{mantissa}e{exponent}" if exponent else str(mantissa)
        return f"{mantissa}{_DECIMAL_SUFFIX[exponent]}"


def _scaled(digits: str, power: int) -> int:
    """*digits* with ten to the *power*, in nanos; what is below a nano rounds away from zero."""
    whole, _, fraction = digits.partition(".")
    amount, exponent = int(whole + fraction or "0"), power + 9 - len(fraction)
    factor: int = 10 ** min(abs(exponent), 800)             # beyond that: capped, or less than a nano, anyway
    return amount * factor if exponent >= 0 else _round_up(amount, factor)


@lru_cache(maxsize=16384)
def _parse(text: str) -> Quantity:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise QuantityError(FORMAT_WRONG)
    sign, digits, suffix = match.groups()
    if _NUMBER.fullmatch(digits) is None or len(digits) > 400:
        raise QuantityError(NUMERIC_WRONG)
    if suffix in _DECIMAL:
        nanos, family = _scaled(digits, _DECIMAL[suffix]), Format.DECIMAL_SI
    elif suffix in _BINARY:
        whole, _, fraction = digits.partition(".")
        nanos = _round_up(int(whole + fraction or "0") * 1024 ** _BINARY[suffix] * _NANOS, 10 ** len(fraction))
        family = Format.BINARY_SI
    elif (exponent := _EXPONENT.fullmatch(suffix)) is not None and len(exponent[1]) < 10:
        nanos, family = _scaled(digits, int(exponent[1])), Format.DECIMAL_EXPONENT
    else:
        raise QuantityError(SUFFIX_WRONG)
    return Quantity(-nanos if sign == "-" else nanos, family)
