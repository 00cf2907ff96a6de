"""Validation of a JobSpec, in a Job or in a CronJob's template; and of what a Job's update may change."""
from __future__ import annotations

import json
from typing import Any

from kubeapi.fielderrors import OMITTED, FieldError, duplicate, invalid, not_supported, required, too_long, too_many
from kubeapi.labels import SelectorError, from_label_selector
from kubeapi.names import dns1123_label_faults
from kubeapi.validation.domains import domain_prefixed_path
from kubeapi.validation.indexes import IndexesError, count_indexes
from kubeapi.validation.meta import immutable
from kubeapi.validation.podspec import validate_pod_template
from kubeapi.validation.selectors import label_name, non_negative, validate_label_selector
from kubeapi.validation.workload import matches_template

Document = dict[str, Any]
MAX_INDEXED, MANY, MOST_OF_MANY = 100_000, 100_000, 10_000
MAX_RULES, MAX_EXIT_CODES, MAX_PATTERNS, MAX_MANAGER, MAX_INDEXES_TEXT = 20, 255, 20, 63, 64 * 1024
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_STATUSES = ("False", "True", "Unknown")
_COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
           "maxFailedIndexes")
UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_FROZEN = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_OF_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def _valid_values(values: tuple[str, ...]) -> str:
    return f"valid values: [{' '.join(json.dumps(value) for value in values)}]"


def is_indexed(spec: Document) -> bool:
    return spec.get("completionMode") == "Indexed"


def validate_job(job: Document) -> list[FieldError]:
    spec, metadata = job.get("spec") or {}, job.get("metadata") or {}
    faults = _generated_selector(spec, metadata)
    faults += validate_job_spec(spec, "spec")
    faults += [required("spec.selector")] if spec.get("selector") is None else validate_label_selector(spec["selector"], "spec.selector")
    if spec.get("selector") is not None:
        faults += matches_template(spec["selector"], spec, "spec")
    if is_indexed(spec) and (spec.get("completions") or 0) > 0:
        last = f"{metadata.get('name', '')}-{spec['completions'] - 1}"
        if dns1123_label_faults(last):
            faults.append(invalid("metadata.name", metadata.get("name", ""), f"will not able to create pod with invalid DNS label: {last}"))
    return faults


def _generated_selector(spec: Document, metadata: Document) -> list[FieldError]:
    """The labels that `generate_selector` gave were not contradicted."""
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    expected = {"controller-uid": metadata.get("uid", ""), "job-name": metadata.get("name", ""),
                UID_LABEL: metadata.get("uid", ""), NAME_LABEL: metadata.get("name", "")}
    faults = []
    for key, value in expected.items():
        at, why = f"spec.template.metadata.labels[{key}]", f"must be '{value}'"
        if key not in labels:
            faults.append(required(at, why))
        elif labels[key] != value:
            faults.append(invalid(at, labels, why))
    try:
        if not from_label_selector(spec["selector"]).matches(expected):
            faults.append(invalid("spec.selector", spec["selector"], "`selector` not auto-generated"))
    except SelectorError:
        pass                                      # told of by the selector's own validation
    return faults


def validate_job_spec(spec: Document, path: str) -> list[FieldError]:
    faults = [fault for name in _COUNTS for fault in non_negative(spec.get(name), f"{path}.{name}")]
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        faults.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if (manager := spec.get("managedBy")) is not None:
        faults += domain_prefixed_path(manager, f"{path}.managedBy")
        faults += [too_long(f"{path}.managedBy", MAX_MANAGER)] if len(manager) > MAX_MANAGER else []
    mode = spec.get("completionMode")
    if mode not in (None, "NonIndexed", "Indexed"):
        faults.append(not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    if is_indexed(spec):
        faults += _indexed(spec, path)
    elif mode in (None, "NonIndexed"):
        faults += [invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")
                   for name in ("backoffLimitPerIndex", "maxFailedIndexes") if spec.get(name) is not None]
    if (failure := spec.get("podFailurePolicy")) is not None:
        faults += _failure_policy(failure, spec, f"{path}.podFailurePolicy.rules")
    if (success := spec.get("successPolicy")) is not None:
        faults += _success_policy(success, spec, f"{path}.successPolicy.rules") if is_indexed(spec) else [
            invalid(f"{path}.successPolicy", success, "requires indexed completion mode")]
    if (replacement := spec.get("podReplacementPolicy")) is not None:
        allowed = ("Failed",) if failure is not None else ("Failed", "TerminatingOrFailed")
        faults += [] if replacement in allowed else [not_supported(f"{path}.podReplacementPolicy", replacement, allowed)]
    faults += validate_pod_template(spec.get("template") or {}, f"{path}.template")
    return faults + _restart_policy(spec, f"{path}.template.spec.restartPolicy")


def _restart_policy(spec: Document, path: str) -> list[FieldError]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    if policy in ("Always", ""):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _indexed(spec: Document, path: str) -> list[FieldError]:
    completions, parallelism, failed = (spec.get(name) for name in ("completions", "parallelism", "maxFailedIndexes"))
    faults = [required(f"{path}.completions", "when completion mode is Indexed")] if completions is None else []
    if parallelism is not None and parallelism > MAX_INDEXED:
        faults.append(invalid(f"{path}.parallelism", parallelism, f"must be less than or equal to {MAX_INDEXED} when completion mode is Indexed"))
    if failed is not None:
        if completions is not None and failed > completions:
            faults.append(invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions"))
        if failed > MAX_INDEXED:
            faults.append(invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {MAX_INDEXED}"))
    if (completions or 0) <= MANY or spec.get("backoffLimitPerIndex") is None:
        return faults
    if failed is None:
        faults.append(required(f"{path}.maxFailedIndexes", f"must be specified when completions is above {MANY}"))
    why = f"must be less than or equal to {MOST_OF_MANY} when completions are above {MANY} and used with backoff limit per index"
    return faults + [invalid(f"{path}.{name}", value, why) for name, value in (("parallelism", parallelism), ("maxFailedIndexes", failed))
                     if value is not None and value > MOST_OF_MANY]


def _one_of(value: str, path: str, values: tuple[str, ...]) -> list[FieldError]:
    if not value:
        return [required(path, _valid_values(values))]
    return [] if value in values else [not_supported(path, value, values)]


def _failure_policy(policy: Document, spec: Document, path: str) -> list[FieldError]:
    rules = policy.get("rules") or []
    faults = [too_many(path, len(rules), MAX_RULES)] if len(rules) > MAX_RULES else []
    pod = (spec.get("template") or {}).get("spec") or {}
    names = {each.get("name") for kind in ("containers", "initContainers") for each in pod.get(kind) or ()}
    for index, rule in enumerate(rules):
        at, action = f"{path}[{index}]", rule.get("action", "")
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            faults.append(invalid(f"{at}.action", action, "requires the backoffLimitPerIndex to be set"))
        faults += _one_of(action, f"{at}.action", _ACTIONS)
        codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            faults += _exit_codes(codes, f"{at}.onExitCodes", names)
        faults += _patterns(patterns, f"{at}.onPodConditions")
        if codes is not None and patterns:
            faults.append(invalid(at, OMITTED, "specifying both OnExitCodes and OnPodConditions is not supported"))
        if codes is None and not patterns:
            faults.append(invalid(at, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required"))
    return faults


def _patterns(patterns: list[Document], path: str) -> list[FieldError]:
    faults = [too_many(path, len(patterns), MAX_PATTERNS)] if len(patterns) > MAX_PATTERNS else []
    for index, pattern in enumerate(patterns):
        faults += label_name(pattern.get("type", ""), f"{path}[{index}].type")
        faults += _one_of(pattern.get("status", ""), f"{path}[{index}].status", _STATUSES)
    return faults


def _exit_codes(codes: Document, path: str, names: set[Any]) -> list[FieldError]:
    operator, values, name = codes.get("operator", ""), codes.get("values") or [], codes.get("containerName")
    faults = _one_of(operator, f"{path}.operator", ("In", "NotIn"))
    if name is not None and name not in names:
        faults.append(invalid(f"{path}.containerName", name, "must be one of the container or initContainer names in the pod template"))
    if not values:
        faults.append(invalid(f"{path}.values", values, "at least one value is required"))
    elif len(values) > MAX_EXIT_CODES:
        faults.append(too_many(f"{path}.values", len(values), MAX_EXIT_CODES))
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            faults.append(invalid(f"{path}.values[{index}]", value, "must not be 0 for the In operator"))
        if value in values[:index]:
            faults.append(duplicate(f"{path}.values[{index}]", value))
    return faults if values == sorted(values) else [*faults, invalid(f"{path}.values", values, "must be ordered")]


def _success_policy(policy: Document, spec: Document, path: str) -> list[FieldError]:
    rules, completions = policy.get("rules") or [], spec.get("completions") or 0
    faults = [] if rules else [required(path, "at least one rules must be specified when the successPolicy is specified")]
    if len(rules) > MAX_RULES:
        faults.append(too_many(path, len(rules), MAX_RULES))
    for index, rule in enumerate(rules):
        at, count, indexes = f"{path}[{index}]", rule.get("succeededCount"), rule.get("succeededIndexes")
        if count is None and indexes is None:
            faults.append(required(at, "at least one of succeededCount or succeededIndexes must be specified"))
        total = 0
        if indexes is not None:
            if len(indexes) > MAX_INDEXES_TEXT:
                faults.append(too_long(f"{at}.succeededIndexes", MAX_INDEXES_TEXT))
            try:
                total = count_indexes(indexes, completions)
            except IndexesError as error:
                faults.append(invalid(f"{at}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}"))
        if count is not None:
            faults += non_negative(count, f"{at}.succeededCount")
            if count > completions:
                faults.append(invalid(f"{at}.succeededCount", count,
                                      f"must be less than or equal to {completions} (the number of specified completions)"))
            if indexes is not None and count > total:
                faults.append(invalid(f"{at}.succeededCount", count, f"must be less than or equal to {total} (the number of indexes in the "
                                                                     "specified succeededIndexes field)"))
    return faults


def validate_job_update(new: Document, old: Document) -> list[FieldError]:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    faults = validate_job(new)
    completions = after.get("completions")
    if not is_indexed(after):
        faults += immutable(completions, before.get("completions"), "spec.completions")
    elif completions is not None and completions != before.get("completions") and completions != after.get("parallelism"):
        faults.append(invalid("spec.completions", completions, "can only be modified in tandem with spec.parallelism"))
    faults += immutable(after.get("selector"), before.get("selector"), "spec.selector")
    never_started = before.get("suspend") and not (old.get("status") or {}).get("startTime")
    template = after.get("template") or {}
    kept = _with_scheduling_of(template, before.get("template") or {}) if never_started else before.get("template") or {}
    faults += immutable(template, kept, "spec.template")
    return faults + [fault for name in _FROZEN for fault in immutable(after.get(name), before.get(name), f"spec.{name}")]


def _with_scheduling_of(new: Document, old: Document) -> Document:
    """*old* with what steers its pods to nodes taken from *new*: that may change until the Job starts."""
    spec, metadata, wanted = dict(old.get("spec") or {}), dict(old.get("metadata") or {}), new.get("spec") or {}
    affinity = {**(spec.get("affinity") or {}), "nodeAffinity": (wanted.get("affinity") or {}).get("nodeAffinity")}
    spec["affinity"] = {name: value for name, value in affinity.items() if value is not None} or wanted.get("affinity")
    spec |= {name: wanted.get(name) for name in _OF_SCHEDULING}
    metadata |= {name: (new.get("metadata") or {}).get(name) for name in ("labels", "annotations")}
    return {**old, **{name: {key: value for key, value in part.items() if value is not None}
                      for name, part in (("spec", spec), ("metadata", metadata)) if name in new}}
