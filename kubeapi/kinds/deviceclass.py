"""DeviceClasses: a kind of devices, by a name."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.kinds.cells import AGE, NAME
from kubeapi.strategy import Strategy


class DeviceClassStrategy(Strategy):
    has_status: ClassVar[bool] = False
    returns_deleted_object: ClassVar[bool] = True


COLUMNS = (NAME, AGE)
