"""What a pod's spec refers to in its namespace: a kubelet needs it, and may have it. Pure."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
Reference = tuple[str, str]                     # (plural, name)
MIRROR = "kubernetes.io/config.mirror"
# By the field that refers: the plural, and where the name is.
FIELDS = {
    "secretKeyRef": ("secrets", "name"), "secretRef": ("secrets", "name"), "nodePublishSecretRef": ("secrets", "name"),
    "secret": ("secrets", "secretName"), "azureFile": ("secrets", "secretName"),
    "configMapKeyRef": ("configmaps", "name"), "configMapRef": ("configmaps", "name"), "configMap": ("configmaps", "name"),
    "persistentVolumeClaim": ("persistentvolumeclaims", "claimName"),
}
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def references(pod: Document) -> Iterator[Reference]:
    """Of a pod that is only a picture of one the kubelet knows from elsewhere: none."""
    metadata, spec = pod["metadata"], pod["spec"]
    if MIRROR in (metadata.get("annotations") or {}):
        return
    yield "serviceaccounts", spec.get("serviceAccountName") or "default"
    yield from (("secrets", one.get("name", "")) for one in spec.get("imagePullSecrets") or ())
    for field in (*CONTAINERS, "volumes"):
        for one in spec.get(field) or ():
            yield from _within(one)
            if "ephemeral" in one:
                yield "persistentvolumeclaims", f"{metadata['name']}-{one.get('name', '')}"
    yield from (("resourceclaims", one["resourceClaimName"]) for one in spec.get("resourceClaims") or () if one.get("resourceClaimName"))
    statuses = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    yield from (("resourceclaims", one["resourceClaimName"]) for one in statuses if one.get("resourceClaimName"))


def _within(part: Any) -> Iterator[Reference]:
    """A projected volume's secret is named by `name`."""
    if isinstance(part, list):
        for one in part:
            yield from _within(one)
    elif isinstance(part, dict):
        for field, value in part.items():
            if field in FIELDS and isinstance(value, dict):
                plural, where = FIELDS[field]
                yield plural, value.get(where) or value.get("name") or ""
            yield from _within(value)
