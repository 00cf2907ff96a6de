"""Profiles of kubectl debug: what the debugging container may do, and what of the node it shares.

| profile | container | pod on a node |
|---|---|---|
| legacy | as the pod's others | the node's namespaces, its root at /host |
| general | may trace processes | the node's namespaces, its root at /host |
| baseline | nothing special | isolated |
| restricted | not root, no capabilities | isolated |
| netadmin | may change the network | the node's namespaces |
| sysadmin | privileged | the node's namespaces, its root at /host |

A copy of a pod shares its processes and, unless flags keep them, loses labels, annotations and probes (under legacy only the labels).
"""
from __future__ import annotations

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.flags import Flags

NAMES = ("legacy", "general", "baseline", "restricted", "netadmin", "sysadmin")
_RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_SEES_NODE = frozenset({"legacy", "general", "netadmin", "sysadmin"})
_MOUNTS_NODE = frozenset({"legacy", "general", "sysadmin"})
_PROBES = (("liveness", "livenessProbe"), ("readiness", "readinessProbe"), ("startup", "startupProbe"))


def check(profile: str) -> None:
    """Raises CommandError."""
    if profile not in NAMES:
        raise CommandError(f"unknown profile: {profile}")


def equip(profile: str, container: Document) -> None:
    """Give the debugging container of a pod or of its copy what the profile grants."""
    if profile == "legacy":
        return
    if profile == "general":
        _grant(container, "SYS_PTRACE")
    else:
        _restrain(profile, container)


def _restrain(profile: str, container: Document) -> None:
    if profile in ("baseline", "restricted"):
        container.pop("securityContext", None)
    if profile == "restricted":
        container["securityContext"] = dict(_RESTRICTED)
    elif profile == "netadmin":
        _grant(container, "NET_ADMIN", "NET_RAW")
    elif profile == "sysadmin":
        container["securityContext"] = {**(container.get("securityContext") or {}), "privileged": True}


def _grant(container: Document, *capabilities: str) -> None:
    context = dict(container.get("securityContext") or {})
    granted = dict(context.get("capabilities") or {})
    granted["add"] = [*(granted.get("add") or []), *capabilities]
    container["securityContext"] = {**context, "capabilities": granted}


def equip_on_node(profile: str, spec: Document) -> None:
    """The same for the pod (of one container) that debugs a node."""
    container, = spec["containers"]
    if profile not in ("legacy", "general"):
        _restrain(profile, container)
    if profile in _SEES_NODE:
        spec |= {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    if profile in _MOUNTS_NODE:
        spec["volumes"] = [{"name": "host-root", "hostPath": {"path": "/"}}]
        container["volumeMounts"] = [{"name": "host-root", "mountPath": "/host"}]


def strip_copy(profile: str, copy: Document, flags: Flags) -> None:
    """Take from a copy of a pod what would make others take it for the original: they select by labels, and probes restart it."""
    metadata, spec = copy["metadata"], copy["spec"]
    if profile == "legacy":
        metadata.pop("labels", None)
        return
    for what in ("labels", "annotations"):
        if not flags.on(f"keep-{what}"):
            metadata.pop(what, None)
    for container in spec["containers"]:
        for what, field in _PROBES:
            if not flags.on(f"keep-{what}"):
                container.pop(field, None)
    if not flags.on("keep-init-containers"):
        spec.pop("initContainers", None)
    spec.setdefault("shareProcessNamespace", True)
