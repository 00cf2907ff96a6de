"""Endpoints: the addresses behind a Service, as older clients read them."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, NONE, column
from kubeapi.strategy import Strategy
from kubeapi.validation.endpoints import validate_endpoints

Document = dict[str, Any]
SHOWN = 3


class EndpointsStrategy(Strategy):
    deprecation: ClassVar[str] = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        for subset in obj.get("subsets") or ():
            for port in subset.get("ports") or ():
                port.setdefault("protocol", "TCP")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_endpoints(obj.get("subsets") or [])

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


def _endpoints(endpoints: Document) -> str:
    found: list[str] = []
    for subset in endpoints.get("subsets") or ():
        addresses = [address.get("ip", "") for address in subset.get("addresses") or ()]
        ports = [port.get("port", 0) for port in subset.get("ports") or ()]
        found += [f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for port in ports for ip in addresses] if ports else addresses
    shown = ",".join(found[:SHOWN]) or NONE
    return f"{shown} + {len(found) - SHOWN} more..." if len(found) > SHOWN else shown


COLUMNS = (NAME, column("Endpoints", _endpoints), AGE)
