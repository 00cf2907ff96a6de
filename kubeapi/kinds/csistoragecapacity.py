"""CSIStorageCapacities: how much room there is of a class in a part of the cluster."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import NAME, UNSET, column
from kubeapi.names import dns1123_subdomain_faults
from kubeapi.quantity import Quantity
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.selectors import validate_label_selector

Document = dict[str, Any]


class CSIStorageCapacityStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        name, capacity = obj.get("storageClassName", ""), obj.get("capacity")
        faults = validate_label_selector(obj.get("nodeTopology"), "nodeTopology")
        faults += [invalid("storageClassName", name, fault) for fault in dns1123_subdomain_faults(name)]
        if capacity is not None and Quantity.parse(capacity) < Quantity(0):
            faults.append(invalid("capacity", str(capacity), "must be greater than or equal to 0"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [fault for name in ("nodeTopology", "storageClassName") for fault in immutable(new.get(name), old.get(name), name)]


COLUMNS = (NAME, column("StorageClassName", lambda each: each.get("storageClassName", "")),
           column("Capacity", lambda each: each.get("capacity", UNSET)))
