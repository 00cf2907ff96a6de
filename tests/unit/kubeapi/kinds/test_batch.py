"""Jobs and CronJobs: defaults, the generated selector, faults of spec, update and status, and columns."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.cron import CronError, parse
from tests.unit.kubeapi.kinds.tables import META, cells, columns, created, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]


def a_template(restart: str | None = "Never", **spec: Any) -> Document:
    return {"spec": {"containers": [{"name": "c", "image": "i:1"}], **({"restartPolicy": restart} if restart else {}), **spec}}


def a_job(**spec: Any) -> Document:
    return {"spec": {"template": a_template(), **spec}}


def indexed(**spec: Any) -> Document:
    return a_job(completionMode="Indexed", completions=3, **spec)


@pytest.mark.parametrize(("given", "expected"), [
    ({}, {"completions": 1, "parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False,
          "podReplacementPolicy": "TerminatingOrFailed", "manualSelector": False}),
    ({"parallelism": 3}, {"parallelism": 3, "backoffLimit": 6}),
    ({"completions": 3}, {"completions": 3, "parallelism": 1}),
    ({"backoffLimitPerIndex": 1}, {"backoffLimit": 2147483647}),
    ({"podFailurePolicy": {"rules": [{"onPodConditions": [{"type": "T"}]}]}}, {
        "podReplacementPolicy": "Failed", "podFailurePolicy": {"rules": [{"action": "", "onPodConditions": [{"type": "T", "status": "True"}]}]}}),
], ids=["nothing", "parallelism", "completions", "per index", "failure policy"])
def test_a_jobs_defaults(given: Document, expected: Document) -> None:
    spec = defaulted("batch", "Job", a_job(**given))["spec"]
    assert {name: spec[name] for name in expected} == expected
    assert ("completions" in spec) is (given != {"parallelism": 3})
    assert spec["template"]["spec"]["schedulerName"] == "default-scheduler"


def test_a_jobs_selector_is_generated() -> None:
    job = created("batch", "Job", a_job())
    generated = {"job-name": "a", "batch.kubernetes.io/job-name": "a", "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u"}
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert job["spec"]["template"]["metadata"]["labels"] == job["metadata"]["labels"] == generated
    own = created("batch", "Job", a_job(template={**a_template(), "metadata": {"labels": {"x": "1"}}}))
    assert own["metadata"]["labels"] == {**generated, "x": "1"}
    labelled = created("batch", "Job", {**a_job(), "metadata": {**META, "labels": {"mine": "1"}}})
    assert labelled["metadata"]["labels"] == {"mine": "1"}


@pytest.mark.parametrize(("job", "expected"), [
    (a_job(), []), (indexed(backoffLimitPerIndex=1, maxFailedIndexes=2), []), (a_job(managedBy="example.com/x"), []),
    (a_job(template=a_template(None)), ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']),
    (a_job(template=a_template("Maybe")), [
        'spec.template.spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
        'spec.template.spec.restartPolicy: Unsupported value: "Maybe": supported values: "OnFailure", "Never"']),
    (a_job(completions=-1, backoffLimit=-1), ["spec.completions: Invalid value: -1: must be greater than or equal to 0",
                                              "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"]),
    (a_job(completionMode="Some"), ['spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"']),
    (a_job(completionMode="Indexed", parallelism=1), ["spec.completions: Required value: when completion mode is Indexed"]),
    (a_job(backoffLimitPerIndex=1), ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"]),
    (indexed(maxFailedIndexes=4), ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                                   "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"]),
    (indexed(parallelism=100001),
     ["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"]),
    (a_job(selector={"matchLabels": {"a": "b"}}), [
        'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u","a":"b"}}: `selector` not auto-generated',
        'spec.template.metadata.labels: Invalid value: {"job-name":"a","batch.kubernetes.io/job-name":"a","controller-uid":"u",'
        '"batch.kubernetes.io/controller-uid":"u"}: `selector` does not match template `labels`']),
    (a_job(manualSelector=True), ["spec.selector: Required value"]),
    (a_job(podReplacementPolicy="Never"),
     ['spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"']),
    (a_job(managedBy="me"), ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")']),
    (a_job(podFailurePolicy={"rules": [{"action": "Cry"}, {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [0, 2, 1, 1],
                                                                                                 "containerName": "x"}}]}), [
        'spec.podFailurePolicy.rules[0].action: Unsupported value: "Cry": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
        "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        'spec.podFailurePolicy.rules[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        'spec.podFailurePolicy.rules[1].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names '
        "in the pod template",
        "spec.podFailurePolicy.rules[1].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        "spec.podFailurePolicy.rules[1].onExitCodes.values[3]: Duplicate value: 1",
        "spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [0,2,1,1]: must be ordered"]),
    (indexed(successPolicy={"rules": []}),
     ["spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"]),
    (indexed(successPolicy={"rules": [{}, {"succeededIndexes": "0,5"}, {"succeededCount": 2, "succeededIndexes": "1"}]}), [
        "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified",
        'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0,5": error parsing succeededIndexes: too large index: "5"',
        "spec.successPolicy.rules[2].succeededCount: Invalid value: 2: must be less than or equal to 1 (the number of indexes in the specified "
        "succeededIndexes field)"]),
], ids=["good", "indexed", "managed", "no restart policy", "restart policy", "negative", "mode", "no completions", "per index", "failed indexes",
        "parallelism", "selector", "manual", "replacement", "manager", "failure policy", "no success rules", "success rules"])
def test_jobs(job: Document, expected: list[str]) -> None:
    assert faults("batch", "Job", job) == expected


OLD = created("batch", "Job", a_job())


def changed(old: Document = OLD, **spec: Any) -> Document:
    return {**old, "spec": {**old["spec"], **spec}}


@pytest.mark.parametrize(("new", "old", "expected"), [
    (changed(parallelism=5, suspend=True, backoffLimit=1), OLD, []),
    (changed(completions=2), OLD, ["spec.completions: Invalid value: 2: field is immutable"]),
    (changed(completionMode="Indexed"), OLD, ['spec.completionMode: Invalid value: "Indexed": field is immutable']),
    (changed(created("batch", "Job", indexed()), completions=5, parallelism=5), created("batch", "Job", indexed()), []),
    (changed(created("batch", "Job", indexed()), completions=5), created("batch", "Job", indexed()),
     ["spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"]),
], ids=["what may change", "completions", "mode", "scaled", "not scaled"])
def test_job_updates(new: Document, old: Document, expected: list[str]) -> None:
    assert update_faults("batch", "Job", new, old) == expected


def test_a_jobs_template_may_change_where_it_goes_until_it_starts() -> None:
    suspended = created("batch", "Job", a_job(suspend=True))
    template = suspended["spec"]["template"]
    affinity: Document = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    moved = changed(suspended, template={**template, "spec": {**template["spec"], "nodeSelector": {"a": "b"}, "affinity": affinity}})
    assert update_faults("batch", "Job", moved, suspended) == []
    started = {**suspended, "status": {"startTime": "2026-01-01T00:00:00Z"}}
    assert [fault.partition(" Invalid")[0] for fault in update_faults("batch", "Job", moved, started)] == ["spec.template:"]
    other = changed(suspended, template={**template, "spec": {**template["spec"], "hostname": "x"}})
    assert [fault.partition(" Invalid")[0] for fault in update_faults("batch", "Job", other, suspended)] == ["spec.template:"]


def a_status(*conditions: str, spec: Document | None = None, **status: Any) -> Document:
    return {"spec": spec or {}, "status": {**status, "conditions": [{"type": type, "status": "True"} for type in conditions]}}


BEGAN = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(("new", "old", "expected"), [
    (a_status("SuccessCriteriaMet", "Complete", startTime=BEGAN, completionTime=BEGAN, succeeded=1), a_status(startTime=BEGAN), []),
    (a_status("Complete", startTime=BEGAN), a_status(startTime=BEGAN), [
        "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        "status.completionTime: Required value: completionTime is required for Complete jobs"]),
    (a_status(completionTime=BEGAN), a_status(), [
        f'status.completionTime: Invalid value: "{BEGAN}": cannot set completionTime when there is no Complete=True condition']),
    (a_status("Failed", "FailureTarget", startTime=BEGAN), a_status("FailureTarget", startTime=BEGAN), []),
    (a_status("Failed", active=1, ready=2, terminating=1), a_status(), [
        "status.ready: Invalid value: 2: cannot set more ready pods than active",
        "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
        "status.active: Invalid value: 1: active>0 is invalid for finished job",
        "status.startTime: Required value: startTime is required for finished job",
        "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job"]),
    (a_status(failed=1), a_status("Failed", startTime=BEGAN, failed=2), [
        "status.conditions: Invalid value: cannot disable the terminal Failed=True condition",
        "status.failed: Invalid value: 1: cannot decrease the failed counter",
        "status.startTime: Required value: startTime cannot be removed for unsuspended job"]),
    (a_status(spec={"parallelism": 1}, completedIndexes="0-1"), a_status(), [
        'status.completedIndexes: Invalid value: "0-1": cannot set non-empty completedIndexes when non-indexed completion mode']),
    (a_status(spec={"completionMode": "Indexed", "completions": 3, "backoffLimitPerIndex": 1}, completedIndexes="0-1", failedIndexes="1"), a_status(),
     ['status.failedIndexes: Invalid value: "1": failedIndexes and completedIndexes overlap at index: 1']),
    (a_status(uncountedTerminatedPods={"succeeded": ["a", ""], "failed": ["a"]}), a_status(), [
        'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
        'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"']),
    (a_status("SuccessCriteriaMet", "FailureTarget"), a_status(),
     ["status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"]),
], ids=["complete", "no end", "end", "failed", "active", "undone", "indexes", "overlap", "uncounted", "both"])
def test_job_statuses(new: Document, old: Document, expected: list[str]) -> None:
    assert status_faults("batch", "Job", new, old) == expected


@pytest.mark.parametrize(("job", "shown"), [
    ({"spec": {"completions": 2}, "status": {"succeeded": 1, "startTime": "2025-12-31T23:59:00Z"}}, ["Running", "1/2", "60s"]),
    (a_status("Complete", spec={"completions": 1}, succeeded=1, startTime="2025-12-31T23:00:00Z", completionTime="2025-12-31T23:00:05Z"),
     ["Complete", "1/1", "5s"]),
    (a_status("Failed"), ["Failed", "0/1", ""]), (a_status("Suspended", spec={"parallelism": 3}), ["Suspended", "0/1 of 3", ""]),
    ({**a_status("FailureTarget"), "metadata": {**META, "deletionTimestamp": BEGAN}}, ["Terminating", "0/1", ""]),
], ids=["running", "complete", "failed", "suspended", "terminating"])
def test_job_rows(job: Document, shown: list[str]) -> None:
    assert cells("batch", "Job", job, wide=False)[1:4] == shown


def test_job_columns() -> None:
    assert columns("batch", "Job") == "Name, Status, Completions, Duration, Age | Containers, Images, Selector"
    assert columns("batch", "CronJob") == "Name, Schedule, Timezone, Suspend, Active, Last Schedule, Age | Containers, Images, Selector"
    cronjob = a_cronjob("* * * * *", suspend=False) | {"status": {"lastScheduleTime": "2025-12-31T23:59:50Z", "active": [{}]}}
    assert cells("batch", "CronJob", cronjob) == ["a", "* * * * *", "<none>", "False", 1, "10s", "60m", "c", "i:1", "<none>"]


def a_cronjob(schedule: str, job: Document | None = None, **spec: Any) -> Document:
    return {"spec": {"schedule": schedule, "jobTemplate": job or a_job(), **spec}}


def test_a_cronjobs_defaults() -> None:
    spec = defaulted("batch", "CronJob", a_cronjob("@daily"))["spec"]
    assert {name: spec[name] for name in ("concurrencyPolicy", "suspend", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")} == {
        "concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    assert "completions" not in spec["jobTemplate"]["spec"]
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"


@pytest.mark.parametrize(("cronjob", "expected"), [
    (a_cronjob("*/5 * * * mon-fri", timeZone="Europe/Berlin"), []), (a_cronjob("@every 1h30m"), []),
    (a_cronjob(""), ["spec.schedule: Required value"]),
    (a_cronjob("* * *"), ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]']),
    (a_cronjob("60 * * * *"), ['spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60']),
    (a_cronjob("TZ=UTC 0 * * * *"),
     ['spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead']),
    (a_cronjob("@daily", timeZone="Mars/Base"), ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base']),
    (a_cronjob("@daily", timeZone=""), ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']),
    (a_cronjob("@daily", concurrencyPolicy="Race", startingDeadlineSeconds=-1), [
        "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
        'spec.concurrencyPolicy: Unsupported value: "Race": supported values: "Allow", "Forbid", "Replace"']),
    (a_cronjob("@daily", a_job(template=a_template(None), manualSelector=True, selector={})), [
        'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated",
        'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"']),
    ({**a_cronjob("@daily"), "metadata": {**META, "name": "n" * 53}},
     [f'metadata.name: Invalid value: "{"n" * 53}": must be no more than 52 characters']),
], ids=["good", "every", "none", "three fields", "minute", "zone in schedule", "zone", "empty zone", "policy", "template", "name"])
def test_cronjobs(cronjob: Document, expected: list[str]) -> None:
    assert faults("batch", "CronJob", cronjob) == expected


@pytest.mark.parametrize(("text", "fault"), [
    ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'), ("@now", "unrecognized descriptor: @now"),
    ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"), ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
    ("*/0 * * * *", "step of range should be a positive number: */0"), ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
    ("*/2/2 * * * *", "too many slashes: */2/2"), ("* * * * 7", "end of range (7) above maximum (6): 7"),
    ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'), ("", "empty spec string"),
])
def test_schedules_that_cannot_be_read(text: str, fault: str) -> None:
    with pytest.raises(CronError) as error:
        parse(text)
    assert str(error.value) == fault


def test_schedules() -> None:
    schedule = parse("*/20 1-3,22 1 jan,Mar mon-wed")
    assert [sorted(each) for each in (schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)] == [
        [0, 20, 40], [1, 2, 3, 22], [1], [1, 3], [1, 2, 3]]
    assert (schedule.any_day, parse("0 0 * * *").any_day, parse("@every 90s").every_seconds) == (False, True, 90)
    assert sorted(parse("50/5 * * * *").minutes) == [50, 55]
