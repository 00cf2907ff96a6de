"""What every typed view shares: frozen models, wire names, object keys.

A typed view is a pydantic model of one API type. Rules of the wire: a field's default is Go's zero value and is left
off the wire; a scalar whose zero must show has no default; pointer-like fields default to None, so that
`replicas: 0` survives. API defaults (`replicas: 1`) are the Strategy's work, never the types'.
"""
from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from kubeapi.wirenames import wire_name


class ObjectKey(NamedTuple):
    """Names one object of a kind; cluster-scoped objects have the empty namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def _seconds(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _microseconds(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _from_base64(value: Any) -> Any:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


Time = Annotated[datetime, PlainSerializer(_seconds, return_type=str)]
MicroTime = Annotated[datetime, PlainSerializer(_microseconds, return_type=str)]
Base64Bytes = Annotated[bytes, BeforeValidator(_from_base64),
                        PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str)]
# Canonical text, as the API server stores it; arithmetic is kubeapi.quantity's.
QuantityText = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]


class Model(BaseModel):
    """A frozen typed view of an API type. Unknown fields are ignored: a newer server may send them."""

    model_config = ConfigDict(alias_generator=wire_name, populate_by_name=True, frozen=True, defer_build=True,
                              extra="ignore", protected_namespaces=())

    def evolve(self, **changes: Any) -> Self:
        """A copy with *changes*; an unknown name is a TypeError (plain model_copy would accept it silently)."""
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        return self.model_copy(update=changes)

    def to_wire(self) -> dict[str, Any]:
        """The JSON document, zero values left off."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @classmethod
    def from_wire(cls, document: dict[str, Any] | bytes | str) -> Self:
        """The typed view of a document or of its encoded bytes. Raises pydantic.ValidationError."""
        if isinstance(document, bytes | str):
            return cls.model_validate_json(document)
        return cls.model_validate(document)


class Object(Model):
    """A typed view of a whole object: it knows its API version and kind, and adds them on the wire."""

    GROUP: ClassVar[str] = ""
    VERSION: ClassVar[str] = ""

    @classmethod
    def api_version(cls) -> str:
        return f"{cls.GROUP}/{cls.VERSION}" if cls.GROUP else cls.VERSION

    @classmethod
    def kind(cls) -> str:
        return cls.__name__

    def to_wire(self) -> dict[str, Any]:
        return {"apiVersion": self.api_version(), "kind": self.kind(), **super().to_wire()}
