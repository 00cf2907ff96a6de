"""FlowSchemas: which requests are of which priority level."""
from __future__ import annotations

from typing import Any

from kubeapi.kinds.cells import AGE, NAME, NONE, column, part
from kubeapi.strategy import Strategy

Document = dict[str, Any]


class FlowSchemaStrategy(Strategy):
    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        if not spec.get("matchingPrecedence"):
            spec["matchingPrecedence"] = 1000


def _dangling(schema: Document) -> str:
    return next((each.get("status", "") for each in part(schema, "status").get("conditions") or () if each.get("type") == "Dangling"), "?")


COLUMNS = (
    NAME, column("PriorityLevel", lambda each: part(part(each, "spec"), "priorityLevelConfiguration").get("name", "")),
    column("MatchingPrecedence", lambda each: part(each, "spec").get("matchingPrecedence", 0)),
    column("DistinguisherMethod", lambda each: part(part(each, "spec"), "distinguisherMethod").get("type", NONE)), AGE,
    column("MissingPL", _dangling),
)
