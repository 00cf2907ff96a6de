"""CronJobs: Jobs by a schedule; three that succeeded and one that failed are kept."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.duration import age_of
from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import (
    AGE,
    NAME,
    NONE,
    boolean,
    column,
    containers_columns,
    containers_of,
    format_label_selector,
    metadata,
    part,
)
from kubeapi.kinds.job import default_job_spec
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.cronjob import MAX_NAME, validate_cronjob

Document = dict[str, Any]


class CronJobStrategy(Strategy):
    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        if not spec.get("concurrencyPolicy"):
            spec["concurrencyPolicy"] = "Allow"
        spec.setdefault("suspend", False)
        spec.setdefault("successfulJobsHistoryLimit", 3)
        spec.setdefault("failedJobsHistoryLimit", 1)
        default_job_spec(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        name = metadata(obj).get("name", "")
        faults = validate_cronjob(part(obj, "spec"))
        return [*faults, invalid("metadata.name", name, f"must be no more than {MAX_NAME} characters")] if len(name) > MAX_NAME else faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_cronjob(part(new, "spec"), part(old, "spec"))


def _last_schedule(each: Document, now: float) -> str:
    last = part(each, "status").get("lastScheduleTime")
    return age_of(last, now) if last else NONE


def _job(each: Document) -> Document:
    return part(each, "spec").get("jobTemplate") or {}


COLUMNS = (
    NAME, column("Schedule", lambda each: part(each, "spec").get("schedule", "")),
    column("Timezone", lambda each: part(each, "spec").get("timeZone") or NONE),
    column("Suspend", lambda each: boolean(part(each, "spec").get("suspend")), "boolean"),
    column("Active", lambda each: len(part(each, "status").get("active") or ()), "integer"),
    Column("Last Schedule", "string", _last_schedule), AGE, *containers_columns(lambda each: containers_of(_job(each))),
    column("Selector", lambda each: format_label_selector(part(_job(each), "spec").get("selector")), wide=True),
)
