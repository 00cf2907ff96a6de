"""StatefulSets and PodTemplates: defaults, faults and columns."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubeapi.kinds.tables import META, cells, columns, created, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]
POD: Document = {"containers": [{"name": "c", "image": "i:1"}]}
FROZEN = ("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
          "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")


def a_set(pod: Document | None = None, **spec: Any) -> Document:
    return {"spec": {"selector": {"matchLabels": {"app": "db"}}, "template": {"metadata": {"labels": {"app": "db"}}, "spec": pod or POD}, **spec}}


def test_defaults() -> None:
    spec = defaulted("apps", "StatefulSet", a_set(volumeClaimTemplates=[{"metadata": {"name": "d"}}]))["spec"]
    del spec["template"], spec["selector"]
    assert spec == {
        "replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10, "serviceName": "",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d"},
                                  "spec": {"resources": {}, "volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}]}


def test_on_delete_has_no_rolling_update() -> None:
    assert defaulted("apps", "StatefulSet", a_set(updateStrategy={"type": "OnDelete"}))["spec"]["updateStrategy"] == {"type": "OnDelete"}


MOUNTING: Document = {"containers": [{"name": "c", "image": "i:1", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}]}


@pytest.mark.parametrize(("given", "expected"), [
    (a_set(), []), (a_set(MOUNTING, volumeClaimTemplates=[{"metadata": {"name": "d"}}]), []),
    (a_set(MOUNTING), ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "d"']),
    (a_set(podManagementPolicy="Random"), ['spec.podManagementPolicy: Invalid value: "Random": must be \'OrderedReady\' or \'Parallel\'']),
    (a_set(updateStrategy={"type": "OnDelete", "rollingUpdate": {"partition": 1}}),
     ['spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy \'RollingUpdate\'']),
    (a_set(updateStrategy={"type": "Now"}), ['spec.updateStrategy: Invalid value: {"type":"Now"}: must be \'RollingUpdate\' or \'OnDelete\'']),
    (a_set(updateStrategy={"rollingUpdate": {"partition": -1, "maxUnavailable": 0}}), [
        "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
        "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0"]),
    (a_set(persistentVolumeClaimRetentionPolicy={"whenDeleted": "Keep"}), [
        'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"']),
    (a_set(replicas=-1, ordinals={"start": -1}), ["spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                                                  "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"]),
    (a_set(selector={}), ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"]),
    (a_set(selector={"matchLabels": {"app": "x"}}),
     ['spec.template.metadata.labels: Invalid value: {"app":"db"}: `selector` does not match template `labels`']),
    (a_set({**POD, "restartPolicy": "Never", "activeDeadlineSeconds": 5}), [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported"]),
], ids=["good", "claimed", "no volume", "management", "on delete", "strategy", "rolling", "retention", "numbers", "empty selector", "labels", "restart"])
def test_statefulsets(given: Document, expected: list[str]) -> None:
    assert faults("apps", "StatefulSet", given) == expected


@pytest.mark.parametrize(("new", "expected"), [
    (a_set({**POD, "hostname": "x"}, replicas=3, minReadySeconds=1, revisionHistoryLimit=2, updateStrategy={"type": "OnDelete"}), []),
    (a_set(serviceName="other"), [FROZEN]), (a_set(podManagementPolicy="Parallel"), [FROZEN]),
], ids=["mutable", "service", "management"])
def test_updates(new: Document, expected: list[str]) -> None:
    assert update_faults("apps", "StatefulSet", new, a_set()) == expected


def test_names_are_labels() -> None:
    from kubeapi.catalog import by_kind
    assert by_kind("apps", "StatefulSet").strategy().name_faults("a.b") != []


def test_statuses() -> None:
    status = {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "collisionCount": 1}
    assert status_faults("apps", "StatefulSet", {"status": status}, {"status": {"collisionCount": 2}}) == [
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas",
        "status.collisionCount: Invalid value: 1: cannot be decremented"]


def test_rows() -> None:
    assert columns("apps", "StatefulSet") == "Name, Ready, Age | Containers, Images"
    assert cells("apps", "StatefulSet", {**a_set(replicas=3), "status": {"readyReplicas": 2}}) == ["a", "2/3", "60m", "c", "i:1"]


def test_pod_templates() -> None:
    template = {"template": {"metadata": {"labels": {"a": "b"}}, "spec": POD}}
    assert created("", "PodTemplate", {"metadata": META, **template})["template"]["spec"]["restartPolicy"] == "Always"
    assert faults("", "PodTemplate", template) == []
    assert faults("", "PodTemplate", {"template": {"spec": {}}}) == ["template.spec.containers: Required value"]
    assert columns("", "PodTemplate") == "Name, Containers, Images, Pod Labels"
    assert cells("", "PodTemplate", template) == ["a", "c", "i:1", "a=b"]
