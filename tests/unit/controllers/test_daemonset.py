"""DaemonSet: which nodes get a pod, how pods are replaced, and the writes of it."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from controllers.daemonset.nodes import Placement, daemon_tolerations, pod_templates, target_node
from controllers.deployment.templates import template_hash
from controllers.revisions import REVISION_LABEL, data_of
from kubeapi import errors
from kubeapi.generated.models.apps_v1 import ControllerRevision, DaemonSet
from kubeapi.generated.models.core_v1 import Node, Pod, PodSpec
from kubeclient.testing import create, delete, patch, update, update_status
from tests.unit.controllers.daemons import Scene, a_daemon_set, a_node
from tests.unit.controllers.harness import PODS, Document, a_template, lose_the_first_pod, make_ready, pods
from tests.virtualtime import run

NODES = (a_node("n1"), a_node("n2"), a_node("n3"))
SURGE = {"maxSurge": 1, "maxUnavailable": 0}


def play(scene: Scene, *acts: Callable[[], object], seconds: float = 30) -> None:
    """Each act after the one before had this time to have its effects."""
    async def scenario() -> None:
        async with scene.playing():
            await asyncio.sleep(seconds)
            for act in acts:
                act()
                await asyncio.sleep(seconds)

    run(scenario())


def with_template(**spec: Any) -> DaemonSet:
    return a_daemon_set(template={"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}], **spec}})


# --- which nodes

def needs(*terms: Document) -> Document:
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}}


ON_ZONE_A = needs({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]})
ON_N1 = needs({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]})


@pytest.mark.parametrize(("spec", "node", "expected"), [
    pytest.param({}, a_node("n1"), (True, True), id="any"),
    pytest.param({"nodeSelector": {"disk": "ssd"}}, a_node("n1", disk="ssd"), (True, True), id="selected"),
    pytest.param({"nodeSelector": {"disk": "ssd"}}, a_node("n1"), (False, False), id="not selected"),
    pytest.param(ON_ZONE_A, a_node("n1", zone="a"), (True, True), id="by affinity"),
    pytest.param(ON_ZONE_A, a_node("n1", zone="b"), (False, False), id="not by affinity"),
    pytest.param(ON_N1, a_node("n1"), (True, True), id="by name"),
    pytest.param(ON_N1, a_node("n2"), (False, False), id="by another name"),
    pytest.param({"nodeName": "n1"}, a_node("n1"), (True, True), id="the node"),
    pytest.param({"nodeName": "n1"}, a_node("n2"), (False, False), id="not the node"),
    pytest.param({}, a_node("n1", ("x", "NoSchedule")), (False, True), id="NoSchedule keeps the new away"),
    pytest.param({}, a_node("n1", ("x", "NoExecute")), (False, False), id="NoExecute keeps all away"),
    pytest.param({}, a_node("n1", ("x", "PreferNoSchedule")), (True, True), id="PreferNoSchedule keeps nobody away"),
    pytest.param({"tolerations": [{"key": "x", "operator": "Exists"}]}, a_node("n1", ("x", "NoExecute"), ("x", "NoSchedule")), (True, True), id="tolerated"),
    *(pytest.param({}, a_node("n1", (f"node.kubernetes.io/{key}", effect)), (True, True), id=key) for key, effect in (
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"), ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"))),
    pytest.param({}, a_node("n1", ("node.kubernetes.io/not-ready", "NoSchedule")), (False, True), id="not-ready NoSchedule is not tolerated"),
    pytest.param({}, a_node("n1", ("node.kubernetes.io/network-unavailable", "NoSchedule")), (False, True), id="without a network"),
    pytest.param({"hostNetwork": True}, a_node("n1", ("node.kubernetes.io/network-unavailable", "NoSchedule")), (True, True), id="without need of a network"),
])
def test_which_nodes_suit(spec: Document, node: Node, expected: tuple[bool, bool]) -> None:
    assert Placement(with_template(**spec)).fit(node) == expected


def test_a_daemon_tolerates_its_nodes_troubles_without_end() -> None:
    spec = PodSpec.from_wire({"containers": [], "tolerations": [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}, {"key": "x", "operator": "Exists"}]})
    tolerations = daemon_tolerations(spec)
    assert [(one.key.rpartition("/")[2], one.effect, one.toleration_seconds) for one in tolerations] == [
        ("not-ready", "NoExecute", None), ("x", "", None), ("unreachable", "NoExecute", None), ("disk-pressure", "NoSchedule", None),
        ("memory-pressure", "NoSchedule", None), ("pid-pressure", "NoSchedule", None), ("unschedulable", "NoSchedule", None)]


def test_a_pod_is_pinned_to_its_node_and_what_was_only_preferred_stays() -> None:
    preferred = [{"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]
    spec: Document = {"affinity": {"nodeAffinity": {**ON_ZONE_A["affinity"]["nodeAffinity"], "preferredDuringSchedulingIgnoredDuringExecution": preferred}}}
    template = pod_templates(with_template(**spec), ["n7"], "hhh")[0].to_wire()
    assert template["spec"]["affinity"]["nodeAffinity"] == {
        "preferredDuringSchedulingIgnoredDuringExecution": preferred, "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n7"]}]}]}}
    assert template["metadata"]["labels"] == {"app": "a", "controller-revision-hash": "hhh", "pod-template-generation": "1"}
    assert target_node(Pod.from_wire({"metadata": {}, "spec": template["spec"]})) == "n7"


# --- pods come and go

def test_every_node_gets_a_pod_of_the_first_revision() -> None:
    scene = Scene(a_daemon_set(), *NODES)
    play(scene)
    assert scene.images() == {"n1": ["i:1"], "n2": ["i:1"], "n3": ["i:1"]}
    assert scene.writes()[:4] == [create("controllerrevisions"), create("pods"), create("pods"), create("pods")]
    assert set(scene.writes()[4:]) == {update_status("daemonsets")}
    assert scene.counts() == (3, 3, 0, 3, 3, 3, 0)
    assert sorted(scene.events("SuccessfulCreate")) == sorted(f"Created pod: {one['metadata']['name']}" for one in pods(scene.fake))
    revision, = scene.fake.all(ControllerRevision)
    hashed = template_hash(scene.daemon_set.spec.template, None)
    assert (revision.metadata.name, revision.revision, revision.data) == (f"d-{hashed}", 1, data_of(scene.daemon_set.spec.template))
    assert revision.metadata.labels == {"app": "a", REVISION_LABEL: hashed}
    assert scene.hashes() == {hashed}


def test_pods_are_made_in_batches_that_double() -> None:
    scene = Scene(a_daemon_set(), *(a_node(f"n{number}") for number in range(7)))
    scene.fake.server.latency_seconds = 1.0
    times: list[float] = []
    original = scene.fake.server._create

    def noted(target: Any, body: Any) -> Any:
        if target.path == "pods":
            times.append(round(asyncio.get_running_loop().time(), 1))
        return original(target, body)

    scene.fake.server._create = noted                   # type: ignore[method-assign]
    play(scene, seconds=60)
    assert [times.count(moment) for moment in dict.fromkeys(times)] == [1, 2, 4]


def relabel(scene: Scene, name: str, **labels: str) -> None:
    node = scene.fake.find(Node, name)
    assert node is not None
    scene.fake.add(node.evolve(metadata=node.metadata.evolve(labels=labels)))


def taint(scene: Scene, name: str, *taints: tuple[str, str]) -> None:
    scene.fake.add(a_node(name, *taints))


@pytest.mark.parametrize(("spec", "act", "nodes", "misscheduled"), [
    pytest.param({}, lambda scene: scene.fake.add(a_node("n4")), ["n1", "n2", "n3", "n4"], 0, id="a node comes"),
    pytest.param({}, lambda scene: taint(scene, "n2", ("x", "NoSchedule")), ["n1", "n2", "n3"], 1, id="NoSchedule: stays, misscheduled"),
    pytest.param({}, lambda scene: taint(scene, "n2", ("x", "NoExecute")), ["n1", "n3"], 0, id="NoExecute: leaves"),
    pytest.param({}, lambda scene: taint(scene, "n2", ("node.kubernetes.io/unreachable", "NoExecute")), ["n1", "n2", "n3"], 0, id="unreachable: stays"),
    pytest.param({"nodeSelector": {"a": "b"}}, lambda scene: relabel(scene, "n2", a="b"), ["n2"], 0, id="a label comes"),
])
def test_as_nodes_change(spec: Document, act: Callable[[Scene], object], nodes: list[str], misscheduled: int) -> None:
    scene = Scene(with_template(**spec), *NODES)
    play(scene, lambda: act(scene))
    assert list(scene.images()) == nodes
    assert scene.counts()[2] == misscheduled


def test_a_label_that_goes_takes_the_pod_with_it() -> None:
    scene = Scene(with_template(nodeSelector={"a": "b"}), a_node("n1", a="b"), a_node("n2"))
    play(scene, lambda: relabel(scene, "n1"))
    assert scene.images() == {}
    assert scene.counts() == (0, 0, 0, 0, 0, 0, 0)
    assert len(scene.events("SuccessfulDelete")) == 1


def test_a_heartbeat_of_a_node_is_no_reason_to_look() -> None:
    scene = Scene(a_daemon_set(), *NODES)
    before: list[int] = []

    def beat() -> None:
        before.append(len(scene.fake.server.requests))
        node = scene.fake.find(Node, "n1")
        assert node is not None
        scene.fake.add(Node.from_wire({**node.to_wire(), "status": {"conditions": [{"type": "Ready", "status": "True"}]}}))

    play(scene, beat)
    assert len(scene.fake.server.requests) == before[0]


def test_a_dead_pod_is_replaced_where_it_was() -> None:
    scene = Scene(a_daemon_set(), *NODES)
    play(scene, lambda: scene.fake.remove(scene.on("n2")[0]))
    assert scene.images() == {"n1": ["i:1"], "n2": ["i:1"], "n3": ["i:1"]}
    assert scene.writes().count(create("pods")) == 4


def test_a_pod_on_its_way_out_keeps_its_place() -> None:
    scene = Scene(a_daemon_set(), *NODES)

    def doom() -> None:
        pod, = scene.on("n2")
        scene.fake.add(Pod.from_wire({**pod.to_wire(), "metadata": {**pod.to_wire()["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z",
                                                                    "finalizers": ["x"]}}))

    play(scene, doom)
    assert scene.images() == {"n1": ["i:1"], "n3": ["i:1"]}
    assert scene.writes().count(create("pods")) == 3


def test_of_two_pods_on_a_node_the_oldest_stays() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))
    second: list[str] = []

    def double() -> None:
        document = scene.on("n1")[0].to_wire()
        document["metadata"] = {key: value for key, value in document["metadata"].items() if key not in ("uid", "creationTimestamp", "resourceVersion")}
        document["metadata"]["name"] = "a-twin"
        second.append(scene.fake.add(Pod.from_wire(document)).metadata.uid)

    play(scene, double)
    kept, = scene.on("n1")
    assert kept.metadata.uid not in second
    assert scene.writes().count(delete("pods")) == 1


def test_orphans_it_selects_are_adopted_and_strangers_released() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"), a_node("n2"))
    orphan = {"metadata": {"name": "orphan", "namespace": "default", "labels": {"app": "a"}}, "spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Running"}}
    scene.fake.add(Pod.from_wire(orphan))

    def estrange() -> None:
        pod, = scene.on("n2")
        scene.fake.add(pod.evolve(metadata=pod.metadata.evolve(name=pod.metadata.name, labels={"app": "b"})))

    play(scene, estrange)
    assert scene.writes().count(patch("pods")) == 2
    owners = {pod.metadata.labels["app"]: [owner.name for owner in pod.metadata.owner_references] for pod in scene.on("n2")}
    assert owners == {"b": [], "a": ["d"]}


def test_one_that_is_being_deleted_does_nothing() -> None:
    document = a_daemon_set().to_wire()
    document["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x"]}
    scene = Scene(DaemonSet.from_wire(document), *NODES)
    play(scene)
    assert scene.writes() == []


def test_one_that_selects_everything_is_told_so() -> None:
    scene = Scene(a_daemon_set(selector={}), *NODES)
    play(scene)
    assert scene.writes() == []
    assert scene.events("SelectingAll") == ["This daemon set is selecting all pods. A non-empty selector is required."]


def test_pods_not_yet_scheduled_on_a_lost_node_are_deleted() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))
    unbound = pod_templates(scene.daemon_set, ["lost"], "x")[0].to_wire()
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": scene.daemon_set.metadata.uid, "controller": True}
    scene.fake.add(Pod.from_wire({"metadata": {"name": "p", "namespace": "default", "labels": {"app": "a"}, "ownerReferences": [owner]}, "spec": unbound["spec"]}))
    play(scene)
    assert list(scene.images()) == ["n1"]


def test_what_cannot_be_created_is_told_and_tried_again() -> None:
    scene = Scene(a_daemon_set(), *NODES)
    scene.fake.server.fail("create", "pods", *[errors.forbidden("pods", "", "", "exceeded quota")] * 5)
    play(scene)
    assert len(scene.images()) == 3
    assert scene.events("FailedCreate") == ["Error creating: pods is forbidden: exceeded quota"]


# --- failed pods

def test_a_failed_pod_is_replaced_and_each_time_it_takes_longer() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))
    ends: list[float] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with scene.playing():
            await asyncio.sleep(5)
            for _ in range(6):
                pod, = scene.on("n1")
                scene.fail("n1")
                began = loop.time()
                while any(one.metadata.uid == pod.metadata.uid for one in scene.on("n1")) or not scene.on("n1"):
                    await asyncio.sleep(0.05)
                ends.append(round(loop.time() - began))

    run(scenario())
    assert ends == [0, 1, 2, 4, 8, 16]
    assert len(scene.events("FailedDaemonPod")) == 6
    assert all(told.startswith("Found failed daemon pod default/d-") and told.endswith(" on node n1, will try to kill it")
               for told in scene.events("FailedDaemonPod"))


def test_with_surge_too_a_failed_pod_is_not_replaced_before_its_time() -> None:
    scene = Scene(a_daemon_set(rolling=SURGE), a_node("n1"))
    counts: list[int] = []

    async def scenario() -> None:
        async with scene.playing():
            await asyncio.sleep(5)
            for _ in range(40):
                for pod in scene.on("n1"):
                    scene.fake.add(pod.evolve(status=pod.status.evolve(phase="Failed", conditions=())))
                await asyncio.sleep(1)
                counts.append(len(scene.on("n1")))

    run(scenario())
    assert max(counts) == 1
    assert scene.writes().count(create("pods")) < 9


def test_a_pod_that_ended_well_is_replaced_too() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))

    def end() -> None:
        pod, = scene.on("n1")
        scene.fake.add(pod.evolve(status=pod.status.evolve(phase="Succeeded", conditions=())))

    play(scene, end)
    assert scene.images() == {"n1": ["i:1"]}
    assert len(scene.events("SucceededDaemonPod")) == 1


# --- updates

def changes(scene: Scene) -> list[tuple[str, str]]:
    """Creations and deletions of pods in order, by node."""
    nodes = {pod.metadata.name: target_node(pod) for pod in (Pod.from_wire(change.after) for change in scene.fake.server._shelf(
        PODS).log)}
    return [(write.action.verb, nodes[write.body["metadata"]["name"] if write.action.verb == "create" else write.key.name])
            for write in scene.fake.writes if write.action.resource == "pods" and write.action.verb in ("create", "delete")]


_ALL = [("create", "n1"), ("create", "n2"), ("create", "n3")]


@pytest.mark.parametrize(("rolling", "expected"), [
    pytest.param({"maxUnavailable": 1, "maxSurge": 0},
                 [("delete", "n1"), ("create", "n1"), ("delete", "n2"), ("create", "n2"), ("delete", "n3"), ("create", "n3")], id="one less"),
    pytest.param({"maxUnavailable": "67%", "maxSurge": 0},
                 [("delete", "n1"), ("delete", "n2"), ("delete", "n3"), ("create", "n1"), ("create", "n2"), ("create", "n3")], id="three less"),
    pytest.param({"maxUnavailable": 0, "maxSurge": 1},
                 [("create", "n1"), ("delete", "n1"), ("create", "n2"), ("delete", "n2"), ("create", "n3"), ("delete", "n3")], id="one more"),
    pytest.param({"maxUnavailable": 0, "maxSurge": "100%"},
                 [("create", "n1"), ("create", "n2"), ("create", "n3"), ("delete", "n1"), ("delete", "n2"), ("delete", "n3")], id="all at once"),
])
def test_an_update_goes_node_by_node(rolling: Document, expected: list[tuple[str, str]]) -> None:
    scene = Scene(a_daemon_set(rolling=rolling), *NODES)
    play(scene, lambda: scene.change(template=a_template("i:2")))
    assert scene.images() == {"n1": ["i:2"], "n2": ["i:2"], "n3": ["i:2"]}
    assert changes(scene) == _ALL + expected
    assert scene.counts() == (3, 3, 0, 3, 3, 3, 0)
    assert scene.revisions() == {1: "i:1", 2: "i:2"}


def test_on_delete_nothing_is_replaced_before_somebody_deletes_it() -> None:
    scene = Scene(a_daemon_set(updateStrategy={"type": "OnDelete"}), *NODES)
    play(scene, lambda: scene.change(template=a_template("i:2")), lambda: scene.fake.remove(scene.on("n2")[0]))
    assert scene.images() == {"n1": ["i:1"], "n2": ["i:2"], "n3": ["i:1"]}
    assert scene.counts()[4] == 1


@pytest.mark.parametrize(("rolling", "images"), [
    pytest.param({"maxUnavailable": 1, "maxSurge": 0}, {"n1": ["i:2"], "n2": ["i:1"], "n3": ["i:1"]}, id="one less"),
    pytest.param({"maxUnavailable": 0, "maxSurge": 1}, {"n1": ["i:1", "i:2"], "n2": ["i:1"], "n3": ["i:1"]}, id="one more"),
])
def test_an_update_that_does_not_get_ready_stops_and_is_undone(rolling: Document, images: dict[str, list[str]]) -> None:
    scene = Scene(a_daemon_set(rolling=rolling), *NODES)
    between: list[dict[str, list[str]]] = []

    def break_it() -> None:
        scene.stuck = {"n1", "n2", "n3"}
        scene.change(template=a_template("i:2"))

    def undo() -> None:
        between.append(scene.images())
        scene.stuck = set()
        scene.change(template=a_template("i:1"))

    play(scene, break_it, undo, seconds=100)
    assert between == [images]
    assert scene.images() == {"n1": ["i:1"], "n2": ["i:1"], "n3": ["i:1"]}
    assert scene.revisions() == {2: "i:2", 3: "i:1"}


def unready(scene: Scene, node: str) -> None:
    scene.stuck = {node}
    make_ready(scene.fake, scene.world, scene.on(node)[0].metadata.name, ready=False)


def test_old_pods_that_are_not_available_go_first_and_count() -> None:
    """n3's is down already: with one allowed to be unavailable, no other may go before it is up again."""
    scene = Scene(a_daemon_set(), *NODES)

    def act() -> None:
        unready(scene, "n3")
        scene.change(template=a_template("i:2"))

    play(scene, act)
    assert scene.images() == {"n1": ["i:1"], "n2": ["i:1"], "n3": ["i:2"]}


def test_a_new_pod_is_available_only_after_min_ready_seconds() -> None:
    scene = Scene(a_daemon_set(minReadySeconds=100), *NODES)

    async def scenario() -> None:
        async with scene.playing():
            await asyncio.sleep(5)
            assert (scene.counts()[3], scene.counts()[5]) == (3, 0)
            await asyncio.sleep(100)
            assert scene.counts()[5] == 3
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(50)
            assert sorted(scene.images().values()) == [["i:1"], ["i:1"], ["i:2"]]
            await asyncio.sleep(400)
            assert scene.counts() == (3, 3, 0, 3, 3, 3, 0)

    run(scenario())


def test_with_surge_a_node_that_suits_no_more_keeps_its_pod_until_another_has_one() -> None:
    spec = {"spec": {"containers": [{"name": "c", "image": "i:2"}]}, "metadata": {"labels": {"app": "a"}}}
    scene = Scene(a_daemon_set(rolling=SURGE), a_node("n1"))
    between: list[dict[str, list[str]]] = []

    def move() -> None:
        scene.stuck = {"n2"}
        taint(scene, "n1", ("x", "NoSchedule"))
        scene.fake.add(a_node("n2"))
        scene.change(template=spec)

    def arrive() -> None:
        between.append(scene.images())
        scene.stuck = set()
        for pod in scene.on("n2"):
            make_ready(scene.fake, scene.world, pod.metadata.name)

    play(scene, move, arrive)
    assert between == [{"n1": ["i:1"], "n2": ["i:2"]}]
    assert scene.images() == {"n2": ["i:2"]}


# --- revisions

def test_going_back_gives_the_old_revision_a_new_number() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))
    play(scene, lambda: scene.change(template=a_template("i:2")), lambda: scene.change(template=a_template("i:1")))
    assert scene.revisions() == {2: "i:2", 3: "i:1"}
    assert scene.writes().count(create("controllerrevisions")) == 2
    assert scene.writes().count(update("controllerrevisions")) == 1


def test_old_revisions_are_forgotten_but_none_that_a_pod_has() -> None:
    scene = Scene(a_daemon_set(revisionHistoryLimit=1, updateStrategy={"type": "OnDelete"}), a_node("n1"))
    play(scene, *(lambda image=image: scene.change(template=a_template(image)) for image in ("i:2", "i:3", "i:4")))
    assert scene.revisions() == {1: "i:1", 4: "i:4"}


def test_a_hash_that_is_taken_is_counted_and_another_is_found() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))
    hashed = template_hash(scene.daemon_set.spec.template, None)
    scene.fake.add(ControllerRevision.from_wire({"metadata": {"name": f"d-{hashed}", "namespace": "default"}, "revision": 1, "data": {}}))
    play(scene)
    status = scene.daemon_set.status
    assert status is not None and status.collision_count == 1
    assert scene.images() == {"n1": ["i:1"]}
    assert scene.hashes() == {template_hash(scene.daemon_set.spec.template, 1)}


def test_revisions_with_one_template_become_one_and_no_pod_is_replaced() -> None:
    scene = Scene(a_daemon_set(), *NODES)

    def twin() -> None:
        one, = scene.fake.all(ControllerRevision)
        meta = one.metadata.evolve(name="d-twin", uid="", resource_version="", labels={"app": "a", REVISION_LABEL: "twin"})
        document = one.evolve(metadata=meta, revision=2).to_wire()
        scene.fake.add(ControllerRevision.from_wire({**document, "metadata": {key: value for key, value in document["metadata"].items() if value and key != "creationTimestamp"}}))

    play(scene, twin)
    assert scene.revisions() == {2: "i:1"}
    assert scene.hashes() == {"twin"}
    assert (scene.writes().count(create("pods")), scene.writes().count(delete("pods"))) == (3, 0)


def test_what_rolls_back_is_a_patch_of_the_whole_template() -> None:
    assert data_of(a_daemon_set().spec.template) == {"spec": {"template": {"$patch": "replace", "metadata": {"labels": {"app": "a"}}, "spec": {
        "containers": [{"image": "i:1", "name": "c", "resources": {}}]}}}}


def test_a_revision_remembers_why() -> None:
    daemon_set = a_daemon_set()
    annotated = daemon_set.evolve(metadata=daemon_set.metadata.evolve(annotations={"kubernetes.io/change-cause": "because"}))
    scene = Scene(annotated, a_node("n1"))
    play(scene)
    assert scene.fake.all(ControllerRevision)[0].metadata.annotations["kubernetes.io/change-cause"] == "because"


# --- peace and trouble

def test_nothing_is_written_when_all_is_well() -> None:
    scene = Scene(a_daemon_set(), *NODES)
    before: list[int] = []
    play(scene, lambda: before.append(len(scene.fake.writes)), seconds=700)
    assert len(scene.fake.writes) == before[0]


def test_a_watch_that_is_behind_makes_no_pod_too_many() -> None:
    scene = Scene(a_daemon_set(), *NODES)

    def deafen() -> None:
        scene.fake.server.is_mute = True
        scene.fake.server.break_watches()
        scene.fake.add(a_node("n4"))

    def hear() -> None:
        scene.fake.server.is_mute = False
        scene.fake.server.break_watches()

    play(scene, deafen, hear, seconds=60)
    assert scene.images() == {name: ["i:1"] for name in ("n1", "n2", "n3", "n4")}
    assert scene.writes().count(create("pods")) == 4


def test_a_pod_that_is_never_seen_is_replaced_after_five_minutes_though_nothing_happens() -> None:
    scene = Scene(a_daemon_set(), a_node("n1"))
    lose_the_first_pod(scene.fake)

    async def scenario() -> None:
        async with scene.playing():
            await asyncio.sleep(299)
            assert not pods(scene.fake)
            await asyncio.sleep(2)
            assert len(pods(scene.fake)) == 1

    run(scenario())
