"""Nodes: cluster-scoped; addresses and provider once set stay."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden
from kubeapi.kinds.cells import AGE, NAME, NONE, column, metadata, part
from kubeapi.strategy import Strategy
from kubeapi.validation.scheduling import validate_taints

Document = dict[str, Any]
_ROLE = "node-role.kubernetes.io/"
_OLD_ROLE = "kubernetes.io/role"


class NodeStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_taints(part(obj, "spec").get("taints") or [], "spec.taints")

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        faults = [*self.validate(new)]
        after, before = part(new, "spec"), part(old, "spec")
        if before.get("podCIDRs") and after.get("podCIDRs") != before["podCIDRs"]:
            faults.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
        if before.get("providerID") and after.get("providerID") != before["providerID"]:
            faults.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
        return faults


def node_status(node: Document) -> str:
    ready = next((each for each in part(node, "status").get("conditions") or () if each.get("type") == "Ready"), None)
    word = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if part(node, "spec").get("unschedulable") else word


def node_roles(node: Document) -> str:
    labels = metadata(node).get("labels") or {}
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE}
    if labels.get(_OLD_ROLE):
        roles.add(labels[_OLD_ROLE])
    return ",".join(sorted(roles)) or NONE


def _address(node: Document, type: str) -> str:
    return next((each.get("address", NONE) for each in part(node, "status").get("addresses") or () if each.get("type") == type), NONE)


def _info(node: Document, name: str) -> str:
    return str((part(node, "status").get("nodeInfo") or {}).get(name) or "<unknown>")


COLUMNS = (
    NAME, column("Status", node_status), column("Roles", node_roles), AGE,
    column("Version", lambda node: (part(node, "status").get("nodeInfo") or {}).get("kubeletVersion", "")),
    column("Internal-IP", lambda node: _address(node, "InternalIP"), wide=True),
    column("External-IP", lambda node: _address(node, "ExternalIP"), wide=True),
    column("OS-Image", lambda node: _info(node, "osImage"), wide=True),
    column("Kernel-Version", lambda node: _info(node, "kernelVersion"), wide=True),
    column("Container-Runtime", lambda node: _info(node, "containerRuntimeVersion"), wide=True),
)
