"""Validation of a DaemonSet's spec: selector, template, and the two ways to roll out, of which exactly one must allow something."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.intorstring import is_percent
from kubeapi.validation.podspec import validate_pod_template
from kubeapi.validation.selectors import count_or_percent, non_negative, validate_label_selector
from kubeapi.validation.workload import matches_template

Document = dict[str, Any]


def validate_daemon_set_spec(spec: Document, path: str = "spec") -> list[FieldError]:
    selector, template = spec.get("selector"), spec.get("template") or {}
    faults = validate_label_selector(selector, f"{path}.selector")
    if not faults:
        faults += matches_template(selector, spec, path)
    if selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions")):
        faults.append(invalid(f"{path}.selector", selector, "empty selector is invalid for daemonset"))
    faults += validate_pod_template(template, f"{path}.template")
    pod, at = template.get("spec") or {}, f"{path}.template.spec"
    if (policy := pod.get("restartPolicy", "")) != "Always":
        faults.append(not_supported(f"{at}.restartPolicy", policy, ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        faults.append(forbidden(f"{at}.activeDeadlineSeconds", "activeDeadlineSeconds in DaemonSet is not Supported"))
    faults += non_negative(spec.get("minReadySeconds"), f"{path}.minReadySeconds")
    faults += _update_strategy(spec.get("updateStrategy") or {}, f"{path}.updateStrategy")
    return faults + non_negative(spec.get("revisionHistoryLimit"), f"{path}.revisionHistoryLimit")


def _update_strategy(strategy: Document, path: str) -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported(path, strategy, ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(f"{path}.rollingUpdate")]
    return _rolling_update(rolling, f"{path}.rollingUpdate")


def _rolling_update(rolling: Document, path: str) -> list[FieldError]:
    limits = {name: rolling.get(name, 0) for name in ("maxUnavailable", "maxSurge")}
    faults = [fault for name, limit in limits.items() for fault in count_or_percent(limit, f"{path}.{name}")]
    faults += [invalid(f"{path}.{name}", limit, "must not be greater than 100%")
               for name, limit in limits.items() if is_percent(limit) and int(limit[:-1]) > 100]
    allows = {name for name, limit in limits.items() if _number(limit)}
    if len(allows) == 2:
        faults.append(invalid(f"{path}.maxSurge", limits["maxSurge"], "may not be set when maxUnavailable is non-zero"))
    elif not allows:
        faults.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return faults


def _number(limit: int | str) -> int:
    if isinstance(limit, int):
        return limit
    return int(limit[:-1]) if is_percent(limit) else 0
