"""How deployments, replica sets and services are described."""
from __future__ import annotations

from kubectl import workloads
from kubectl.describers.pods import pod_template
from kubectl.describers.writer import Writer, annotation_lines, controller, events, head, label_lines, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def format_selector(selector: Document | None) -> str:
    """`app=web,tier in (a,b)`; `<none>` of an empty one."""
    selector = selector or {}
    words = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or []:
        values = ",".join(sorted(each.get("values") or []))
        words.append({"In": f"{each['key']} in ({values})", "NotIn": f"{each['key']} notin ({values})", "Exists": each["key"],
                      "DoesNotExist": f"!{each['key']}"}[each["operator"]])
    return ",".join(words) or "<none>"


def deployment(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a deployment."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    writer.field("CreationTimestamp", moment(metadata.get("creationTimestamp")))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("Selector", format_selector(spec.get("selector")))
    numbers = [spec.get("replicas", 1), *(status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas", "unavailableReplicas"))]
    writer.field("Replicas", " | ".join(f"{number} {word}" for number, word in
                                        zip(numbers, ("desired", "updated", "total", "available", "unavailable"), strict=True)))
    strategy = spec.get("strategy") or {}
    writer.field("StrategyType", strategy.get("type", ""))
    writer.field("MinReadySeconds", spec.get("minReadySeconds", 0))
    if strategy.get("rollingUpdate"):
        rolling = strategy["rollingUpdate"]
        writer.field("RollingUpdateStrategy", f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge")
    pod_template(writer, spec["template"])
    _conditions(writer, status)
    owned = workloads.replica_sets(session, document)
    new = next((each for each in sorted(owned, key=lambda each: str(each["metadata"].get("creationTimestamp", "")))
                if workloads.same_template(each["spec"]["template"], spec["template"])), None)
    old = [each for each in owned if each is not new]
    if owned:
        writer.field("OldReplicaSets", _replica_sets(old))
        writer.field("NewReplicaSet", _replica_sets([new] if new else []))
    events(writer, found_events)


def _replica_sets(found: list[Document]) -> str:
    return ", ".join(f"{each['metadata']['name']} ({(each.get('status') or {}).get('replicas', 0)}/{each['spec'].get('replicas', 1)} "
                     "replicas created)" for each in found) or "<none>"


def _conditions(writer: Writer, status: Document) -> None:
    if status.get("conditions"):
        writer.line("Conditions:\n  Type\tStatus\tReason")
        writer.line("----\t------\t------", 1)
        for each in status["conditions"]:
            writer.line(f"{each['type']} \t{each['status']}\t{each.get('reason', '')}", 1)


def pod_phases(session: Session, owner: Document) -> str:
    """How many of its pods are in which phase."""
    from kubectl.pods import selector_text
    metadata = owner["metadata"]
    pods = session.client.get(f"/api/v1/namespaces/{metadata['namespace']}/pods", {"labelSelector": selector_text(owner)})["items"]
    phases = [(each.get("status") or {}).get("phase") for each in pods if (workloads.controller_of(each) or {}).get("uid") == metadata["uid"]]
    return " / ".join(f"{phases.count(phase)} {word}" for phase, word in
                      (("Running", "Running"), ("Pending", "Waiting"), ("Succeeded", "Succeeded"), ("Failed", "Failed")))


def replica_set(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a replica set, or of a replication controller, whose selector is a plain map."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    selector = spec.get("selector")
    writer.field("Selector", format_selector({"matchLabels": selector} if document["kind"] == "ReplicationController" else selector))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.optional("Controlled By", controller(document))
    writer.field("Replicas", f"{status.get('replicas', 0)} current / {spec.get('replicas', 1)} desired")
    writer.field("Pods Status", pod_phases(session, document))
    pod_template(writer, spec["template"])
    _conditions(writer, status)
    events(writer, found_events)


def service(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a service."""
    metadata, spec = document["metadata"], document["spec"]
    head(writer, document)
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("Selector", ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())) or "<none>")
    writer.field("Type", spec.get("type", ""))
    writer.optional("IP Family Policy", spec.get("ipFamilyPolicy"))
    writer.field("IP Families", ",".join(spec.get("ipFamilies") or []) or "<none>")
    writer.field("IP", spec.get("clusterIP", ""))
    writer.field("IPs", ",".join(spec.get("clusterIPs") or []) or "<none>")
    writer.optional("External IPs", ",".join(spec.get("externalIPs") or []))
    writer.optional("Desired LoadBalancer IP", spec.get("loadBalancerIP"))
    writer.optional("External Name", spec.get("externalName"))
    slices = session.client.get(f"/apis/discovery.k8s.io/v1/namespaces/{metadata['namespace']}/endpointslices",
                                {"labelSelector": f"kubernetes.io/service-name={metadata['name']}"})["items"]
    for port in spec.get("ports") or []:
        _port(writer, port, slices)
    writer.field("Session Affinity", spec.get("sessionAffinity", ""))
    writer.optional("External Traffic Policy", spec.get("externalTrafficPolicy"))
    writer.optional("Internal Traffic Policy", spec.get("internalTrafficPolicy"))
    writer.optional("HealthCheck NodePort", spec.get("healthCheckNodePort"))
    writer.optional("LoadBalancer Source Ranges", ",".join(spec.get("loadBalancerSourceRanges") or []))
    writer.optional("Traffic Distribution", spec.get("trafficDistribution"))
    events(writer, found_events)


def _port(writer: Writer, port: Document, slices: list[Document]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    writer.field("Port", f"{name}\t{port['port']}/{protocol}")
    writer.field("TargetPort", f"{port.get('targetPort', port['port'])}/{protocol}")
    writer.optional("AppProtocol", port.get("appProtocol"))
    if port.get("nodePort"):
        writer.field("NodePort", f"{name}\t{port['nodePort']}/{protocol}")
    writer.field("Endpoints", endpoints(slices, port.get("name", "")))


def endpoints(slices: list[Document], port_name: str) -> str:
    """Ready addresses with the port of this name: three of them, and how many more."""
    if not slices:
        return "<none>"
    found = []
    for each in slices:
        ready = [point["addresses"][0] for point in each.get("endpoints") or [] if (point.get("conditions") or {}).get("ready", True)]
        if not each.get("ports"):
            found += ready
        for port in each.get("ports") or []:
            if port.get("name", "") == port_name:
                found += [f"[{address}]:{port['port']}" if ":" in address else f"{address}:{port['port']}" for address in ready]
    text = ",".join(found[:3])
    return f"{text} + {len(found) - 3} more..." if len(found) > 3 else text
