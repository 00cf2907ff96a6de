"""Field errors: what is wrong with an object, where, in the words of upstream's field.Error.

Validation returns a list of these for everything that is wrong; it never stops at the first and never raises.
"""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

OMITTED: Any = object()
"""The bad value of an error that shows none."""


class ErrorType(StrEnum):
    """The value is the cause's `reason` on the wire."""

    NOT_FOUND = "FieldValueNotFound"
    REQUIRED = "FieldValueRequired"
    DUPLICATE = "FieldValueDuplicate"
    INVALID = "FieldValueInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    FORBIDDEN = "FieldValueForbidden"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"
    INTERNAL = "InternalError"
    TYPE_INVALID = "FieldValueTypeInvalid"


_PROSE = {
    ErrorType.NOT_FOUND: "Not found", ErrorType.REQUIRED: "Required value", ErrorType.DUPLICATE: "Duplicate value",
    ErrorType.INVALID: "Invalid value", ErrorType.NOT_SUPPORTED: "Unsupported value", ErrorType.FORBIDDEN: "Forbidden",
    ErrorType.TOO_LONG: "Too long", ErrorType.TOO_MANY: "Too many", ErrorType.INTERNAL: "Internal error",
    ErrorType.TYPE_INVALID: "Invalid value",
}
_WITHOUT_VALUE = {ErrorType.REQUIRED, ErrorType.FORBIDDEN, ErrorType.TOO_LONG, ErrorType.INTERNAL, ErrorType.TOO_MANY}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault: its type, the field's path (`spec.containers[0].name`), the bad value and a sentence."""

    type: ErrorType
    field: str
    value: Any
    detail: str

    @property
    def body(self) -> str:
        """Everything but the path: what a StatusCause's message holds."""
        prose = _PROSE[self.type]
        text = prose if self.type in _WITHOUT_VALUE or self.value is OMITTED else f"{prose}: {_shown(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(ErrorType.REQUIRED, field, "", detail)


def invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError(ErrorType.INVALID, field, value, detail)


def type_invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError(ErrorType.TYPE_INVALID, field, value, detail)


def not_supported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    """`supported` in upstream's order, which is not always the alphabet's."""
    listed = ", ".join(json.dumps(s) for s in supported)
    return FieldError(ErrorType.NOT_SUPPORTED, field, value, f"supported values: {listed}" if supported else "")


def forbidden(field: str, detail: str) -> FieldError:
    return FieldError(ErrorType.FORBIDDEN, field, "", detail)


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError(ErrorType.DUPLICATE, field, value, "")


def not_found(field: str, value: Any) -> FieldError:
    return FieldError(ErrorType.NOT_FOUND, field, value, "")


def too_long(field: str, limit: int) -> FieldError:
    unit = "byte" if limit == 1 else "bytes"
    return FieldError(ErrorType.TOO_LONG, field, "", f"may not be more than {limit} {unit}")


def too_many(field: str, actual: int, limit: int) -> FieldError:
    return FieldError(ErrorType.TOO_MANY, field, actual, f"{actual}: must have at most {limit} items")


def internal(field: str, detail: str) -> FieldError:
    return FieldError(ErrorType.INTERNAL, field, "", detail)
