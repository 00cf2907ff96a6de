"""ComponentStatuses: whether the parts of the control plane are well."""
from __future__ import annotations

from typing import Any, ClassVar

from kubeapi.kinds.cells import NAME, column
from kubeapi.strategy import Strategy

Document = dict[str, Any]


class ComponentStatusStrategy(Strategy):
    deprecation: ClassVar[str] = "v1 ComponentStatus is deprecated in v1.19+"


def _healthy(document: Document) -> Document:
    return next((one for one in document.get("conditions") or [] if one.get("type") == "Healthy"), {})


COLUMNS = (
    NAME,
    column("Status", lambda each: {"True": "Healthy", "False": "Unhealthy"}.get(_healthy(each).get("status", ""), "Unknown")),
    column("Message", lambda each: _healthy(each).get("message", "")),
    column("Error", lambda each: _healthy(each).get("error", "")),
)
