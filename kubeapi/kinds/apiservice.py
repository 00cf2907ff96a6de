"""APIServices: who serves a group's version."""
from __future__ import annotations

from typing import Any, ClassVar

from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy

Document = dict[str, Any]


class APIServiceStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        if (service := part(obj, "spec").get("service")) is not None:
            service.setdefault("port", 443)


def _service(each: Document) -> str:
    service = part(each, "spec").get("service")
    return f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"


def _available(each: Document) -> str:
    condition = next((one for one in part(each, "status").get("conditions") or () if one.get("type") == "Available"), None)
    if condition is None:
        return "Unknown"
    status = str(condition.get("status", ""))
    return status if status == "True" else f"{status} ({condition.get('reason', '')})"


COLUMNS = (NAME, column("Service", _service), column("Available", _available), AGE)
