"""What is said of a pod that the cluster itself takes away, before it is deleted: whoever made it may want to know."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from kubeapi.generated.models.core_v1 import Pod, PodCondition


def disruption_target(pod: Pod, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """A patch of the pod's status; {} where it says so already."""
    known = next((one for one in pod.status.conditions if one.type == "DisruptionTarget"), None)
    if known is not None and (known.status, known.reason, known.message) == ("True", reason, message):
        return {}
    since = known.last_transition_time if known is not None and known.status == "True" else now.replace(microsecond=0)
    condition = PodCondition(type="DisruptionTarget", status="True", reason=reason, message=message, last_transition_time=since,
                             observed_generation=pod.metadata.generation if pod.status.observed_generation else 0)
    return {"conditions": [condition.to_wire()]}
