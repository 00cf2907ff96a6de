"""How ingresses and network policies are described."""
from __future__ import annotations

from kubectl.describers.workloads import endpoints, format_selector
from kubectl.describers.writer import Writer, annotation_lines, events, go_moment, head, label_lines
from kubectl.errors import StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def ingress(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of an ingress, with the endpoints behind its services."""
    metadata, spec = document["metadata"], document["spec"]
    writer.field("Name", metadata["name"])
    label_lines(writer, "Labels", metadata.get("labels"))
    writer.field("Namespace", metadata["namespace"])
    balanced = ((document.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    writer.field("Address", ",".join(sorted({each.get("ip") or each.get("hostname", "") for each in balanced} - {""})))
    writer.field("Ingress Class", spec.get("ingressClassName", "<none>"))
    default = _backend(session, metadata["namespace"], spec["defaultBackend"]) if spec.get("defaultBackend") else "<default>"
    writer.field("Default backend", default)
    if spec.get("tls"):
        writer.line("TLS:")
        for each in spec["tls"]:
            hosts = ",".join(each.get("hosts") or [])
            writer.line(f"{each['secretName']} terminates {hosts}" if each.get("secretName") else f"SNI routes {hosts}", 1)
    writer.line("Rules:\n  Host\tPath\tBackends")
    writer.line("----\t----\t--------", 1)
    rules = [each for each in spec.get("rules") or [] if each.get("http")]
    for rule in rules:
        writer.line(f"{rule.get('host') or '*'}\t", 1)
        for path in rule["http"]["paths"]:
            writer.line(f"\t{path.get('path', '')} \t{_backend(session, metadata['namespace'], path['backend'])}", 2)
    if not rules:
        writer.line(f"*\t*\t{default}", 1)
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    events(writer, found_events)


def _backend(session: Session, namespace: str, backend: Document) -> str:
    if resource := backend.get("resource"):
        return f"APIGroup: {resource.get('apiGroup', '')}, Kind: {resource['kind']}, Name: {resource['name']}"
    service = backend["service"]
    port = service.get("port") or {}
    words = f"{service['name']}:{port.get('number') or port.get('name', '')}"
    try:
        found = session.client.get(f"/api/v1/namespaces/{namespace}/services/{service['name']}")
        slices = session.client.get(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
                                    {"labelSelector": f"kubernetes.io/service-name={service['name']}"})["items"]
    except StatusError as error:
        return f"{words} (<error: {error.message}>)"
    name = next((each.get("name", "") for each in found["spec"].get("ports") or []
                 if each["port"] == port.get("number") or (port.get("name") and each.get("name") == port["name"])), "")
    return f"{words} ({endpoints(slices, name)})"


# --- network policies

def network_policy(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a network policy: what it lets through."""
    metadata, spec = document["metadata"], document["spec"]
    head(writer, document)
    writer.field("Created on", go_moment(metadata["creationTimestamp"]))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.line("Spec:")
    selected = format_selector(spec.get("podSelector"))
    everything = " (Allowing the specific traffic to all pods in this namespace)" if selected == "<none>" else ""
    writer.line(f"PodSelector:     {selected}{everything}", 1)
    types = spec.get("policyTypes") or []
    for type, word in (("Ingress", "ingress"), ("Egress", "egress")):
        if type in types:
            writer.line(f"Allowing {word} traffic:", 1)
            _rules(writer, word, spec.get(word) or [])
        else:
            writer.line(f"Not affecting {word} traffic", 1)
    writer.line(f"Policy Types: {', '.join(types)}", 1)


def _rules(writer: Writer, direction: str, rules: list[Document]) -> None:
    peers, title, end = ("from", "From", "source") if direction == "ingress" else ("to", "To", "destination")
    if not rules:
        writer.line(f"<none> (Selected pods are isolated for {direction} connectivity)", 2)
    for number, rule in enumerate(rules):
        if number:
            writer.line("----------", 2)
        for port in rule.get("ports") or []:
            writer.line(_port(port), 2)
        if not rule.get("ports"):
            writer.line("To Port: <any> (traffic allowed to all ports)", 2)
        for peer in rule.get(peers) or []:
            writer.line(f"{title}:", 2)
            _peer(writer, peer)
        if not rule.get(peers):
            writer.line(f"{title}: <any> (traffic not restricted by {end})", 2)


def _port(port: Document) -> str:
    protocol = port.get("protocol", "TCP")
    if port.get("endPort"):
        return f"To Port Range: {port['port']}-{port['endPort']}/{protocol}"
    return f"To Port: {port.get('port', '<nil>')}/{protocol}"


def _peer(writer: Writer, peer: Document) -> None:
    if block := peer.get("ipBlock"):
        writer.line("IPBlock:", 3)
        writer.line(f"CIDR: {block['cidr']}", 4)
        writer.line(f"Except: {', '.join(block.get('except') or [])}", 4)
    for name, field in (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")):
        if field in peer:
            writer.line(f"{name}: {format_selector(peer[field])}", 3)
