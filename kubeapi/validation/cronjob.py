"""Validation of CronJobs: a schedule that can be read, a known time zone, and a template of Jobs."""
from __future__ import annotations

import re
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from kubeapi import cron
from kubeapi.fielderrors import FieldError, invalid, not_supported, required
from kubeapi.validation.job import validate_job_spec
from kubeapi.validation.selectors import non_negative

Document = dict[str, Any]
MAX_NAME = 52                                     # its Jobs' names have eleven characters more, and at most 63
_POLICIES = ("Allow", "Forbid", "Replace")
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}", re.ASCII)


def validate_cronjob(spec: Document, old: Document | None = None) -> list[FieldError]:
    zone, policy = spec.get("timeZone"), spec.get("concurrencyPolicy", "")
    faults = _schedule(spec.get("schedule", ""), zone, (old or {}).get("schedule", ""))
    faults += non_negative(spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds")
    if zone is not None and (old is None or old.get("timeZone") != zone):
        faults += _time_zone(zone)
    if not policy:
        faults.append(required("spec.concurrencyPolicy"))
    elif policy not in _POLICIES:
        faults.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    faults += _template((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")
    return faults + [fault for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit")
                     for fault in non_negative(spec.get(name), f"spec.{name}")]


def _schedule(schedule: str, zone: str | None, before: str) -> list[FieldError]:
    if not schedule:
        return [required("spec.schedule")]
    faults = []
    try:
        cron.parse(schedule)
    except cron.CronError as error:
        faults.append(invalid("spec.schedule", schedule, str(error)))
    if "TZ" in schedule and "TZ" not in before:
        faults.append(invalid("spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"))
    elif "TZ" in schedule and zone is not None:
        faults.append(invalid("spec.schedule", schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"))
    return faults


def _time_zone(zone: str) -> list[FieldError]:
    at = "spec.timeZone"
    if not zone:
        return [invalid(at, zone, "timeZone must be nil or non-empty string")]
    if any(part in (".", "..") or part.startswith("-") or _ZONE_PART.fullmatch(part) is None for part in zone.split("/")):
        return [invalid(at, zone, f"unknown time zone {zone}")]
    faults = []
    if zone.lower() == "local":
        faults.append(invalid(at, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"))
    return faults if _is_known(zone) else [*faults, invalid(at, zone, f"unknown time zone {zone}")]


@cache
def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        return zone in ("UTC", "Local")
    return True


def _template(spec: Document, path: str) -> list[FieldError]:
    faults = validate_job_spec(spec, path)
    if spec.get("selector") is not None:
        faults.append(invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        faults.append(not_supported(f"{path}.manualSelector", True, ("nil", "false")))
    return faults
