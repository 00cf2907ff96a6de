"""kubectl beside daemon sets: rollouts of what keeps its templates as ControllerRevisions, and how they are described."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubectl.conftest import Kubectl
from tests.unit.kubectl.fakeserver import FakeServer

Document = dict[str, Any]
TEXT = """Pod Template:
  Labels:	app=agent
  Containers:
   c:
    Image:	i:{}
    Port:	<none>
    Host Port:	<none>
    Environment:	<none>
    Mounts:	<none>
  Volumes:	<none>
  Node-Selectors:	<none>
  Tolerations:	<none>
"""


def a_template(image: str) -> Document:
    return {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def a_daemon_set(image: str = "i:3", name: str = "agent", type: str = "RollingUpdate") -> Document:
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "default", "uid": f"{name}-uid", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": a_template(image), "updateStrategy": {"type": type}},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}}


def a_revision(number: int, image: str, cause: str = "", owner: str = "agent") -> Document:
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": number, "data": {"spec": {"template": {"$patch": "replace", **a_template(image)}}},
            "metadata": {"name": f"{owner}-{number}", "namespace": "default", "annotations": {"kubernetes.io/change-cause": cause} if cause else {},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": owner, "uid": f"{owner}-uid", "controller": True}]}}


@pytest.fixture(autouse=True)
def daemons(fake: FakeServer) -> None:
    fake.add(a_daemon_set(), a_revision(1, "i:1"), a_revision(2, "i:2", "because"), a_revision(3, "i:3"),
             a_daemon_set("i:1", "lone", "OnDelete"), a_revision(1, "i:1", owner="lone"))


@pytest.mark.parametrize(("line", "out"), [
    ("rollout history ds/agent", "daemonset.apps/agent \nREVISION  CHANGE-CAUSE\n1         <none>\n2         because\n3         <none>\n\n"),
    ("rollout history ds/agent --revision=2", f"daemonset.apps/agent with revision #2\n{TEXT.format(2)}\n"),
    ("rollout history ds/agent -o name", "daemonset.apps/agent\n" * 3),
    ("rollout history ds/agent --revision=1 -o jsonpath='{.kind} {.spec.template.spec.containers[0].image}'", "DaemonSet i:1"),
    ("rollout history deploy/web -o name", "replicaset.apps/web-1\nreplicaset.apps/web-2\n"),
    ("rollout undo ds/agent", "daemonset.apps/agent rolled back\n"),
    ("rollout undo ds/agent --to-revision=3", "daemonset.apps/agent skipped rollback (current template already matches revision 3)\n"),
    ("rollout undo ds/agent --to-revision=1 --dry-run=server", "daemonset.apps/agent rolled back (server dry run)\n"),
    ("rollout undo ds/agent --dry-run=client", f"daemonset.apps/agent will roll back to {TEXT.format(2)} (dry run)\n"),
    ("rollout restart ds/agent", "daemonset.apps/agent restarted\n"),
    ("rollout status ds/agent", 'daemon set "agent" successfully rolled out\n'),
])
def test_what_is_printed(kubectl: Kubectl, line: str, out: str) -> None:
    ran = kubectl(line)
    assert (ran.out, ran.err, ran.code) == (out, "", 0)


@pytest.mark.parametrize(("line", "err"), [
    ("rollout undo ds/agent --to-revision=9", "error: unable to find specified revision 9 in history\n"),
    ("rollout undo ds/agent --to-revision=-1", "error: unable to find specified revision -1 in history\n"),
    ("rollout undo ds/lone", "error: no last revision to roll back to\n"),
    ("rollout history ds/agent --revision=9", "error: unable to find the specified revision\n"),
    ("rollout status ds/lone", "error: rollout status is only available for RollingUpdate strategy type\n"),
    ("rollout pause ds/agent", 'error: daemonsets.apps "agent" pausing is not supported\n'),
    ("rollout undo rs/web-1", 'error: no rollbacker has been implemented for "ReplicaSet.apps"\n'),
    ("rollout history pod/a", 'error: no history viewer has been implemented for "Pod"\n'),
    ("rollout undo svc/s", 'error: error retrieving rollbacker for "Service", no visitor method exists for { Service}\n'),
    ("rollout status rs/web-1", "error: no status viewer has been implemented for ReplicaSet.apps\n"),
])
def test_failure_says_why(kubectl: Kubectl, line: str, err: str) -> None:
    ran = kubectl(line)
    assert (ran.err, ran.code) == (err, 1)


@pytest.mark.parametrize(("line", "image"), [("rollout undo ds/agent", "i:2"), ("rollout undo ds/agent --to-revision=1", "i:1")])
def test_going_back_sends_what_the_revision_keeps(kubectl: Kubectl, fake: FakeServer, line: str, image: str) -> None:
    assert kubectl(line).code == 0
    path, body = next((path, body) for method, path, body in fake.requests if method == "PATCH")
    assert path.startswith("/apis/apps/v1/namespaces/default/daemonsets/agent")
    assert body == a_revision(1, image)["data"]
    assert next(each for key, each in fake.objects.items() if "agent" in key and each["kind"] == "DaemonSet")["spec"]["template"] == a_template(image)


DESCRIBED = """Name:           agent
Selector:       app=agent
Node-Selector:  <none>
Labels:         <none>
Annotations:    <none>
Desired Number of Nodes Scheduled: 2
Current Number of Nodes Scheduled: 0
Number of Nodes Scheduled with Up-to-date Pods: 2
Number of Nodes Scheduled with Available Pods: 2
Number of Nodes Misscheduled: 0
Pods Status:  0 Running / 0 Waiting / 0 Succeeded / 0 Failed
Pod Template:
  Labels:  app=agent
  Containers:
   c:
    Image:         i:3
    Port:          <none>
    Host Port:     <none>
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:            <none>
"""


def test_a_daemon_set_is_described(kubectl: Kubectl) -> None:
    assert kubectl("describe ds agent").out == DESCRIBED
