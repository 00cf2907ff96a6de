"""Validation of a Job's status: counters go one way, what is finished stays finished, and conditions agree with each other.

Most rules look only at what the update changes, so that a status that was wrong before can still be written.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeapi.fielderrors import OMITTED, FieldError, duplicate, invalid, required
from kubeapi.times import seconds_of
from kubeapi.validation.conditions import is_true
from kubeapi.validation.indexes import IndexesError, first_common, parse_indexes
from kubeapi.validation.job import is_indexed
from kubeapi.validation.selectors import non_negative

Document = dict[str, Any]
_TERMINAL = ("Failed", "Complete", "FailureTarget")


def validate_job_status(new: Document, old: Document) -> list[FieldError]:
    status, before, spec = new.get("status") or {}, old.get("status") or {}, new.get("spec") or {}
    faults = [fault for name in ("active", "succeeded", "failed", "ready", "terminating")
              for fault in non_negative(status.get(name), f"status.{name}")]
    ready, active = status.get("ready") or 0, status.get("active", 0)
    if ready > active and (ready, active) != (before.get("ready") or 0, before.get("active", 0)):
        faults.append(invalid("status.ready", ready, "cannot set more ready pods than active"))
    faults += _uncounted(status.get("uncountedTerminatedPods") or {})
    faults += _conditions(status, before, spec)
    faults += _times(status, before, spec)
    faults += _finished(status, before)
    faults += _indexes(status, before, spec)
    return [*faults, *_transitions(status, before, spec)]


def _has(status: Document, type: str) -> bool:
    return is_true(status.get("conditions"), type)


def _is_finished(status: Document) -> bool:
    return _has(status, "Complete") or _has(status, "Failed")


def _uncounted(pods: Document) -> Iterator[FieldError]:
    seen: set[str] = set()
    for kind in ("succeeded", "failed"):
        for index, uid in enumerate(pods.get(kind) or ()):
            at = f"status.uncountedTerminatedPods.{kind}[{index}]"
            if not uid:
                yield invalid(at, uid, "must not be empty")
            elif uid in seen:
                yield duplicate(at, uid)
            seen.add(uid)


def _conditions(status: Document, before: Document, spec: Document) -> Iterator[FieldError]:
    changed = {type for type in _TERMINAL if _has(status, type) is not _has(before, type)}
    complete, failed, target, met = (_has(status, type) for type in ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"))
    for is_wrong, why in (
        (complete and failed and changed & {"Complete", "Failed"}, "cannot set Complete=True and Failed=true conditions"),
        (complete and target and changed & {"Complete", "FailureTarget"}, "cannot set Complete=True and FailureTarget=true conditions"),
        (failed and not target and "Failed" in changed, "cannot set Failed=True condition without the FailureTarget=true condition"),
        (complete and not met and "Complete" in changed, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"),
        (met and failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (met and target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
        (spec.get("successPolicy") is not None and not met and complete,
         "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"),
    ):
        if is_wrong:
            yield invalid("status.conditions", OMITTED, why)


def _times(status: Document, before: Document, spec: Document) -> Iterator[FieldError]:
    began, ended, complete = status.get("startTime"), status.get("completionTime"), _has(status, "Complete")
    ends_differ = ended != before.get("completionTime")
    if complete is not _has(before, "Complete") or ends_differ:
        if ended and not complete:
            yield invalid("status.completionTime", ended, "cannot set completionTime when there is no Complete=True condition")
        if not ended and complete:
            yield required("status.completionTime", "completionTime is required for Complete jobs")
    if began and ended and (ends_differ or began != before.get("startTime")) and seconds_of(ended) < seconds_of(began):
        yield invalid("status.completionTime", ended, "completionTime cannot be set before startTime")


def _finished(status: Document, before: Document) -> Iterator[FieldError]:
    if not _is_finished(status):
        return
    is_new = not _is_finished(before)
    if status.get("active", 0) > 0 and (is_new or status.get("active", 0) != before.get("active", 0)):
        yield invalid("status.active", status["active"], "active>0 is invalid for finished job")
    if not status.get("startTime") and (is_new or before.get("startTime")):
        yield required("status.startTime", "startTime is required for finished job")
    terminating = status.get("terminating") or 0
    if terminating > 0 and (is_new or terminating != (before.get("terminating") or 0)):
        yield invalid("status.terminating", terminating, "terminating>0 is invalid for finished job")
    uncounted = status.get("uncountedTerminatedPods") or {}
    if any(uncounted.values()) and (is_new or uncounted != (before.get("uncountedTerminatedPods") or {})):
        yield invalid("status.uncountedTerminatedPods", uncounted, "uncountedTerminatedPods needs to be empty for finished job")


def _indexes(status: Document, before: Document, spec: Document) -> Iterator[FieldError]:
    completed, failed, completions = status.get("completedIndexes", ""), status.get("failedIndexes"), spec.get("completions")
    completed_changed = completed != before.get("completedIndexes", "")
    failed_changed = failed != before.get("failedIndexes")
    per_index = spec.get("backoffLimitPerIndex") is not None
    parsed: dict[str, list[range]] = {}
    if completions is not None:
        for name, text, is_checked in (("completedIndexes", completed, completed_changed), ("failedIndexes", failed, failed_changed and per_index)):
            try:
                parsed[name] = parse_indexes(text or "", completions)
            except IndexesError as error:
                if is_checked:
                    yield invalid(f"status.{name}", text, f"error parsing {name}: {error}")
    if completed_changed and completed and not is_indexed(spec):
        yield invalid("status.completedIndexes", completed, "cannot set non-empty completedIndexes when non-indexed completion mode")
    if failed_changed and failed is not None and not per_index:
        yield invalid("status.failedIndexes", failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null")
    if (failed_changed or completed_changed) and len(parsed) == 2:
        common = first_common(parsed["completedIndexes"], parsed["failedIndexes"])
        if common is not None:
            yield invalid("status.failedIndexes", failed, f"failedIndexes and completedIndexes overlap at index: {common}")


def _transitions(status: Document, before: Document, spec: Document) -> Iterator[FieldError]:
    for type in _TERMINAL:
        if _has(before, type) and not _has(status, type):
            yield invalid("status.conditions", OMITTED, f"cannot disable the terminal {type}=True condition")
    if status.get("failed", 0) < before.get("failed", 0):
        yield invalid("status.failed", status.get("failed", 0), "cannot decrease the failed counter")
    may_shrink = is_indexed(spec) and spec.get("completions") == spec.get("parallelism")
    if not may_shrink and status.get("succeeded", 0) < before.get("succeeded", 0):
        yield invalid("status.succeeded", status.get("succeeded", 0), "cannot decrease the succeeded counter")
    ended, began = status.get("completionTime"), before.get("startTime")
    if ended and before.get("completionTime") and ended != before["completionTime"]:
        yield invalid("status.completionTime", ended, "completionTime cannot be mutated")
    if began and began != status.get("startTime") and not spec.get("suspend"):
        yield required("status.startTime", "startTime cannot be removed for unsuspended job")
    met_before, met = _has(before, "SuccessCriteriaMet"), _has(status, "SuccessCriteriaMet")
    if met_before and not met:
        yield invalid("status.conditions", OMITTED, "cannot disable the SuccessCriteriaMet=True condition")
    if _has(before, "Complete") and not met_before and met:
        yield invalid("status.conditions", OMITTED, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
