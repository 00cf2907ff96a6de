"""How nodes are described, with what their pods ask for."""
from __future__ import annotations

from kubeapi.quantity import Quantity
from kubectl.describers.writer import Writer, annotation_lines, events, label_lines, moment
from kubectl.errors import StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

    Amounts = dict[str, Quantity]

_ROLE, _ROLE_VALUE = "node-role.kubernetes.io/", "kubernetes.io/role"
_INFO = (("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"), ("Kernel Version", "kernelVersion"),
         ("OS Image", "osImage"), ("Operating System", "operatingSystem"), ("Architecture", "architecture"),
         ("Container Runtime Version", "containerRuntimeVersion"), ("Kubelet Version", "kubeletVersion"))
_ZERO = Quantity.parse("0")


def node(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a node."""
    metadata, spec, status = document["metadata"], document.get("spec") or {}, document.get("status") or {}
    writer.field("Name", metadata["name"])
    writer.field("Roles", ",".join(roles(metadata.get("labels") or {})) or "<none>")
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("CreationTimestamp", moment(metadata.get("creationTimestamp")))
    taints = sorted(spec.get("taints") or [], key=lambda taint: f"{taint['effect']},{taint['key']}")
    writer.field("Taints", "\n\t".join(f"{taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}"
                                       for taint in taints) or "<none>")
    writer.field("Unschedulable", "true" if spec.get("unschedulable") else "false")
    _lease(session, writer, metadata["name"])
    _conditions(writer, status.get("conditions") or [])
    writer.line("Addresses:")
    for address in status.get("addresses") or []:
        writer.field(address["type"], address["address"], 1)
    for title in ("Capacity", "Allocatable"):
        if status.get(title.lower()):
            writer.line(f"{title}:")
            for name, amount in sorted(status[title.lower()].items()):
                writer.field(name, amount, 1)
    writer.line("System Info:")
    for title, key in _INFO:
        writer.field(title, (status.get("nodeInfo") or {}).get(key, ""), 1)
    writer.optional("PodCIDR", spec.get("podCIDR"))
    writer.optional("PodCIDRs", ",".join(spec.get("podCIDRs") or []))
    writer.optional("ProviderID", spec.get("providerID"))
    _pods(session, writer, document)
    events(writer, found_events)


def roles(node_labels: dict[str, str]) -> list[str]:
    return sorted({key.removeprefix(_ROLE) for key in node_labels if key.startswith(_ROLE) and key != _ROLE}
                  | ({node_labels[_ROLE_VALUE]} if node_labels.get(_ROLE_VALUE) else set()))


def _lease(session: Session, writer: Writer, name: str) -> None:
    try:
        spec = session.client.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}").get("spec") or {}
    except StatusError as error:
        writer.field("Lease", f"Failed to get lease: {error.message}")
        return
    writer.line("Lease:")
    writer.field("HolderIdentity", spec.get("holderIdentity", "<unset>"), 1)
    writer.field("AcquireTime", moment(spec["acquireTime"]) if spec.get("acquireTime") else "<unset>", 1)
    writer.field("RenewTime", moment(spec["renewTime"]) if spec.get("renewTime") else "<unset>", 1)


def _conditions(writer: Writer, conditions: list[Document]) -> None:
    if not conditions:
        return
    writer.line("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
    writer.line("----\t------\t-----------------\t------------------\t------\t-------", 1)
    for each in conditions:
        writer.line(f"{each['type']} \t{each['status']} \t{moment(each.get('lastHeartbeatTime'))} \t"
                    f"{moment(each.get('lastTransitionTime'))} \t{each.get('reason', '')} \t{each.get('message', '')}", 1)


def _sum(left: Amounts, right: Document | None) -> Amounts:
    result = dict(left)
    for name, text in (right or {}).items():
        result[name] = result.get(name, _ZERO) + Quantity.parse(text)
    return result


def pod_amounts(spec: Document, kind: str) -> Amounts:
    """What a pod asks for (`requests`) or may use at most (`limits`): its containers together, or its largest init container."""
    total: Amounts = {}
    for container in spec.get("containers") or []:
        total = _sum(total, (container.get("resources") or {}).get(kind))
    for container in spec.get("initContainers") or []:
        for name, text in ((container.get("resources") or {}).get(kind) or {}).items():
            total[name] = max(total.get(name, _ZERO), Quantity.parse(text))
    overhead = spec.get("overhead") or {}
    return _sum(total, {name: text for name, text in overhead.items() if kind == "requests" or name in total})


def _percent(amount: Quantity, of: Quantity) -> int:
    return int(amount.milli_value() * 100 / of.milli_value()) if of.milli_value() else 0


def _pods(session: Session, writer: Writer, document: Document) -> None:
    from kubectl.humantime import age
    status = document.get("status") or {}
    capacity = {name: Quantity.parse(text) for name, text in (status.get("allocatable") or status.get("capacity") or {}).items()}
    selector = f"spec.nodeName={document['metadata']['name']},status.phase!=Failed,status.phase!=Succeeded"
    pods = session.client.get("/api/v1/pods", {"fieldSelector": selector, "limit": 500})["items"]
    writer.field("Non-terminated Pods", f"({len(pods)} in total)")
    writer.line("Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge", 1)
    writer.line("---------\t----\t\t------------\t----------\t---------------\t-------------\t---", 1)
    totals: dict[str, Amounts] = {"requests": {}, "limits": {}}
    for pod in pods:
        amounts = {kind: pod_amounts(pod["spec"], kind) for kind in totals}
        cells = [_share(amounts[kind], name, capacity) for name in ("cpu", "memory") for kind in totals]
        writer.line(f"{pod['metadata']['namespace']}\t{pod['metadata']['name']}\t\t{chr(9).join(cells)}\t"
                    f"{age(pod['metadata'].get('creationTimestamp'))}", 1)
        for kind, total in totals.items():
            for name, amount in amounts[kind].items():
                total[name] = total.get(name, _ZERO) + amount
    writer.line("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    writer.line("Resource\tRequests\tLimits", 1)
    writer.line("--------\t--------\t------", 1)
    standard = ["cpu", "memory", "ephemeral-storage", *sorted(name for name in capacity if name.startswith("hugepages-"))]
    for name in standard:
        writer.line(f"{name}\t{_share(totals['requests'], name, capacity)}\t{_share(totals['limits'], name, capacity)}", 1)
    for name in sorted(name for name in capacity if name not in standard and name != "pods"):
        writer.line(f"{name}\t{totals['requests'].get(name, _ZERO)}\t{totals['limits'].get(name, _ZERO)}", 1)


def _share(amounts: Amounts, name: str, capacity: Amounts) -> str:
    amount = amounts.get(name, _ZERO)
    return f"{amount} ({_percent(amount, capacity.get(name, _ZERO))}%)"
