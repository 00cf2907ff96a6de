"""PriorityLevelConfigurations: how many requests of a level are served at once, and how the others queue."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeapi.kinds.cells import AGE, NAME, NONE, column, part
from kubeapi.strategy import Strategy

Document = dict[str, Any]
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}


class PriorityLevelConfigurationStrategy(Strategy):
    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        for kind, shares in (("limited", 30), ("exempt", 0)):
            if (level := spec.get(kind)) is not None:
                level.setdefault("nominalConcurrencyShares", shares)
                level.setdefault("lendablePercent", 0)
        if (queuing := part(part(spec, "limited"), "limitResponse").get("queuing")) is not None:
            queuing.update({name: value for name, value in _QUEUING.items() if not queuing.get(name)})


def _queuing(name: str) -> Callable[[Document], Any]:
    return lambda each: part(part(part(part(each, "spec"), "limited"), "limitResponse"), "queuing").get(name, NONE)


COLUMNS = (
    NAME, column("Type", lambda each: part(each, "spec").get("type", "")),
    column("NominalConcurrencyShares", lambda each: part(part(each, "spec"), "limited").get("nominalConcurrencyShares", NONE)),
    column("Queues", _queuing("queues")), column("HandSize", _queuing("handSize")), column("QueueLengthLimit", _queuing("queueLengthLimit")), AGE,
)
