"""ComponentStatuses: whether the parts of the control plane are well."""
from __future__ import annotations

from typing import Any

from kubeapi.kinds.cells import NAME, column

Document = dict[str, Any]


def _healthy(document: Document) -> Document:
    return next((one for one in document.get("conditions") or [] if one.get("type") == "Healthy"), {})


COLUMNS = (
    NAME,
    column("Status", lambda each: {"True": "Healthy", "False": "Unhealthy"}.get(_healthy(each).get("status", ""), "Unknown")),
    column("Message", lambda each: _healthy(each).get("message", "")),
    column("Error", lambda each: _healthy(each).get("error", "")),
)
