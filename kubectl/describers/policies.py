"""How quotas, limits, disruption budgets and priority classes are described."""
from __future__ import annotations

from kubectl.describers.workloads import format_selector
from kubectl.describers.writer import Writer, events, head, joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_SCOPES = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively "
                   "terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container "
                      "command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of "
                     "service.",
}
_LIMITS = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")


def quota(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a quota: what is used of what there is."""
    status = document.get("status") or {}
    head(writer, document)
    scopes = sorted(document["spec"].get("scopes") or [])
    if scopes:
        writer.field("Scopes", ", ".join(scopes))
        for scope in scopes:
            if scope in _SCOPES:
                writer.line(f" * {_SCOPES[scope]}")
    writer.line("Resource\tUsed\tHard")
    writer.line("--------\t----\t----")
    for resource, hard in sorted((status.get("hard") or {}).items()):
        writer.line(f"{resource}\t{(status.get('used') or {}).get(resource, '0')}\t{hard}")


def limits(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a limit range."""
    head(writer, document)
    writer.line("Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
    writer.line("----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
    for item in document["spec"].get("limits") or []:
        columns = [item.get(key) or {} for key in _LIMITS]
        for resource in sorted({name for column in columns for name in column}):
            writer.line(f"{item['type']}\t{resource}\t" + "\t".join(str(column.get(resource, "-")) for column in columns))


def disruption_budget(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a disruption budget."""
    spec, status = document["spec"], document.get("status") or {}
    head(writer, document)
    if "minAvailable" in spec:
        writer.field("Min available", spec["minAvailable"])
    elif "maxUnavailable" in spec:
        writer.field("Max unavailable", spec["maxUnavailable"])
    writer.field("Selector", format_selector(spec["selector"]) if "selector" in spec else "<unset>")
    writer.line("Status:")
    for name, field in (("Allowed disruptions", "disruptionsAllowed"), ("Current", "currentHealthy"), ("Desired", "desiredHealthy"),
                        ("Total", "expectedPods")):
        writer.field(name, status.get(field, 0), 2)
    events(writer, found_events)


def priority_class(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a priority class."""
    writer.field("Name", document["metadata"]["name"])
    writer.field("Value", document.get("value", 0))
    writer.field("GlobalDefault", str(document.get("globalDefault", False)).lower())
    writer.field("PreemptionPolicy", document.get("preemptionPolicy", "PreemptLowerPriority"))
    writer.field("Description", document.get("description", ""))
    writer.field("Annotations", joined(document["metadata"].get("annotations")))
    events(writer, found_events)
