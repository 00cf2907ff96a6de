"""Validation of what steers a Pod to nodes: tolerations, affinity, spread constraints; and of a Node's taints."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, invalid, not_supported, required
from kubeapi.names import label_value_faults
from kubeapi.validation.selectors import label_name, validate_label_selector, validate_requirement

Document = dict[str, Any]
EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def validate_tolerations(tolerations: list[Document], path: str) -> list[FieldError]:
    return [fault for index, each in enumerate(tolerations) for fault in _toleration(each, f"{path}[{index}]")]


def _toleration(each: Document, path: str) -> list[FieldError]:
    key, operator, value, effect = (each.get(name, "") for name in ("key", "operator", "value", "effect"))
    faults = label_name(key, f"{path}.key") if key else []
    if not key and operator != "Exists":
        faults.append(invalid(f"{path}.operator", operator,
                              'operator must be Exists when `key` is empty, which means "match all values and all keys"'))
    if each.get("tolerationSeconds") is not None and effect != "NoExecute":
        faults.append(invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    if operator in ("Equal", ""):
        faults += [invalid(f"{path}.operator", value, fault) for fault in label_value_faults(value)[:1]]
    elif operator == "Exists":
        if value:
            faults.append(invalid(f"{path}.operator", each, "value must be empty when `operator` is 'Exists'"))
    else:
        faults.append(not_supported(f"{path}.operator", operator, ("Equal", "Exists")))
    if effect and effect not in EFFECTS:
        faults.append(not_supported(f"{path}.effect", effect, EFFECTS))
    return faults


def validate_taints(taints: list[Document], path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    seen = set()
    for index, taint in enumerate(taints):
        at, key, effect = f"{path}[{index}]", taint.get("key", ""), taint.get("effect", "")
        faults += label_name(key, f"{at}.key")
        faults += [invalid(f"{at}.value", taint.get("value", ""), fault) for fault in label_value_faults(taint.get("value", ""))]
        if not effect:
            faults.append(required(f"{at}.effect"))
        elif effect not in EFFECTS:
            faults.append(not_supported(f"{at}.effect", effect, EFFECTS))
        if (key, effect) in seen:
            faults.append(duplicate(at, taint))
        seen.add((key, effect))
    return faults


def validate_affinity(affinity: Document, path: str) -> list[FieldError]:
    faults = _node_affinity(affinity.get("nodeAffinity") or {}, f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        faults += _pod_affinity(affinity.get(name) or {}, f"{path}.{name}")
    return faults


def _weight(each: Document, path: str) -> list[FieldError]:
    weight = each.get("weight", 0)
    return [] if 1 <= weight <= 100 else [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def _node_affinity(affinity: Document, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    if (needed := affinity.get("requiredDuringSchedulingIgnoredDuringExecution")) is not None:
        faults += validate_node_selector(needed, f"{path}.requiredDuringSchedulingIgnoredDuringExecution")
    for index, each in enumerate(affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        at = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        faults += _weight(each, at) + _node_selector_term(each.get("preference") or {}, f"{at}.preference")
    return faults


def validate_node_selector(selector: Document, path: str) -> list[FieldError]:
    at, terms = f"{path}.nodeSelectorTerms", selector.get("nodeSelectorTerms") or []
    if not terms:
        return [required(at, "must have at least one node selector term")]
    return [fault for index, term in enumerate(terms) for fault in _node_selector_term(term, f"{at}[{index}]")]


def _node_selector_term(term: Document, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, each in enumerate(term.get("matchExpressions") or ()):
        faults += validate_requirement(each, f"{path}.matchExpressions[{index}]", ordered=True)
    for index, each in enumerate(term.get("matchFields") or ()):
        at = f"{path}.matchFields[{index}]"
        if each.get("operator") not in ("In", "NotIn"):
            faults.append(invalid(f"{at}.operator", each.get("operator", ""), "not a valid selector operator"))
        elif len(each.get("values") or ()) != 1:
            faults.append(required(f"{at}.values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"))
        if each.get("key") != "metadata.name":
            faults.append(invalid(f"{at}.key", each.get("key", ""), "not a valid field selector key"))
    return faults


def _pod_affinity(affinity: Document, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, term in enumerate(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()):
        faults += _pod_affinity_term(term, f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]")
    for index, each in enumerate(affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        at = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        faults += _weight(each, at) + _pod_affinity_term(each.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")
    return faults


def _pod_affinity_term(term: Document, path: str) -> list[FieldError]:
    faults = validate_label_selector(term.get("labelSelector"), f"{path}.labelSelector")
    faults += validate_label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    key = term.get("topologyKey", "")
    return faults + (label_name(key, f"{path}.topologyKey") if key else [required(f"{path}.topologyKey", "can not be empty")])


def validate_topology_spread(constraints: list[Document], path: str) -> list[FieldError]:
    faults = []
    for index, each in enumerate(constraints):
        at, when = f"{path}[{index}]", each.get("whenUnsatisfiable", "")
        if each.get("maxSkew", 0) <= 0:
            faults.append(invalid(f"{at}.maxSkew", each.get("maxSkew", 0), "must be greater than zero"))
        if not each.get("topologyKey"):
            faults.append(required(f"{at}.topologyKey", "can not be empty"))
        if when not in ("DoNotSchedule", "ScheduleAnyway"):
            faults.append(not_supported(f"{at}.whenUnsatisfiable", when, ("DoNotSchedule", "ScheduleAnyway")))
        faults += validate_label_selector(each.get("labelSelector"), f"{at}.labelSelector")
    return faults
