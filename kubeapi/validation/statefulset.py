"""Validation of StatefulSets: the template knows the volumes of the claims, and little may change."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_label_faults
from kubeapi.validation.podspec import validate_pod_template
from kubeapi.validation.selectors import at_most_all, count_or_percent, non_negative
from kubeapi.validation.workload import only_restarting, validate_selector

Document = dict[str, Any]
_MUTABLE = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds")
_FROZEN = ("updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
           "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")


def validate_statefulset(spec: Document) -> list[FieldError]:
    management = spec.get("podManagementPolicy", "")
    faults = [] if management in ("OrderedReady", "Parallel") else [
        invalid("spec.podManagementPolicy", management, "must be 'OrderedReady' or 'Parallel'")]
    faults += _update_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    for name, policy in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        if policy not in ("Retain", "Delete"):
            faults.append(not_supported(f"spec.persistentVolumeClaimRetentionPolicy.{name}", policy, ("Retain", "Delete")))
    faults += non_negative(spec.get("replicas"), "spec.replicas") + non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    faults += non_negative((spec.get("ordinals") or {}).get("start"), "spec.ordinals.start")
    if service := spec.get("serviceName"):
        faults += [invalid("spec.serviceName", service, fault) for fault in dns1123_label_faults(service)]
    faults += validate_selector(spec, "statefulset")
    faults += validate_pod_template(_with_claims(spec), "spec.template")
    return faults + only_restarting((spec.get("template") or {}).get("spec") or {}, "spec.template.spec", "StatefulSet")


def _update_strategy(strategy: Document, path: str) -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        return [] if rolling is None else [invalid(f"{path}.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'")]
    if kind != "RollingUpdate":
        return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")]
    rolling = rolling or {}
    faults = non_negative(rolling.get("partition"), f"{path}.rollingUpdate.partition")
    if (unavailable := rolling.get("maxUnavailable")) is not None:
        at = f"{path}.rollingUpdate.maxUnavailable"
        faults += count_or_percent(unavailable, at)
        if unavailable in (0, "0%"):
            faults.append(invalid(at, unavailable, "cannot be 0"))
        faults += at_most_all(unavailable, at)
    return faults


def _with_claims(spec: Document) -> Document:
    """The template as its pods will be: a claim's volume replaces the template's of that name."""
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    claims = [(each.get("metadata") or {}).get("name", "") for each in spec.get("volumeClaimTemplates") or ()]
    own = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
    volumes = [*own, *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims)]
    return {**template, "spec": {**pod, "volumes": volumes}}


def validate_statefulset_update(new: Document, old: Document) -> list[FieldError]:
    faults = validate_statefulset(new)
    frozen = [{name: value for name, value in spec.items() if name not in _MUTABLE} for spec in (new, old)]
    return faults if frozen[0] == frozen[1] else [*faults, forbidden("spec", _FROZEN)]


def validate_statefulset_status(status: Document, old: Document) -> list[FieldError]:
    faults: list[FieldError] = []
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    for name in (*counts, "observedGeneration", "collisionCount"):
        faults += non_negative(status.get(name), f"status.{name}")
    faults += [invalid(f"status.{name}", status.get(name, 0), "cannot be greater than status.replicas")
               for name in counts[1:] if status.get(name, 0) > status.get("replicas", 0)]
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        faults.append(invalid("status.availableReplicas", status["availableReplicas"], "cannot be greater than status.readyReplicas"))
    if (old.get("collisionCount") or 0) > (status.get("collisionCount") or 0):
        faults.append(invalid("status.collisionCount", status.get("collisionCount") or 0, "cannot be decremented"))
    return faults
