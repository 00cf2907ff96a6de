"""Validation of roles and their bindings."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, invalid, not_supported, required
from kubeapi.names import dns1123_subdomain_faults, path_segment_faults
from kubeapi.validation.selectors import validate_label_selector

Document = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"


def default_binding(binding: Document) -> None:
    """Users, groups and roles are RBAC's unless told otherwise; ServiceAccounts are the core group's."""
    reference = binding.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = GROUP


def validate_rules(rules: list[Document], path: str, is_namespaced: bool) -> list[FieldError]:
    return [fault for index, rule in enumerate(rules) for fault in _rule(rule, f"{path}[{index}]", is_namespaced)]


def _rule(rule: Document, path: str, is_namespaced: bool) -> list[FieldError]:
    faults = [] if rule.get("verbs") else [required(f"{path}.verbs", "verbs must contain at least one value")]
    if urls := rule.get("nonResourceURLs"):
        if is_namespaced:
            faults.append(invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            faults.append(invalid(f"{path}.nonResourceURLs", urls, "rules cannot apply to both regular resources and non-resource URLs"))
        return faults
    if not rule.get("apiGroups"):
        faults.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        faults.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return faults


def validate_aggregation(rule: Document | None) -> list[FieldError]:
    if rule is None:
        return []
    path, selectors = "aggregationRule.clusterRoleSelectors", rule.get("clusterRoleSelectors") or []
    if not selectors:
        return [required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")]
    return [fault for index, each in enumerate(selectors) for fault in validate_label_selector(each, f"{path}[{index}]")]


def validate_binding(binding: Document, is_namespaced: bool) -> list[FieldError]:
    reference = binding.get("roleRef") or {}
    group, kind, name = (reference.get(key, "") for key in ("apiGroup", "kind", "name"))
    faults = [] if group == GROUP else [not_supported("roleRef.apiGroup", group, (GROUP,))]
    kinds = ("Role", "ClusterRole") if is_namespaced else ("ClusterRole",)
    if kind not in kinds:
        faults.append(not_supported("roleRef.kind", kind, kinds))
    faults += [invalid("roleRef.name", name, fault) for fault in path_segment_faults(name)] if name else [required("roleRef.name")]
    return faults + [fault for index, subject in enumerate(binding.get("subjects") or ())
                     for fault in _subject(subject, f"subjects[{index}]", is_namespaced)]


def _subject(subject: Document, path: str, is_namespaced: bool) -> list[FieldError]:
    kind, name, group = (subject.get(key, "") for key in ("kind", "name", "apiGroup"))
    faults = [] if name else [required(f"{path}.name")]
    if kind == "ServiceAccount":
        faults += [invalid(f"{path}.name", name, fault) for fault in dns1123_subdomain_faults(name)] if name else []
        if group:
            faults.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not is_namespaced and not subject.get("namespace"):
            faults.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            faults.append(not_supported(f"{path}.apiGroup", group, (GROUP,)))
    else:
        faults.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return faults


def validate_binding_update(new: Document, old: Document, is_namespaced: bool) -> list[FieldError]:
    faults = validate_binding(new, is_namespaced)
    if new.get("roleRef") != old.get("roleRef"):
        faults.append(invalid("roleRef", new.get("roleRef"), "cannot change roleRef"))
    return faults
