"""The storage kinds: defaults, faults, what may change, and columns."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.kinds.persistentvolume import PersistentVolumeStrategy
from kubeapi.world import World
from tests.unit.kubeapi.kinds.tables import META, cells, columns, created, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]
STORAGE = "storage.k8s.io"


def a_volume(**spec: Any) -> Document:
    source = {} if any(name in spec for name in ("nfs", "csi", "local")) else {"hostPath": {"path": "/x"}}
    return {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **source, **spec}}


def a_claim(size: str = "1Gi", status: Document | None = None, **spec: Any) -> Document:
    return {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}, "status": status or {}}


def test_a_volumes_defaults() -> None:
    volume = defaulted("", "PersistentVolume", a_volume())
    assert (volume["spec"]["persistentVolumeReclaimPolicy"], volume["spec"]["volumeMode"], volume["spec"]["hostPath"]) == (
        "Retain", "Filesystem", {"path": "/x", "type": ""})


class At(World):
    def now(self) -> Any:
        from datetime import UTC, datetime
        return datetime(2026, 1, 1, tzinfo=UTC)


def test_the_time_of_a_volumes_last_change_of_phase_is_kept() -> None:
    strategy = PersistentVolumeStrategy(At())
    volume: Document = {"spec": {}}
    strategy.prepare_for_create(volume)
    assert volume["status"] == {"phase": "Pending", "lastPhaseTransitionTime": "2026-01-01T00:00:00Z"}
    old = {"status": {"phase": "Pending", "lastPhaseTransitionTime": "2025-01-01T00:00:00Z"}}
    bound: Document = {"status": {**old["status"], "phase": "Bound"}}
    strategy.prepare_for_status_update(bound, old)
    assert bound["status"]["lastPhaseTransitionTime"] == "2026-01-01T00:00:00Z"
    same: Document = {"status": dict(old["status"])}
    strategy.prepare_for_status_update(same, old)
    assert same == old


AFFINITY: Document = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}


@pytest.mark.parametrize(("volume", "expected"), [
    (a_volume(), []), (a_volume(local={"path": "/x"}, nodeAffinity=AFFINITY), []),
    ({"spec": {}}, ["spec.accessModes: Required value", "spec.capacity: Required value",
                    'spec.capacity: Unsupported value: {}: supported values: "storage"', "spec: Required value: must specify a volume type"]),
    (a_volume(accessModes=["ReadWriteOncePod", "ReadOnlyMany"]),
     ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"]),
    (a_volume(accessModes=["All"], capacity={"storage": "0"}), [
        'spec.accessModes: Unsupported value: "All": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        'spec.capacity[storage]: Invalid value: "0": must be greater than zero']),
    (a_volume(persistentVolumeReclaimPolicy="Burn", volumeMode="Tape"), [
        'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
        'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"']),
    (a_volume(hostPath={"path": "/"}, persistentVolumeReclaimPolicy="Recycle"),
     ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"]),
    (a_volume(hostPath={"path": "/x"}, nfs={"server": "s", "path": "/y"}), ["spec.nfs: Forbidden: may not specify more than 1 volume type"]),
    (a_volume(nfs={"path": "y"}), ["spec.nfs.server: Required value", 'spec.nfs.path: Invalid value: "y": must be an absolute path']),
    (a_volume(local={"path": "/x/../y"}), ['spec.local.path: Invalid value: "/x/../y": must not contain \'..\'',
                                          "spec.nodeAffinity: Required value: Local volume requires node affinity"]),
    (a_volume(csi={"driver": "d.example.com", "nodeStageSecretRef": {}, "nodePublishSecretRef": {"name": "s"}}),
     ["spec.csi.volumeHandle: Required value", "spec.csi.nodePublishSecretRef.namespace: Required value"]),
    (a_volume(volumeAttributesClassName=""), [
        "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
        "spec.csi: Required value: has to be specified when using volumeAttributesClassName"]),
    (a_volume(nodeAffinity={}), ["spec.nodeAffinity.required: Required value: must specify required node constraints"]),
], ids=["good", "local", "empty", "pod only", "modes", "policies", "recycle root", "two sources", "nfs", "local path", "csi", "attributes", "affinity"])
def test_volumes(volume: Document, expected: list[str]) -> None:
    assert faults("", "PersistentVolume", volume) == expected


def test_a_volumes_source_never_changes() -> None:
    assert update_faults("", "PersistentVolume", a_volume(hostPath={"path": "/y"}), a_volume()) == [
        'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n- spec.hostPath.path: "/x"\n'
        '+ spec.hostPath.path: "/y"']
    assert update_faults("", "PersistentVolume", a_volume(capacity={"storage": "2Gi"}, claimRef={"name": "c"}), a_volume()) == []
    assert update_faults("", "PersistentVolume", a_volume(volumeMode="Block"), a_volume()) == ['volumeMode: Invalid value: "Block": field is immutable']


def test_a_claims_defaults() -> None:
    claim = created("", "PersistentVolumeClaim", a_claim(dataSource={"kind": "PersistentVolumeClaim", "name": "x"}))
    assert (claim["status"], claim["spec"]["volumeMode"]) == ({"phase": "Pending"}, "Filesystem")
    assert claim["spec"]["dataSourceRef"] == claim["spec"]["dataSource"]


@pytest.mark.parametrize(("claim", "expected"), [
    (a_claim(), []), (a_claim(storageClassName=""), []),
    ({"spec": {}}, ["spec.accessModes: Required value: at least 1 access mode is required", "spec.resources[storage]: Required value"]),
    (a_claim("-1"), ['spec.resources[storage]: Invalid value: "-1": must be greater than zero']),
    (a_claim(dataSourceRef={"kind": "Snapshot"}), [
        "spec.dataSource.name: Required value",
        "spec.dataSource: Invalid value: \"Snapshot\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        "spec.dataSourceRef.name: Required value",
        "spec.dataSourceRef: Invalid value: \"Snapshot\": must be 'PersistentVolumeClaim' when referencing the default apiGroup"]),
    (a_claim(dataSource={"kind": "PersistentVolumeClaim", "name": "x"}, dataSourceRef={"kind": "PersistentVolumeClaim", "name": "y"}),
     ['spec: Invalid value: "spec.dataSource": must match dataSourceRef']),
], ids=["good", "no class", "empty", "size", "source", "sources"])
def test_claims(claim: Document, expected: list[str]) -> None:
    assert faults("", "PersistentVolumeClaim", claim) == expected


BOUND = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
FROZEN = "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"


@pytest.mark.parametrize(("new", "old", "expected"), [
    (a_claim(volumeName="v"), a_claim(), []), (a_claim(storageClassName="s"), a_claim(), []), (a_claim("2Gi", BOUND), a_claim("1Gi", BOUND), []),
    (a_claim("2Gi"), a_claim(), [FROZEN + '- spec.resources.requests.storage: "1Gi"\n+ spec.resources.requests.storage: "2Gi"']),
    (a_claim(volumeName="w"), a_claim(volumeName="v"), [FROZEN + '- spec.volumeName: "v"\n+ spec.volumeName: "w"']),
    (a_claim("1Gi", BOUND), a_claim("2Gi", BOUND), ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]),
    (a_claim(), a_claim(volumeAttributesClassName="x"),
     ["spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"]),
], ids=["bound once", "class once", "grown", "grown unbound", "bound twice", "shrunk", "attributes"])
def test_claim_updates(new: Document, old: Document, expected: list[str]) -> None:
    from kubeapi.catalog import by_kind
    strategy = by_kind("", "PersistentVolumeClaim").strategy()
    after, before = (defaulted("", "PersistentVolumeClaim", each) for each in (new, old))
    assert [str(fault) for fault in strategy.validate_update(after, before)] == expected


def test_claim_statuses() -> None:
    assert status_faults("", "PersistentVolumeClaim", {"status": {"capacity": {"storage": "-1"}}}) == [
        "status.capacity[storage]: Invalid value: -1: must be a valid resource quantity"]


CLASS: Document = {"provisioner": "example.com/p"}


@pytest.mark.parametrize(("kind", "given", "expected"), [
    ("StorageClass", CLASS, []), ("StorageClass", {}, ["provisioner: Required value"]),
    ("StorageClass", {**CLASS, "reclaimPolicy": "Recycle", "volumeBindingMode": "Later"}, [
        'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
        'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"']),
    ("StorageClass", {**CLASS, "parameters": {"": "x"}}, ['parameters: Invalid value: "": field can not be empty.']),
    ("StorageClass", {**CLASS, "allowedTopologies": [{"matchLabelExpressions": [{"key": "z", "values": ["a", "a"]}, {"key": "z"}]}]}, [
        'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
        "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
        'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "z"']),
    ("VolumeAttributesClass", {"driverName": "d"}, ["parameters: Required value: must contain at least one key/value pair"]),
    ("VolumeAttachment", {"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}, []),
    ("VolumeAttachment", {"spec": {"attacher": "a", "nodeName": "n"}},
     ["spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"]),
    ("VolumeAttachment", {"spec": {"attacher": "a", "nodeName": "n", "source": {"inlineVolumeSpec": {"accessModes": ["ReadWriteOnce"], "nfs": {
        "server": "s", "path": "/x"}, "capacity": {"storage": "1"}}}}}, [
        "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
        "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes"]),
    ("CSIDriver", {"spec": {"fsGroupPolicy": "Some", "volumeLifecycleModes": ["Long"], "tokenRequests": [{"audience": "a"}, {"audience": "a"},
                                                                                                        {"audience": "b", "expirationSeconds": 1}]}}, [
        'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
        'spec.tokenRequests[1].audience: Duplicate value: "a"',
        "spec.tokenRequests[2].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
        'spec.volumeLifecycleModes: Unsupported value: "Long": supported values: "Persistent", "Ephemeral"']),
    ("CSINode", {"spec": {"drivers": [{"name": "d", "nodeID": "n", "allocatable": {"count": -1}}, {"name": "d"}]}}, [
        "spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0", "spec.drivers[1].nodeID: Required value",
        'spec.drivers[1].name: Duplicate value: "d"']),
    ("CSIStorageCapacity", {"storageClassName": "s", "capacity": "-1"}, ['capacity: Invalid value: "-1": must be greater than or equal to 0']),
], ids=lambda value: value if isinstance(value, str) else "")
def test_storage_kinds(kind: str, given: Document, expected: list[str]) -> None:
    assert faults(STORAGE, kind, given) == expected


@pytest.mark.parametrize(("kind", "new", "old", "expected"), [
    ("StorageClass", {**CLASS, "allowVolumeExpansion": True}, CLASS, []),
    ("StorageClass", {"provisioner": "x", "parameters": {"a": "b"}, "reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer"}, CLASS, [
        "parameters: Forbidden: updates to parameters are forbidden.", "provisioner: Forbidden: updates to provisioner are forbidden.",
        "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
        'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable']),
    ("VolumeAttributesClass", {"driverName": "e", "parameters": {"a": "b"}}, {"driverName": "d", "parameters": {"a": "b"}},
     ["driverName: Forbidden: updates to driverName are forbidden."]),
    ("CSIDriver", {"spec": {"attachRequired": False}}, {"spec": {}}, ["spec.attachedRequired: Invalid value: false: field is immutable"]),
    ("CSINode", {"spec": {"drivers": [{"name": "d", "nodeID": "n", "allocatable": {"count": 2}}]}}, {"spec": {"drivers": [{"name": "d", "nodeID": "n"}]}}, []),
    ("CSIStorageCapacity", {"storageClassName": "t"}, {"storageClassName": "s"}, ['storageClassName: Invalid value: "t": field is immutable']),
], ids=["class", "class frozen", "attributes", "driver", "node", "capacity"])
def test_storage_updates(kind: str, new: Document, old: Document, expected: list[str]) -> None:
    assert update_faults(STORAGE, kind, new, old) == expected


def test_defaults_of_classes_and_drivers() -> None:
    assert {name: defaulted(STORAGE, "StorageClass", CLASS)[name] for name in ("reclaimPolicy", "volumeBindingMode")} == {
        "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}
    assert defaulted(STORAGE, "CSIDriver", {"spec": {}})["spec"] == {
        "attachRequired": True, "fsGroupPolicy": "ReadWriteOnceWithFSType", "podInfoOnMount": False, "requiresRepublish": False,
        "seLinuxMount": False, "storageCapacity": False, "volumeLifecycleModes": ["Persistent"]}


@pytest.mark.parametrize(("group", "kind", "names", "document", "row"), [
    ("", "PersistentVolume", "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age | VolumeMode",
     {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
               "claimRef": {"namespace": "n", "name": "c"}, "storageClassName": "s"}, "status": {"phase": "Bound"}},
     ["a", "1Gi", "RWO,RWX", "Retain", "Bound", "n/c", "s", "<unset>", "", "60m", "<unset>"]),
    ("", "PersistentVolumeClaim", "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age | VolumeMode",
     {"spec": {"volumeName": "v", "volumeMode": "Block"}, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOncePod"]}},
     ["a", "Bound", "v", "1Gi", "RWOP", "", "<unset>", "60m", "Block"]),
    (STORAGE, "StorageClass", "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age",
     {**CLASS, "metadata": {**META, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
     ["a (default)", "example.com/p", "Delete", "Immediate", False, "60m"]),
    (STORAGE, "VolumeAttributesClass", "Name, DriverName, Age", {"driverName": "d"}, ["a", "d", "60m"]),
    (STORAGE, "VolumeAttachment", "Name, Attacher, PV, Node, Attached, Age",
     {"spec": {"attacher": "x", "nodeName": "n", "source": {"persistentVolumeName": "v"}}, "status": {"attached": True}}, ["a", "x", "v", "n", True, "60m"]),
    (STORAGE, "CSIDriver", "Name, AttachRequired, PodInfoOnMount, StorageCapacity, TokenRequests, RequiresRepublish, Modes, Age", {"spec": {}},
     ["a", True, False, False, "<unset>", False, "<none>", "60m"]),
    (STORAGE, "CSINode", "Name, Drivers, Age", {"spec": {"drivers": [{}]}}, ["a", 1, "60m"]),
    (STORAGE, "CSIStorageCapacity", "Name, StorageClassName, Capacity", {"storageClassName": "s"}, ["a", "s", "<unset>"]),
], ids=lambda value: value if isinstance(value, str) and " " not in value else "")
def test_rows(group: str, kind: str, names: str, document: Document, row: list[Any]) -> None:
    assert columns(group, kind) == names
    assert cells(group, kind, document) == row
