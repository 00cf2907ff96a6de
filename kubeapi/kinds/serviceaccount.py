"""ServiceAccounts."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.strategy import Strategy


class ServiceAccountStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True


COLUMNS = (NAME, column("Secrets", lambda each: len(each.get("secrets") or ())), AGE)
