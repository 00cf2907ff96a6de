"""Nodes: cluster-scoped; addresses and provider once set stay."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid
from kubeapi.kinds.cells import AGE, NAME, NONE, column, metadata, part
from kubeapi.names import cidr_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.resources import quantity_value
from kubeapi.validation.scheduling import validate_taints

Document = dict[str, Any]
_ROLE = "node-role.kubernetes.io/"
_OLD_ROLE = "kubernetes.io/role"


class NodeStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        """podCIDR is the first of podCIDRs, whichever was given."""
        spec = obj.setdefault("spec", {})
        if spec.get("podCIDR") and not spec.get("podCIDRs"):
            spec["podCIDRs"] = [spec["podCIDR"]]
        elif spec.get("podCIDRs") and not spec.get("podCIDR"):
            spec["podCIDR"] = spec["podCIDRs"][0]

    def validate(self, obj: Document) -> Sequence[FieldError]:
        faults = validate_taints(part(obj, "spec").get("taints") or [], "spec.taints")
        return faults + _pod_cidrs(part(obj, "spec")) + _amounts(part(obj, "status"))

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        addresses = part(new, "status").get("addresses") or []
        return _amounts(part(new, "status")) + [duplicate(f"status.addresses[{index}]", each) for index, each in enumerate(addresses)
                                                if each in addresses[:index]]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        faults = [*self.validate(new)]
        after, before = part(new, "spec"), part(old, "spec")
        if before.get("podCIDRs") and after.get("podCIDRs") != before["podCIDRs"]:
            faults.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
        if before.get("providerID") and after.get("providerID") != before["providerID"]:
            faults.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
        return faults


def _pod_cidrs(spec: Document) -> list[FieldError]:
    cidrs, first = spec.get("podCIDRs") or [], spec.get("podCIDR")
    faults = [invalid(f"spec.podCIDRs[{index}]", cidr, fault) for index, cidr in enumerate(cidrs) for fault in cidr_faults(cidr)]
    if first and cidrs and first != cidrs[0]:
        faults.append(invalid("spec.podCIDR", first, "must be the first of `podCIDRs`"))
    if len(cidrs) > 1:
        if len(cidrs) > 2 or len({":" in cidr for cidr in cidrs}) < 2:
            faults.append(invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family"))
        faults += [duplicate(f"spec.podCIDRs[{index}]", cidr) for index, cidr in enumerate(cidrs) if cidr in cidrs[:index]]
    return faults


def _amounts(status: Document) -> list[FieldError]:
    return [fault for kind in ("capacity", "allocatable") for name, text in (status.get(kind) or {}).items()
            for fault in quantity_value(name, text, f"status.{kind}.{name}")]


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
