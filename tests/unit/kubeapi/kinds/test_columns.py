"""Columns: what `get` shows of each kind."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_kind

Document = dict[str, Any]
NOW = 1767225600.0                                # 2026-01-01T00:00:00Z
META = {"name": "a", "creationTimestamp": "2025-12-31T23:00:00Z"}


def cells(group: str, kind: str, document: Document, wide: bool = False) -> dict[str, Any]:
    return {column.name: column.cell(document, NOW) for column in by_kind(group, kind).columns() if wide or not column.priority}


def a_status(state: Document, ready: bool = False, restarts: int = 0, name: str = "c", **more: Any) -> Document:
    return {"name": name, "state": state, "ready": ready, "restartCount": restarts, **more}


RUNNING: Document = {"running": {}}
ENDED: Document = {"terminated": {"exitCode": 0, "reason": "Completed"}}
READY = [{"type": "Ready", "status": "True"}]


@pytest.mark.parametrize(("status", "shown"), [
    ({"phase": "Pending"}, ("0/1", "Pending", "0")),
    ({"phase": "Running", "containerStatuses": [a_status(RUNNING, True)]}, ("1/1", "Running", "0")),
    ({"phase": "Running", "containerStatuses": [a_status({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=3, lastState={
        "terminated": {"finishedAt": "2025-12-31T23:55:00Z"}})]}, ("0/1", "CrashLoopBackOff", "3 (5m ago)")),
    ({"phase": "Succeeded", "containerStatuses": [a_status(ENDED)]}, ("0/1", "Completed", "0")),
    ({"phase": "Failed", "containerStatuses": [a_status({"terminated": {"exitCode": 7}})]}, ("0/1", "ExitCode:7", "0")),
    ({"phase": "Failed", "containerStatuses": [a_status({"terminated": {"exitCode": 137, "signal": 9}})]}, ("0/1", "Signal:9", "0")),
    ({"phase": "Failed", "reason": "Evicted"}, ("0/1", "Evicted", "0")),
    ({"phase": "Running", "conditions": READY, "containerStatuses": [a_status(ENDED, name="b"), a_status(RUNNING, True)]},
     ("1/1", "Running", "0")),
    ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
     ("0/1", "SchedulingGated", "0")),
], ids=["pending", "running", "crashing", "completed", "exit code", "signal", "evicted", "one still runs", "gated"])
def test_pods(status: Document, shown: tuple[str, str, str]) -> None:
    row = cells("", "Pod", {"metadata": META, "spec": {"containers": [{"name": "c"}]}, "status": status})
    assert (row["Ready"], row["Status"], row["Restarts"]) == shown
    assert (row["Name"], row["Age"]) == ("a", "60m")


@pytest.mark.parametrize(("statuses", "shown"), [
    ([a_status(RUNNING), a_status({"waiting": {}})], "Init:0/2"), ([a_status(ENDED), a_status(RUNNING)], "Init:1/2"),
    ([a_status({"waiting": {"reason": "ErrImagePull"}})], "Init:ErrImagePull"),
    ([a_status({"terminated": {"exitCode": 2, "reason": "Error"}})], "Init:Error"), ([a_status({"terminated": {"exitCode": 2}})], "Init:ExitCode:2"),
], ids=["first", "second", "waiting", "error", "exit code"])
def test_pods_being_initialized(statuses: list[Document], shown: str) -> None:
    pod = {"metadata": META, "spec": {"containers": [{}], "initContainers": [{"name": "i"}, {"name": "j"}]},
           "status": {"phase": "Pending", "initContainerStatuses": statuses}}
    assert cells("", "Pod", pod)["Status"] == shown


def test_a_dying_pod_is_terminating() -> None:
    pod = {"metadata": {**META, "deletionTimestamp": META["creationTimestamp"]}, "spec": {}, "status": {"phase": "Running"}}
    assert cells("", "Pod", pod)["Status"] == "Terminating"


def test_a_running_sidecar_counts() -> None:
    pod = {"metadata": META, "spec": {"containers": [{"name": "c"}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]},
           "status": {"phase": "Running", "initContainerStatuses": [a_status(RUNNING, True, 2, "s", started=True)],
                      "containerStatuses": [a_status(RUNNING, True, 1)]}}
    row = cells("", "Pod", pod)
    assert (row["Ready"], row["Status"], row["Restarts"]) == ("2/2", "Running", "3")


def test_wide_pods() -> None:
    pod = {"metadata": META, "spec": {"nodeName": "n"}, "status": {"podIPs": [{"ip": "1.2.3.4"}]}}
    row = cells("", "Pod", pod, wide=True)
    assert list(row) == ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node", "Readiness Gates"]
    assert list(row.values())[5:] == ["1.2.3.4", "n", "<none>", "<none>"]


WORKLOAD = {"selector": {"matchLabels": {"app": "web"}}, "replicas": 3,
            "template": {"spec": {"containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j"}]}}}


@pytest.mark.parametrize(("group", "kind", "document", "row"), [
    ("apps", "Deployment", {"spec": WORKLOAD, "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}},
     ["a", "2/3", 3, 1, "60m", "c,d", "i:1,j", "app=web"]),
    ("apps", "ReplicaSet", {"spec": WORKLOAD, "status": {"replicas": 2}}, ["a", 3, 2, 0, "60m", "c,d", "i:1,j", "app=web"]),
    ("", "Namespace", {"status": {"phase": "Active"}}, ["a", "Active", "60m"]),
    ("", "ConfigMap", {"data": {"x": "1"}, "binaryData": {"y": ""}}, ["a", 2, "60m"]),
    ("", "Secret", {"type": "Opaque", "data": {"x": ""}}, ["a", "Opaque", 1, "60m"]),
    ("", "ServiceAccount", {}, ["a", 0, "60m"]),
    ("coordination.k8s.io", "Lease", {"spec": {"holderIdentity": "n"}}, ["a", "n", "60m"]),
    ("", "Service", {"spec": {"type": "NodePort", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
                              "selector": {"b": "2", "a": "1"}}},
     ["a", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP", "60m", "a=1,b=2"]),
    ("", "Endpoints", {"subsets": [{"addresses": [{"ip": f"1.1.1.{n}"} for n in range(5)], "ports": [{"port": 80}]}]},
     ["a", "1.1.1.0:80,1.1.1.1:80,1.1.1.2:80 + 2 more...", "60m"]),
    ("scheduling.k8s.io", "PriorityClass", {"value": 5}, ["a", 5, False, "60m", ""]),
    ("", "Node", {"spec": {"unschedulable": True}, "status": {"conditions": READY, "nodeInfo": {"kubeletVersion": "v1"},
                                                              "addresses": [{"type": "InternalIP", "address": "1.2.3.4"}]}},
     ["a", "Ready,SchedulingDisabled", "<none>", "60m", "v1", "1.2.3.4", "<none>", "<unknown>", "<unknown>", "<unknown>"]),
    ("", "Event", {"lastTimestamp": "2025-12-31T23:59:00Z", "type": "Normal", "reason": "Pulled", "message": "m", "count": 4,
                   "involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "kubelet", "host": "n"}},
     ["60s", "Normal", "Pulled", "pod/p", "", "kubelet, n", "m", "<unknown>", 4, "a"]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_rows(group: str, kind: str, document: Document, row: list[Any]) -> None:
    assert list(cells(group, kind, {"metadata": META, **document}, wide=True).values()) == row
