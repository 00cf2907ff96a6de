"""Validation of changes of a Pod: nearly all of its spec is immutable."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, required
from kubeapi.validation.changes import changes

Document = dict[str, Any]
IMMUTABLE_POD = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n")


def validate_pod_update(new: Document, old: Document) -> list[FieldError]:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for kind in ("containers", "initContainers"):
        if len(after.get(kind) or ()) != len(before.get(kind) or ()):
            return [forbidden(f"spec.{kind}", "pod updates may not add or remove containers")]
    faults = _images(after) + _deadline(after, before) + _tolerations(after, before)
    munged = _with_allowed_changes(after, before)
    if munged != before:
        faults.append(forbidden("spec", IMMUTABLE_POD + "\n".join(changes(before, munged, "spec"))))
    return faults


def _images(spec: Document) -> list[FieldError]:
    faults = []
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            image, at = container.get("image", ""), f"spec.{kind}[{index}].image"
            if not image:
                faults.append(required(at))
            elif image != image.strip():
                faults.append(invalid(at, image, "must not have leading or trailing whitespace"))
    return faults


def _deadline(after: Document, before: Document) -> list[FieldError]:
    new, old, at = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"), "spec.activeDeadlineSeconds"
    if new is not None:
        if not 0 <= new <= 2147483647:
            return [invalid(at, new, "must be between 0 and 2147483647, inclusive")]
        if old is not None and new > old:
            return [invalid(at, new, "must be less than or equal to previous value")]
    elif old is not None:
        return [invalid(at, None, "must not update from a positive integer to nil value")]
    return []


def _tolerations(after: Document, before: Document) -> list[FieldError]:
    kept = after.get("tolerations") or []
    if all(any(_same_toleration(each, other) for other in kept) for each in before.get("tolerations") or ()):
        return []
    return [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]


def _same_toleration(left: Document, right: Document) -> bool:
    return {**left, "tolerationSeconds": 0} == {**right, "tolerationSeconds": 0}


def _with_allowed_changes(after: Document, before: Document) -> Document:
    """*after* with everything that may change taken from *before*."""
    munged = dict(after)
    for kind in ("containers", "initContainers"):
        if kind in after:
            munged[kind] = [{**new, "image": old.get("image", "")}
                            for new, old in zip(after[kind] or (), before.get(kind) or (), strict=True)]
    allowed = ["activeDeadlineSeconds", "tolerations"]
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and after.get("terminationGracePeriodSeconds") == 1:
        allowed.append("terminationGracePeriodSeconds")
    gates = before.get("schedulingGates") or []
    if all(each in gates for each in after.get("schedulingGates") or ()):
        allowed.append("schedulingGates")
    if gates and len(before.get("nodeSelector") or {}) <= len(after.get("nodeSelector") or {}):
        selector = after.get("nodeSelector") or {}
        if all(selector.get(key) == value for key, value in (before.get("nodeSelector") or {}).items()):
            allowed.append("nodeSelector")
    for name in allowed:
        munged.pop(name, None)
        if name in before:
            munged[name] = before[name]
    return munged


def validate_pod_status_update(new: Document, old: Document) -> list[FieldError]:
    """A container that never restarts may not leave its terminated state."""
    after, before, spec = new.get("status") or {}, old.get("status") or {}, new.get("spec") or {}
    if spec.get("restartPolicy") == "Always":
        return []
    faults = []
    states = {each.get("name"): each.get("state") or {} for each in after.get("containerStatuses") or ()}
    for index, each in enumerate(before.get("containerStatuses") or ()):
        ended = (each.get("state") or {}).get("terminated")
        may_restart = spec.get("restartPolicy") == "OnFailure" and ended is not None and ended.get("exitCode")
        if ended is None or may_restart or each.get("name") not in states:
            continue
        if states[each.get("name")].get("terminated") is None:
            faults.append(forbidden(f"status.containerStatuses[{index}].state",
                                    "may not be transitioned to non-terminated state"))
    return faults
