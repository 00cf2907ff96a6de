"""CSINodes: the storage drivers that a node has; what is said of one stays, but for how many volumes it takes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, duplicate, invalid, required
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.selectors import label_name, non_negative
from kubeapi.validation.storage import driver_name

Document = dict[str, Any]
MAX_NODE_ID = 256


class CSINodeStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def validate(self, obj: Document) -> Sequence[FieldError]:
        drivers = _drivers(obj)
        names = [each.get("name", "") for each in drivers]
        faults: list[FieldError] = []
        for index, each in enumerate(drivers):
            at = f"spec.drivers[{index}]"
            faults += _driver(each, at)
            if names[index] in names[:index]:
                faults.append(duplicate(f"{at}.name", names[index]))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        faults = [*self.validate(new)]
        before = {each.get("name"): {**each, "allocatable": None} for each in _drivers(old)}
        for each in _drivers(new):
            if (known := before.get(each.get("name"))) is not None:
                faults += immutable({**each, "allocatable": None}, known, "spec.drivers")
        return faults


def _drivers(node: Document) -> list[Document]:
    return part(node, "spec").get("drivers") or []


def _driver(driver: Document, path: str) -> list[FieldError]:
    node, keys = driver.get("nodeID", ""), driver.get("topologyKeys") or []
    faults = driver_name(driver.get("name", ""), f"{path}.name")
    if not node:
        faults.append(required(f"{path}.nodeID"))
    if len(node) > MAX_NODE_ID:
        faults.append(invalid(f"{path}.nodeID", node, f"must be {MAX_NODE_ID} characters or less"))
    faults += non_negative((driver.get("allocatable") or {}).get("count"), f"{path}.allocatable.count")
    for index, key in enumerate(keys):
        faults += [] if key else [required(path)]
        faults += [duplicate(path, key)] if key in keys[:index] else []
        faults += label_name(key, path)
    return faults


COLUMNS = (NAME, column("Drivers", lambda each: len(_drivers(each)), "integer"), AGE)
