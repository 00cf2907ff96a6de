"""StatefulSets: pods with names and claims of their own, one after the other unless told otherwise."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, CONTAINERS, IMAGES, NAME, column, part
from kubeapi.kinds.persistentvolumeclaim import default_claim
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.names import dns1123_label_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.statefulset import validate_statefulset, validate_statefulset_status, validate_statefulset_update

Document = dict[str, Any]


class StatefulSetStrategy(Strategy):
    def name_faults(self, name: str) -> list[str]:
        return dns1123_label_faults(name)

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        if not spec.get("podManagementPolicy"):
            spec["podManagementPolicy"] = "OrderedReady"
        strategy = spec.setdefault("updateStrategy", {})
        if not strategy.get("type"):
            strategy["type"] = "RollingUpdate"
            strategy.setdefault("rollingUpdate", {})
        if strategy["type"] == "RollingUpdate" and (rolling := strategy.get("rollingUpdate")) is not None:
            rolling.setdefault("partition", 0)
            rolling.setdefault("maxUnavailable", 1)
        retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        retention.setdefault("whenDeleted", "Retain")
        retention.setdefault("whenScaled", "Retain")
        spec.setdefault("replicas", 1)
        spec.setdefault("revisionHistoryLimit", 10)
        default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
        for claim in spec.get("volumeClaimTemplates") or ():
            claim.setdefault("apiVersion", "v1")
            claim.setdefault("kind", "PersistentVolumeClaim")
            default_claim(claim)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_statefulset(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_statefulset_update(part(new, "spec"), part(old, "spec"))

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_statefulset_status(part(new, "status"), part(old, "status"))

    def warnings(self, new: Document, old: Document | None) -> Sequence[str]:
        if (part(new, "spec").get("revisionHistoryLimit") or 0) >= 0:
            return ()
        return ("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",)


def _ready(each: Document) -> str:
    return f"{part(each, 'status').get('readyReplicas', 0)}/{part(each, 'spec').get('replicas', 0)}"


COLUMNS = (NAME, column("Ready", _ready), AGE, CONTAINERS, IMAGES)
