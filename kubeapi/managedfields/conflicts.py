"""What an apply is told when it would change what others manage."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.errors import Conflict

Document = dict[str, Any]
Contested = tuple[Document, str]        # the other manager's entry, and the path of a field as users read it


def conflict(contested: Sequence[Contested]) -> Conflict:
    """One cause per field and manager."""
    causes = [{"reason": "FieldManagerConflict", "message": f"conflict with {_named(entry)}", "field": path}
              for entry, path in contested]
    plural = "conflict" if len(contested) == 1 else "conflicts"
    return Conflict(f"Apply failed with {len(contested)} {plural}: {_told(contested)}", details={"causes": causes})


def _told(contested: Sequence[Contested]) -> str:
    if len(contested) == 1:
        entry, path = contested[0]
        return f"conflict with {_named(entry)}: {path}"
    by_manager: dict[str, list[str]] = {}
    for entry, path in contested:
        by_manager.setdefault(_named(entry), []).append(path)
    return "\n".join(f"conflicts with {name}:\n" + "\n".join(f"- {path}" for path in paths)
                     for name, paths in sorted(by_manager.items()))


def _named(entry: Document) -> str:
    text = f'"{entry.get("manager", "")}"'
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    if entry.get("operation") == "Update":
        text += f" using {entry.get('apiVersion', '')}"
    return text
