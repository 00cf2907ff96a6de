"""What an eviction may do: a pure function of the pod and the disruption budgets over it (policy/v1, as upstream's registry)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi import errors
from kubeapi.labels import from_label_selector

Document = dict[str, Any]
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
MAX_UNCONFIRMED = 2000
RETRY_SECONDS = 10


def needs_no_budget(pod: Document) -> bool:
    """Nobody counts on a pod that has ended, is on its way out or has not started."""
    return "deletionTimestamp" in pod["metadata"] or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Pending")


def budget_of(pod: Document, budgets: Sequence[Document]) -> Document | None:
    """The one budget that selects the pod. Raises InternalError when there are several."""
    labels = pod["metadata"].get("labels") or {}
    found = [one for one in budgets if (selector := (one.get("spec") or {}).get("selector")) is not None
             and from_label_selector(selector).matches(labels)]
    if len(found) > 1:
        raise errors.InternalError("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
    return found[0] if found else None


def may_go_unhealthy(pod: Document, budget: Document) -> bool:
    """A pod that is not ready costs the budget nothing, if its policy says so or enough others are healthy."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return False
    status = budget.get("status") or {}
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    wanted = status.get("desiredHealthy", 0)
    return bool(wanted > 0 and status.get("currentHealthy", 0) >= wanted)


def charged(budget: Document, pod_name: str, now: str) -> Document:
    """The budget after the pod's eviction, which its controller has yet to confirm. Raises TooManyRequests and Forbidden."""
    metadata, status = budget["metadata"], dict(budget.get("status") or {})
    name, allowed = metadata["name"], status.get("disruptionsAllowed", 0)
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        raise _refused(f"The disruption budget {name} is still being processed by the server.", RETRY_SECONDS)
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudgets", "policy", name, "pdb disruptions allowed is negative")
    unconfirmed = status.get("disruptedPods") or {}
    if len(unconfirmed) > MAX_UNCONFIRMED:
        raise errors.forbidden("poddisruptionbudgets", "policy", name,
                               "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
    if allowed == 0:
        raise _refused(f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
                       f"{status.get('currentHealthy', 0)} currently", 0)
    status |= {"disruptionsAllowed": allowed - 1, "disruptedPods": {**unconfirmed, pod_name: now}}
    return {**budget, "status": status}


def _refused(why: str, retry_seconds: int) -> errors.TooManyRequests:
    details: Document = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    return errors.TooManyRequests(REFUSED, details={**details, "retryAfterSeconds": retry_seconds} if retry_seconds else details)


def condemned(pod: Document, now: str) -> Document:
    """The pod with the condition that says why it goes."""
    status = dict(pod.get("status") or {})
    others = [one for one in status.get("conditions") or () if one["type"] != "DisruptionTarget"]
    generation = pod["metadata"].get("generation")
    told = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
            "lastTransitionTime": now, **({"observedGeneration": generation} if generation else {})}
    return {**pod, "status": {**status, "conditions": [*others, told]}}
