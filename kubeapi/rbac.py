"""RBAC rules, pure: what one allows, taken apart, compared, and told.

A rule is a document as a Role has it; `*` stands for everything, `*/scale` for a subresource of everything, and a URL that ends
in `*` for all that begin so.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

FIELDS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
# What those who may do everything may do.
EVERYTHING: tuple[Document, ...] = ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]})


class Rule(NamedTuple):
    """A rule as it is asked many times."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]
    urls: tuple[str, ...]

    def is_about(self, verb: str, group: str, resource: str, subresource: str) -> bool:
        """Whether it allows this for objects of some name: of `names`, or of any where it has none."""
        if not (verb in self.verbs or "*" in self.verbs) or not (group in self.groups or "*" in self.groups):
            return False
        resources = self.resources
        if "*" in resources:
            return True
        return f"{resource}/{subresource}" in resources or f"*/{subresource}" in resources if subresource else resource in resources

    def allows_path(self, verb: str, path: str) -> bool:
        return (verb in self.verbs or "*" in self.verbs) and any(matches_url(one, path) for one in self.urls)


def rule_of(document: Document) -> Rule:
    verbs, groups, resources, names = (frozenset(document.get(field) or ()) for field in FIELDS[:4])
    return Rule(verbs, groups, resources, names, tuple(document.get("nonResourceURLs") or ()))


def matches_url(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


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


def uncovered(owners: Iterable[Document], wanted: Iterable[Document]) -> list[Document]:
    """What of the wanted rules the owners' rules do not allow."""
    held = [rule_of(owner) for owner in owners]
    missing = [single for rule in wanted for single in breakdown(rule) if not any(_covers(owner, single) for owner in held)]
    return compact(missing)


def _covers(owner: Rule, single: Document) -> bool:
    """`*` is covered by `*` alone, and what is good for any name by what is."""
    verb = single["verbs"][0]
    if "nonResourceURLs" in single:
        return owner.allows_path(verb, single["nonResourceURLs"][0])
    resource, _, subresource = single["resources"][0].partition("/")
    names = single.get("resourceNames") or []
    return owner.is_about(verb, single["apiGroups"][0], resource, subresource) and (not owner.names or bool(names) and names[0] in owner.names)


def rule_text(rule: Document) -> str:
    """`{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`"""
    names = {"apiGroups": "APIGroups", "resources": "Resources", "resourceNames": "ResourceNames", "nonResourceURLs": "NonResourceURLs",
             "verbs": "Verbs"}
    return "{" + ", ".join(f"{name}:{quoted_list(rule[field])}" for field, name in names.items() if rule.get(field)) + "}"


def quoted_list(words: Sequence[str]) -> str:
    """As Go prints one with %q."""
    return "[" + " ".join(f'"{word}"' for word in words) + "]"
