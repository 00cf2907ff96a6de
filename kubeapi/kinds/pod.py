"""Pods: born Pending with a QoS class, mostly immutable, deleted with grace once a node runs them."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, NONE, column, part
from kubeapi.kinds.poddefaults import containers_of, default_pod
from kubeapi.kinds.podsummary import summarize
from kubeapi.quantity import Quantity
from kubeapi.repeats import Repeats
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.podparts import keep_all_but_part, validate_pod_part
from kubeapi.validation.podspec import validate_pod
from kubeapi.validation.podupdate import validate_pod_status_update, validate_pod_update

Document = dict[str, Any]


def qos_class(spec: Document) -> str:
    """Guaranteed when every container's limits are its requests, BestEffort when none asks for anything."""
    whole = spec.get("resources") or {}
    return _qos_of([whole] if whole.get("requests") or whole.get("limits") else [one.get("resources") or {} for one in containers_of(spec)])


@Repeats
def _qos_of(asking: list[Document]) -> str:
    asked, guaranteed = False, True
    for resources in asking:
        requests, limits = (_amounts(resources.get(name)) for name in ("requests", "limits"))
        asked = asked or bool(requests or limits)
        guaranteed = guaranteed and limits.keys() == {"cpu", "memory"} and {**limits, **requests} == limits
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _amounts(resources: Document | None) -> dict[str, Quantity]:
    amounts = {name: Quantity.parse(text) for name, text in (resources or {}).items() if name in ("cpu", "memory")}
    return {name: amount for name, amount in amounts.items() if amount}


class PodStrategy(Strategy):
    returns_deleted_object: ClassVar[bool] = True

    def default(self, obj: Document) -> None:
        default_pod(obj)

    def prepare_for_create(self, obj: Document) -> None:
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(part(obj, "spec"))}
        if part(obj, "spec").get("schedulingGates"):
            obj["status"]["conditions"] = [{
                "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates"}]

    def prepare_for_status_update(self, new: Document, old: Document) -> None:
        if qos := part(old, "status").get("qosClass"):
            new.setdefault("status", {})["qosClass"] = qos

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_pod(obj)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_pod_update(new, old)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_pod_status_update(new, old)

    def prepare_for_part(self, part: str, new: Document, old: Document) -> None:
        keep_all_but_part(part, new, old)

    def validate_part(self, part: str, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_pod_part(part, new, old, qos_class)

    def grace_period_seconds(self, obj: Document, asked: int | None) -> int | None:
        spec = part(obj, "spec")
        if not spec.get("nodeName") or part(obj, "status").get("phase") in ("Succeeded", "Failed"):
            return 0
        grace = asked if asked is not None else int(spec.get("terminationGracePeriodSeconds") or 0)
        return grace if grace >= 0 else 1


def _ip(pod: Document) -> str:
    addresses = part(pod, "status").get("podIPs") or [{}]
    return str(addresses[0].get("ip") or NONE)


def _readiness_gates(pod: Document) -> str:
    gates = [each.get("conditionType") for each in part(pod, "spec").get("readinessGates") or ()]
    true = {each.get("type") for each in part(pod, "status").get("conditions") or () if each.get("status") == "True"}
    return f"{sum(gate in true for gate in gates)}/{len(gates)}" if gates else NONE


def _ready(pod: Document) -> str:
    summary = summarize(pod)
    return f"{summary.ready}/{summary.containers}"


COLUMNS = (
    NAME, column("Ready", _ready), column("Status", lambda pod: summarize(pod).status),
    Column("Restarts", "string", lambda pod, now: summarize(pod).restarts_text(now)), AGE,
    column("IP", _ip, wide=True),
    column("Node", lambda pod: part(pod, "spec").get("nodeName") or NONE, wide=True),
    column("Nominated Node", lambda pod: part(pod, "status").get("nominatedNodeName") or NONE, wide=True),
    column("Readiness Gates", _readiness_gates, wide=True),
)
