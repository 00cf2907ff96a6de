"""How horizontal pod autoscalers are described."""
from __future__ import annotations

from kubectl.describers.writer import Writer, annotation_lines, events, head, label_lines, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_UNKNOWN = "<unknown>"


def autoscaler(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of an autoscaler: each metric as it is and as it should be."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    target = spec["scaleTargetRef"]
    head(writer, document)
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("CreationTimestamp", moment(metadata.get("creationTimestamp")))
    writer.field("Reference", f"{target['kind']}/{target['name']}")
    writer.field("Metrics", "( current / target )")
    seen = status.get("currentMetrics") or []
    for number, metric in enumerate(spec.get("metrics") or []):
        now = seen[number] if number < len(seen) else {}
        writer.line(_metric(metric, now), 1)
    writer.field("Min replicas", spec.get("minReplicas", "<unset>"))
    writer.field("Max replicas", spec["maxReplicas"])
    if spec.get("behavior"):
        writer.line("Behavior:")
        _direction(writer, "Scale Up", spec["behavior"].get("scaleUp"))
        _direction(writer, "Scale Down", spec["behavior"].get("scaleDown"))
    writer.field(f"{target['kind']} pods", f"{status.get('currentReplicas', 0)} current / {status.get('desiredReplicas', 0)} desired")
    _conditions(writer, status.get("conditions") or [])
    events(writer, found_events)


def _metric(metric: Document, now: Document) -> str:
    """`name:<tab>current / target`."""
    type = metric["type"]
    field = type[0].lower() + type[1:]
    wanted, current = metric[field], (now.get(field) or {}).get("current") or {}
    target = wanted["target"]
    if type in ("Resource", "ContainerResource"):
        return _resource(wanted, target, current)
    name = f'"{wanted["metric"]["name"]}"'
    if type == "Pods":
        return f"{name} on pods:\t{current.get('averageValue', _UNKNOWN)} / {target['averageValue']}"
    kind, key = ("average value", "averageValue") if target["type"] == "AverageValue" else ("value", "value")
    of = f" on {wanted['describedObject']['kind']}/{wanted['describedObject']['name']}" if type == "Object" else ""
    return f"{name}{of} (target {kind}):\t{current.get(key, _UNKNOWN)} / {target[key]}"


def _resource(wanted: Document, target: Document, current: Document) -> str:
    container = f' of container "{wanted["container"]}"' if wanted.get("container") else ""
    words = f"resource {wanted['name']}{container} on pods"
    if target.get("averageValue"):
        return f"{words}:\t{current.get('averageValue', _UNKNOWN)} / {target['averageValue']}"
    now = f"{current['averageUtilization']}% ({current.get('averageValue', '0')})" if "averageUtilization" in current else _UNKNOWN
    wish = f"{target['averageUtilization']}%" if "averageUtilization" in target else "<auto>"
    return f"{words}  (as a percentage of request):\t{now} / {wish}"


def _direction(writer: Writer, title: str, rules: Document | None) -> None:
    if not rules:
        return
    writer.line(f"{title}:", 1)
    if "stabilizationWindowSeconds" in rules:
        writer.line(f"Stabilization Window: {rules['stabilizationWindowSeconds']} seconds", 2)
    if rules.get("policies"):
        writer.line(f"Select Policy: {rules.get('selectPolicy', 'Max')}", 2)
        writer.line("Policies:", 2)
        for each in rules["policies"]:
            writer.line(f"- Type: {each['type']}\tValue: {each['value']}\tPeriod: {each['periodSeconds']} seconds", 3)


def _conditions(writer: Writer, conditions: list[Document]) -> None:
    if not conditions:
        return
    writer.line("Conditions:\n  Type\tStatus\tReason\tMessage")
    writer.line("----\t------\t------\t-------", 1)
    for each in conditions:
        writer.line(f"{each['type']}\t{each['status']}\t{each.get('reason', '')}\t{each.get('message', '')}", 1)
