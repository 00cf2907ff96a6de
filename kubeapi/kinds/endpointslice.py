"""EndpointSlices: a part of the endpoints of a Service."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.strategy import Strategy
from kubeapi.validation.endpoints import validate_slice
from kubeapi.validation.meta import immutable

Document = dict[str, Any]
SHOWN = 3


class EndpointSliceStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True

    def default(self, obj: Document) -> None:
        for port in obj.get("ports") or ():
            port.setdefault("name", "")
            port.setdefault("protocol", "TCP")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_slice(obj)

    def desired(self, obj: Document) -> Document:
        return {**super().desired(obj), "labels": (obj.get("metadata") or {}).get("labels") or {}}

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*self.validate(new), *immutable(new.get("addressType"), old.get("addressType"), "addressType")]


def _few(values: list[Any]) -> str:
    if not values:
        return "<unset>"
    shown = ",".join(str(value) for value in values[:SHOWN])
    return f"{shown} + {len(values) - SHOWN} more..." if len(values) > SHOWN else shown


COLUMNS = (
    NAME, column("AddressType", lambda each: each.get("addressType", "")),
    column("Ports", lambda each: _few([port.get("port") or "*" for port in each.get("ports") or ()])),
    column("Endpoints", lambda each: _few([address for endpoint in each.get("endpoints") or ()
                                           for address in endpoint.get("addresses") or ()])), AGE,
)
