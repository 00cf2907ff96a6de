"""How jobs and cron jobs are described."""
from __future__ import annotations

from kubectl.describers.pods import pod_template
from kubectl.describers.workloads import format_selector
from kubectl.describers.writer import Writer, annotation_lines, controller, events, head, label_lines, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_MOST_INDEXES = 50


def job(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a job."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    writer.field("Selector", format_selector(spec.get("selector")))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.optional("Controlled By", controller(document))
    _given(writer, "Parallelism", spec.get("parallelism"))
    writer.field("Completions", spec.get("completions", "<unset>"))
    _given(writer, "Completion Mode", spec.get("completionMode"))
    _given(writer, "Suspend", str(spec["suspend"]).lower() if "suspend" in spec else None)
    _given(writer, "Backoff Limit", spec.get("backoffLimit"))
    _given(writer, "TTL Seconds After Finished", spec.get("ttlSecondsAfterFinished"))
    _times(writer, status)
    if "activeDeadlineSeconds" in spec:
        writer.field("Active Deadline Seconds", f"{spec['activeDeadlineSeconds']}s")
    ready = f" ({status['ready']} Ready)" if "ready" in status else ""
    writer.field("Pods Statuses", f"{status.get('active', 0)} Active{ready} / {status.get('succeeded', 0)} Succeeded / {status.get('failed', 0)} Failed")
    if spec.get("completionMode") == "Indexed":
        writer.field("Completed Indexes", capped_indexes(status.get("completedIndexes", "")))
    pod_template(writer, spec["template"])
    events(writer, found_events)


def _given(writer: Writer, name: str, value: object) -> None:
    if value is not None:
        writer.field(name, value)


def _times(writer: Writer, status: Document) -> None:
    started, ended = status.get("startTime"), status.get("completionTime")
    if started:
        writer.field("Start Time", moment(started))
    if ended:
        writer.field("Completed At", moment(ended))
    if started and ended:
        from kubectl.humantime import human_duration, seconds_of
        writer.field("Duration", human_duration(seconds_of(ended) - seconds_of(started)))


def capped_indexes(indexes: str) -> str:
    """`1-3,5,...`: whole numbers only, as many as fit."""
    if len(indexes) <= _MOST_INDEXES:
        return indexes or "<none>"
    return indexes[:_MOST_INDEXES + 1].rpartition(",")[0] + ",..."


def cron_job(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a cron job, with its job's template."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("Schedule", spec["schedule"])
    writer.field("Concurrency Policy", spec.get("concurrencyPolicy", ""))
    writer.field("Suspend", str(spec.get("suspend", "<unset>")))
    writer.field("Successful Job History Limit", spec.get("successfulJobsHistoryLimit", "<unset>"))
    writer.field("Failed Job History Limit", spec.get("failedJobsHistoryLimit", "<unset>"))
    deadline = spec.get("startingDeadlineSeconds")
    writer.field("Starting Deadline Seconds", "<unset>" if deadline is None else f"{deadline}s")
    _job_template(writer, spec["jobTemplate"].get("spec") or {})
    writer.field("Last Schedule Time", moment(status["lastScheduleTime"]) if status.get("lastScheduleTime") else "<unset>")
    writer.field("Active Jobs", ", ".join(each["name"] for each in status.get("active") or []) or "<none>")
    events(writer, found_events)


def _job_template(writer: Writer, spec: Document) -> None:
    writer.field("Selector", format_selector(spec["selector"]) if spec.get("selector") else "<unset>")
    for name, field in (("Parallelism", "parallelism"), ("Completions", "completions")):
        writer.field(name, spec.get(field, "<unset>"))
    if "activeDeadlineSeconds" in spec:
        writer.field("Active Deadline Seconds", f"{spec['activeDeadlineSeconds']}s")
    pod_template(writer, spec["template"])
