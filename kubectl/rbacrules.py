"""RBAC rules as kubectl shows them; what they mean is kubeapi.rbac's."""
from __future__ import annotations

from kubeapi.rbac import FIELDS, breakdown, compact, uncovered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

__all__ = ["breakdown", "compact", "go_text", "resource_text", "uncovered"]


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
