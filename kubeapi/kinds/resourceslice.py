"""ResourceSlices: devices that a driver offers."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy


class ResourceSliceStrategy(Strategy):
    has_status: ClassVar[bool] = False
    returns_deleted_object: ClassVar[bool] = True


COLUMNS = (
    NAME, column("Node", lambda each: part(each, "spec").get("nodeName", "")), column("Driver", lambda each: part(each, "spec").get("driver", "")),
    column("Pool", lambda each: part(part(each, "spec"), "pool").get("name", "")), AGE,
)
