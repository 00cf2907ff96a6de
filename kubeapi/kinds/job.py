"""Jobs: one pod to success unless told otherwise; a generated selector finds the pods of this Job and no other."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.duration import age_of, human_duration
from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, CONTAINERS, IMAGES, NAME, SELECTOR, column, metadata, part
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.names import dns1123_label_faults
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.times import seconds_of
from kubeapi.validation.conditions import is_true
from kubeapi.validation.job import NAME_LABEL, UID_LABEL, validate_job, validate_job_update
from kubeapi.validation.jobstatus import validate_job_status

Document = dict[str, Any]
NO_LIMIT = 2 ** 31 - 1


def default_job_spec(spec: Document) -> None:
    """What a JobSpec gets in a CronJob's template, too."""
    default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"


def generate_selector(job: Document) -> None:
    """Labels that only this Job's pods have. What the user gave stays, and is refused if it contradicts."""
    spec, name, uid = job["spec"], metadata(job).get("name", ""), metadata(job).get("uid", "")
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    template["labels"] = {"job-name": name, NAME_LABEL: name, "controller-uid": uid, UID_LABEL: uid, **(template.get("labels") or {})}
    selector = spec["selector"] = dict(spec.get("selector") or {})
    selector["matchLabels"] = {UID_LABEL: uid, **(selector.get("matchLabels") or {})}


class JobStrategy(Strategy):
    default_propagation: ClassVar[str] = "Orphan"
    warning_of_default_propagation: ClassVar[str] = (
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
        "propagationPolicy=Orphan to suppress this warning")

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        if spec.get("completions") is None and spec.get("parallelism") is None:
            spec["completions"] = 1
        spec.setdefault("parallelism", 1)
        spec.setdefault("backoffLimit", NO_LIMIT if spec.get("backoffLimitPerIndex") is not None else 6)
        spec.setdefault("completionMode", "NonIndexed")
        spec.setdefault("suspend", False)
        spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed")
        spec.setdefault("manualSelector", False)
        default_job_spec(spec)
        labels = metadata(spec["template"]).get("labels")
        if labels and not metadata(obj).get("labels"):
            obj.setdefault("metadata", {})["labels"] = dict(labels)

    def prepare_for_create(self, obj: Document) -> None:
        if not obj["spec"]["manualSelector"]:
            own = metadata(obj["spec"]["template"]).get("labels") or {}
            generate_selector(obj)
            if metadata(obj).get("labels", {}) == own:          # they were the template's, and still are
                obj["metadata"]["labels"] = dict(obj["spec"]["template"]["metadata"]["labels"])

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_job(obj)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_job_update(new, old)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_job_status(new, old)

    def warnings(self, new: Document, old: Document | None) -> Sequence[str]:
        wrong = dns1123_label_faults(metadata(new).get("name", "")) if old is None else []
        return [f"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: "
                f"[{' '.join(wrong)}]"] if wrong else []


def _status(job: Document) -> str:
    conditions = part(job, "status").get("conditions")
    for type, word in (("Complete", "Complete"), ("Failed", "Failed")):
        if is_true(conditions, type):
            return word
    if metadata(job).get("deletionTimestamp"):
        return "Terminating"
    return next((type for type in ("Suspended", "FailureTarget") if is_true(conditions, type)), "Running")


def _completions(job: Document) -> str:
    spec, done = part(job, "spec"), part(job, "status").get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _duration(job: Document, now: float) -> str:
    began, ended = part(job, "status").get("startTime"), part(job, "status").get("completionTime")
    if not began:
        return ""
    return human_duration(seconds_of(ended) - seconds_of(began)) if ended else age_of(began, now)


COLUMNS = (NAME, column("Status", _status), column("Completions", _completions), Column("Duration", "string", _duration), AGE,
           CONTAINERS, IMAGES, SELECTOR)
