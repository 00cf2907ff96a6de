"""The tables of `get`: the server's columns and cells, and what the flags add to them."""
from __future__ import annotations

from kubectl.tabwriter import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document

_BREAKS = "\f\n\r"


class Style:
    """How the flags want tables; the same for every table of one command."""

    def __init__(self, *, wide: bool = False, headers: bool = True, labels: bool = False, label_columns: list[str] | None = None) -> None:
        self.wide, self.headers, self.labels = wide, headers, labels
        self.label_columns = label_columns or []


class TablePrinter:
    """Prints tables of one kind below each other; headers once, widths remembered."""

    def __init__(self, style: Style, *, with_namespace: bool = False, kind_prefix: str = "", with_events: bool = False) -> None:
        self._style, self._with_namespace, self._kind_prefix = style, with_namespace, kind_prefix
        self._with_events = with_events
        self._rows = Rows()
        self._headers_due = style.headers
        self._columns: list[Document] = []

    def format(self, table: Document, event_type: str = "") -> str:
        """The table's lines."""
        self._columns = table.get("columnDefinitions") or self._columns
        shown = [index for index, column in enumerate(self._columns) if self._style.wide or not column.get("priority")]
        lines = []
        rows = table.get("rows") or []
        if self._headers_due and rows:
            lines.append(self._header(shown))
            self._headers_due = False
        lines += [self._row(row, shown, event_type) for row in rows]
        return self._rows.format(lines)

    def _header(self, shown: list[int]) -> list[str]:
        names = ["EVENT"] * self._with_events + ["NAMESPACE"] * self._with_namespace
        names += [self._columns[index]["name"].upper() for index in shown]
        names += [label.rpartition("/")[2].upper() for label in self._style.label_columns]
        return names + ["LABELS"] * self._style.labels

    def _row(self, row: Document, shown: list[int], event_type: str) -> list[str]:
        metadata = (row.get("object") or {}).get("metadata") or {}
        cells = [event_type] * self._with_events
        if self._with_namespace:
            cells.append(metadata.get("namespace", ""))
        for position, index in enumerate(shown):
            text = _cell(row["cells"][index] if index < len(row["cells"]) else "")
            is_name = self._columns[index].get("format") == "name" or position == 0
            cells.append(f"{self._kind_prefix}/{text}" if self._kind_prefix and is_name and position == 0 else text)
        labels = metadata.get("labels") or {}
        cells += [labels.get(name, "") for name in self._style.label_columns]
        if self._style.labels:
            cells.append(",".join(f"{key}={labels[key]}" for key in sorted(labels)) or "<none>")
        return cells


def _cell(value: Any) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text.isprintable():
        return text
    cut = min((at for letter in _BREAKS if (at := text.find(letter)) >= 0), default=-1)
    return text if cut < 0 else text[:cut] + "..."
