"""HorizontalPodAutoscalers: 80 % of the requested CPU and at least one replica unless told otherwise. Stored as autoscaling/v2."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, NONE, UNSET, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.autoscaler import validate_autoscaler
from kubeapi.validation.selectors import non_negative

Document = dict[str, Any]
UNKNOWN = "<unknown>"
SHOWN = 2
_HALF_MINUTE = {"type": "Percent", "value": 100, "periodSeconds": 15}
_SCALE_UP = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max",
             "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, _HALF_MINUTE]}
_SCALE_DOWN = {"selectPolicy": "Max", "policies": [_HALF_MINUTE]}


class HorizontalPodAutoscalerStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("minReplicas", 1)
        if not spec.get("metrics"):
            spec["metrics"] = [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]
        if (behavior := spec.get("behavior")) is not None:
            for name, rules in (("scaleUp", _SCALE_UP), ("scaleDown", _SCALE_DOWN)):
                given = behavior.get(name) or {}
                behavior[name] = {**{key: [dict(each) for each in value] if isinstance(value, list) else value
                                     for key, value in rules.items()}, **given}

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_autoscaler(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_autoscaler(part(new, "spec"), least=0 if part(old, "spec").get("minReplicas") == 0 else 1)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [fault for name in ("currentReplicas", "desiredReplicas") for fault in non_negative(part(new, "status").get(name), f"status.{name}")]


def _amount(metric: Document, current: Document) -> str:
    """`current/target` of one metric."""
    kind = metric.get("type", "")
    name = kind[:1].lower() + kind[1:]
    source, seen = metric.get(name) or {}, (current.get(name) or {}).get("current") or {}
    target = source.get("target") or {}
    if name in ("resource", "containerResource"):
        if target.get("averageValue") is not None:
            return f"{source.get('name', '')}: {seen.get('averageValue', UNKNOWN)}/{target['averageValue']}"
        used, wanted = (f"{each['averageUtilization']}%" if each.get("averageUtilization") is not None else missing
                        for each, missing in ((seen, UNKNOWN), (target, "<auto>")))
        return f"{source.get('name', '')}: {used}/{wanted}"
    if name == "pods":
        return f"{seen.get('averageValue', UNKNOWN)}/{target.get('averageValue')}"
    if name not in ("object", "external"):
        return "<unknown type>"
    if target.get("averageValue") is not None:
        return f"{seen.get('averageValue', UNKNOWN)}/{target['averageValue']} (avg)"
    return f"{seen.get('value', UNKNOWN)}/{target.get('value')}"


def _targets(autoscaler: Document) -> str:
    metrics = part(autoscaler, "spec").get("metrics") or []
    current = part(autoscaler, "status").get("currentMetrics") or []
    texts = [_amount(metric, current[index] if index < len(current) else {}) for index, metric in enumerate(metrics)]
    if not texts:
        return NONE
    return ", ".join(texts) if len(texts) <= SHOWN else f"{', '.join(texts[:SHOWN])} + {len(texts) - SHOWN} more..."


def _reference(autoscaler: Document) -> str:
    target = part(part(autoscaler, "spec"), "scaleTargetRef")
    return f"{target.get('kind', '')}/{target.get('name', '')}"


COLUMNS = (
    NAME, column("Reference", _reference), column("Targets", _targets),
    column("MinPods", lambda each: str(part(each, "spec").get("minReplicas", UNSET))),
    column("MaxPods", lambda each: part(each, "spec").get("maxReplicas", 0)),
    column("Replicas", lambda each: part(each, "status").get("currentReplicas", 0)), AGE,
)
