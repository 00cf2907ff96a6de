"""RBAC rules taken apart and compared: which of the rules that are wanted do others already cover?"""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

FIELDS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")


def breakdown(rule: Document) -> list[Document]:
    """Rules of one verb and one resource (or URL) each, that mean the same together."""
    found = []
    for verb in rule.get("verbs") or []:
        for group in rule.get("apiGroups") or []:
            for resource in rule.get("resources") or []:
                single = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
                names = rule.get("resourceNames") or []
                found += [{**single, "resourceNames": [name]} for name in names] if names else [single]
        found += [{"verbs": [verb], "nonResourceURLs": [url]} for url in rule.get("nonResourceURLs") or []]
    return found


def compact(singles: list[Document]) -> list[Document]:
    """Rules that differ in their verb only, as one."""
    merged: dict[str, Document] = {}
    for rule in singles:
        key = repr([rule.get(field) for field in FIELDS[1:]])
        known = merged.setdefault(key, {**rule, "verbs": []})
        known["verbs"] += [verb for verb in rule["verbs"] if verb not in known["verbs"]]
    return list(merged.values())


def uncovered(owners: list[Document], wanted: list[Document]) -> list[Document]:
    """What of the wanted rules the owners' rules do not allow."""
    missing = [single for rule in wanted for single in breakdown(rule) if not any(_covers(owner, single) for owner in owners)]
    return compact(missing)


def _covers(owner: Document, single: Document) -> bool:
    verbs = owner.get("verbs") or []
    if "*" not in verbs and single["verbs"][0] not in verbs:
        return False
    if "nonResourceURLs" in single:
        url = single["nonResourceURLs"][0]
        return any(each in ("*", url) or each.endswith("*") and url.startswith(each[:-1]) for each in owner.get("nonResourceURLs") or [])
    groups, resources = owner.get("apiGroups") or [], owner.get("resources") or []
    resource = single["resources"][0]
    has_resource = "*" in resources or resource in resources or "/" in resource and f"*/{resource.partition('/')[2]}" in resources
    names = owner.get("resourceNames") or []
    has_name = not names or bool(single.get("resourceNames")) and single["resourceNames"][0] in names
    return ("*" in groups or single["apiGroups"][0] in groups) and has_resource and has_name


def resource_text(rule: Document) -> str:
    """`pods`, `deployments.apps`, `deployments.apps/scale`, `*.*`."""
    if not rule.get("resources"):
        return ""
    resource, slash, subresource = rule["resources"][0].partition("/")
    group = (rule.get("apiGroups") or [""])[0]
    return f"{resource}.{group}{slash}{subresource}" if group else f"{resource}{slash}{subresource}"


def go_text(rule: Document) -> str:
    """A rule as Go prints the struct."""
    names = ("Verbs", "APIGroups", "Resources", "ResourceNames", "NonResourceURLs")
    return "{" + " ".join(f"{name}:[{' '.join(rule.get(field) or [])}]" for name, field in zip(names, FIELDS, strict=True)) + "}"
