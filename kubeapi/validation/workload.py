"""Validation of ReplicaSets and Deployments: replicas, selector, template and strategy."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.intorstring import is_percent
from kubeapi.labels import SelectorError, from_label_selector
from kubeapi.validation.podspec import validate_pod_template
from kubeapi.validation.selectors import count_or_percent, non_negative, validate_label_selector

Document = dict[str, Any]


def validate_replicated(spec: Document, path: str = "spec") -> list[FieldError]:
    """What ReplicaSets and Deployments share."""
    faults = non_negative(spec.get("replicas"), f"{path}.replicas")
    faults += non_negative(spec.get("minReadySeconds"), f"{path}.minReadySeconds")
    faults += validate_selector(spec, "deployment", path)
    template = spec.get("template") or {}
    faults += validate_pod_template(template, f"{path}.template")
    return faults + only_restarting(template.get("spec") or {}, f"{path}.template.spec", "ReplicaSet")


def validate_selector(spec: Document, kind: str, path: str = "spec") -> list[FieldError]:
    """There is a selector, it says something, and the template's labels match it."""
    selector = spec.get("selector")
    if selector is None:
        return [required(f"{path}.selector")]
    faults = validate_label_selector(selector, f"{path}.selector")
    if not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return [*faults, invalid(f"{path}.selector", selector, f"empty selector is invalid for {kind}")]
    return faults or matches_template(selector, spec, path)


def matches_template(selector: Document | None, spec: Document, path: str) -> list[FieldError]:
    """No selector selects nothing."""
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    try:
        if from_label_selector(selector).matches(labels):
            return []
    except SelectorError as error:
        return [invalid(f"{path}.selector", selector, f"invalid label selector: {error}")]
    return [invalid(f"{path}.template.metadata.labels", labels, "`selector` does not match template `labels`")]


def only_restarting(spec: Document, path: str, kind: str) -> list[FieldError]:
    faults = []
    if (policy := spec.get("restartPolicy", "")) != "Always":
        faults.append(not_supported(f"{path}.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        faults.append(forbidden(f"{path}.activeDeadlineSeconds", f"activeDeadlineSeconds in {kind} is not Supported"))
    return faults


def validate_deployment_strategy(strategy: Document, path: str = "spec.strategy") -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "Recreate":
        why = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", why)] if rolling is not None else []
    if kind != "RollingUpdate":
        return [not_supported(path, strategy, ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(f"{path}.rollingUpdate", "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    at = f"{path}.rollingUpdate.maxUnavailable"
    faults = count_or_percent(unavailable, at) + count_or_percent(surge, f"{path}.rollingUpdate.maxSurge")
    if _is_zero(unavailable) and _is_zero(surge):
        faults.append(invalid(at, unavailable, "may not be 0 when `maxSurge` is 0"))
    if is_percent(unavailable) and int(str(unavailable)[:-1]) > 100:
        faults.append(invalid(at, unavailable, "must not be greater than 100%"))
    return faults


def _is_zero(value: int | str) -> bool:
    return value == 0 or is_percent(value) and int(str(value)[:-1]) == 0
