"""The downward API: a pod's own fields and its containers' resources as text, for variables and files."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubeapi.generated.models.core_v1 import Pod, ResourceFieldSelector
from kubeapi.quantity import Quantity
from kubelet.restarts import container_named

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


class FieldError(ValueError):
    """The reference leads nowhere."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What references may tell of the node."""

    name: str = ""
    ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)


def field_value(pod: Pod, path: str, node: NodeFacts, pod_ips: Sequence[str] = ()) -> str:
    """Raises FieldError."""
    if subscript := _SUBSCRIPT.fullmatch(path):
        values = pod.metadata.labels if subscript[1] == "labels" else pod.metadata.annotations
        return values.get(subscript[2], "")
    match path:
        case "metadata.name": return pod.metadata.name
        case "metadata.namespace": return pod.metadata.namespace
        case "metadata.uid": return pod.metadata.uid
        case "metadata.labels": return _as_lines(pod.metadata.labels)
        case "metadata.annotations": return _as_lines(pod.metadata.annotations)
        case "spec.nodeName": return pod.spec.node_name
        case "spec.serviceAccountName": return pod.spec.service_account_name
        case "status.hostIP": return node.ips[0] if node.ips else ""
        case "status.hostIPs": return ",".join(node.ips)
        case "status.podIP": return pod_ips[0] if pod_ips else ""
        case "status.podIPs": return ",".join(pod_ips)
    raise FieldError(f"unsupported fieldPath: {path}")


def _as_lines(values: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(values.items()))


def resource_value(pod: Pod, selector: ResourceFieldSelector, container_name: str, node: NodeFacts) -> str:
    """A limit that is not set is what the node has. Raises FieldError."""
    container = container_named(pod, selector.container_name or container_name)
    if container is None:
        raise FieldError(f"container {selector.container_name or container_name} not found")
    kind, _, resource = selector.resource.partition(".")
    if kind not in ("limits", "requests"):
        raise FieldError(f"unsupported container resource : {selector.resource}")
    amounts = container.resources.limits if kind == "limits" else container.resources.requests
    text = amounts.get(resource) or (node.allocatable.get(resource, "0") if kind == "limits" else "0")
    amount, divisor = Quantity.parse(text), Quantity.parse(selector.divisor or "1")
    return str(-(-amount.nanos // (divisor.nanos or Quantity.of(1).nanos)))
