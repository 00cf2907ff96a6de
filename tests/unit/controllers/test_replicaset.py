"""ReplicaSet: the writes it makes, in every situation."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controllers.pods import first_to_go
from kubeapi import errors
from kubeapi.generated.models.apps_v1 import ReplicaSet
from kubeapi.generated.models.core_v1 import Event, Pod
from kubeclient.testing import Action, FakeClient, create, delete, patch, update_status
from tests.unit.controllers.harness import Document, a_replica_set, is_active, lose_the_first_pod, make_ready, pods, running
from tests.virtualtime import VirtualWorld, run

WORKLOADS = ("pods", "replicasets", "replicasets/status")


def a_pod(name: str, *, owner: ReplicaSet | None = None, phase: str = "Running", labels: Document | None = None, **metadata: Any) -> Pod:
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner.metadata.name, "uid": owner.metadata.uid, "controller": True}] if owner else []
    return Pod.from_wire({"metadata": {"name": name, "namespace": "default", "labels": {"app": "a"} if labels is None else labels,
                                       "ownerReferences": owners, **metadata}, "spec": {"containers": []}, "status": {"phase": phase}})


def writes(fake: FakeClient) -> list[Action]:
    return [write.action for write in fake.writes if write.action.resource in WORKLOADS]


def events(fake: FakeClient) -> list[tuple[str, str, str]]:
    return [(one.type, one.reason, one.message) for one in fake.all(Event)]


async def settled(fake: FakeClient, world: VirtualWorld, seconds: float = 30) -> None:
    async with running(fake, world):
        await asyncio.sleep(seconds)


def a_fake() -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(world=world), world


def test_missing_pods_are_made_from_the_template() -> None:
    fake, world = a_fake()
    rs = fake.add(a_replica_set(2))
    run(settled(fake, world))
    assert writes(fake).count(create("pods")) == 2
    made = pods(fake)[0]
    assert made["metadata"]["generateName"] == "rs-"
    assert made["metadata"]["labels"] == {"app": "a"}
    assert made["metadata"]["ownerReferences"] == [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": rs.metadata.uid,
                                                    "controller": True, "blockOwnerDeletion": True}]
    assert sorted(events(fake)) == sorted(("Normal", "SuccessfulCreate", f"Created pod: {one['metadata']['name']}") for one in pods(fake))
    status = fake.all(ReplicaSet)[0].status
    assert status is not None and (status.replicas, status.fully_labeled_replicas, status.observed_generation) == (2, 2, 1)


def test_while_many_pods_become_ready_some_looks_tell_of_them_all() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(200))

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(30)
            fake.writes.clear()
            for pod in pods(fake):
                make_ready(fake, world, pod["metadata"]["name"])
                await asyncio.sleep(0.001)
            await asyncio.sleep(1)

    run(scenario())
    status = fake.all(ReplicaSet)[0].status
    assert status is not None and status.ready_replicas == 200
    assert writes(fake).count(update_status("replicasets")) <= 30


def test_pods_are_made_in_batches_that_double() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(7))
    fake.server.latency_seconds = 1.0
    times: list[float] = []
    original = fake.server._create

    def noted(target: Any, body: Any) -> Any:
        if target.path == "pods":
            times.append(round(asyncio.get_running_loop().time(), 1))
        return original(target, body)

    fake.server._create = noted                     # type: ignore[method-assign]
    run(settled(fake, world, 60))
    assert [times.count(moment) for moment in dict.fromkeys(times)] == [1, 2, 4]


def test_a_creation_that_is_refused_is_told_and_tried_again() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(3))
    fake.server.fail("create", "pods", *[errors.forbidden("pods", "", "", "exceeded quota")] * 5)

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(0.02)
            failing = fake.all(ReplicaSet)[0].status
            assert failing is not None
            assert [(one.type, one.status, one.reason) for one in failing.conditions] == [("ReplicaFailure", "True", "FailedCreate")]
            await asyncio.sleep(30)

    run(scenario())
    status = fake.all(ReplicaSet)[0].status
    assert status is not None and (status.replicas, status.conditions) == (3, ())
    assert ("Warning", "FailedCreate", "Error creating: pods is forbidden: exceeded quota") in events(fake)


def test_after_a_refusal_the_rest_of_the_batch_is_not_tried() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(100))
    fake.server.fail("create", "pods", *[errors.forbidden("pods", "", "", "no")] * 1000)

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(1)
            tries = [one for one in fake.server.requests if one.method == "POST" and one.path.endswith("/pods")]
            assert 1 <= len(tries) < 15             # one a reconcile, and each waits longer

    run(scenario())


def test_pods_beyond_the_number_are_deleted_with_their_uid() -> None:
    fake, world = a_fake()
    rs = fake.add(a_replica_set(1))
    for name in ("a", "b", "c"):
        fake.add(a_pod(name, owner=rs))
    run(settled(fake, world))
    gone = [write for write in fake.writes if write.action == delete("pods")]
    assert len(gone) == 2 and all("uid" in write.body["preconditions"] for write in gone)
    assert sorted(reason for _, reason, _ in events(fake)) == ["SuccessfulDelete", "SuccessfulDelete"]


@pytest.mark.parametrize(("pod", "expected"), [
    pytest.param({"phase": "Succeeded"}, [create("pods")], id="one that succeeded does not count"),
    pytest.param({"phase": "Failed"}, [create("pods")], id="nor one that failed"),
    pytest.param({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x"]}, [create("pods")], id="nor one on its way out"),
    pytest.param({"phase": "Pending"}, [], id="one that has not started does"),
])
def test_which_pods_count(pod: Document, expected: list[Action]) -> None:
    fake, world = a_fake()
    rs = fake.add(a_replica_set(1))
    fake.add(a_pod("p", owner=rs, **pod))
    run(settled(fake, world))
    assert [action for action in writes(fake) if action.resource == "pods"] == expected


def test_orphans_it_selects_are_adopted() -> None:
    fake, world = a_fake()
    rs = fake.add(a_replica_set(1))
    fake.add(a_pod("orphan"))
    run(settled(fake, world))
    assert writes(fake)[0] == patch("pods")
    assert [owner["uid"] for owner in pods(fake)[0]["metadata"]["ownerReferences"]] == [rs.metadata.uid]


def test_pods_it_no_longer_selects_are_released_and_replaced() -> None:
    fake, world = a_fake()
    rs = fake.add(a_replica_set(1))
    fake.add(a_pod("other", owner=rs, labels={"app": "b"}))
    run(settled(fake, world))
    assert [action for action in writes(fake) if action.resource == "pods"] == [patch("pods"), create("pods")]
    released = next(one for one in pods(fake) if one["metadata"]["name"] == "other")
    assert not released["metadata"].get("ownerReferences")


def test_pods_of_another_controller_are_left_alone() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(0))
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "uid": "s-uid", "controller": True}
    fake.add(a_pod("p", ownerReferences=[owner]))
    run(settled(fake, world))
    assert not [action for action in writes(fake) if action.resource == "pods"]


def test_one_that_is_being_deleted_makes_and_deletes_nothing() -> None:
    fake, world = a_fake()
    document = a_replica_set(3).to_wire()
    document["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x"]}
    fake.add(ReplicaSet.from_wire(document))
    run(settled(fake, world))
    assert set(writes(fake)) <= {update_status("replicasets")}


def test_a_pod_is_available_once_it_was_ready_for_long_enough() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(1, minReadySeconds=10))

    def available() -> int:
        status = fake.all(ReplicaSet)[0].status
        assert status is not None
        return status.available_replicas

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(5)
            make_ready(fake, world, pods(fake)[0]["metadata"]["name"])
            await asyncio.sleep(9)
            assert available() == 0
            await asyncio.sleep(2)
            assert available() == 1

    run(scenario())


def test_a_dead_pod_is_replaced() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(2))

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(5)
            first = pods(fake)[0]
            fake.remove(Pod.from_wire(first))
            await asyncio.sleep(5)
            assert len(pods(fake)) == 2 and first["metadata"]["uid"] not in {one["metadata"]["uid"] for one in pods(fake)}

    run(scenario())


def test_nothing_is_written_when_all_is_well() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(2))

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(30)
            before = len(fake.writes)
            await asyncio.sleep(3600)
            assert len(fake.writes) == before

    run(scenario())


def test_a_watch_that_is_behind_makes_no_pod_too_many() -> None:
    """Its own creations are not in its cache yet: it waits until they are."""
    fake, world = a_fake()
    rs = fake.add(a_replica_set(2))

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(5)
            fake.server.is_mute = True
            fake.server.break_watches()
            fake.add(rs.evolve(spec=rs.spec.evolve(replicas=4), metadata=rs.metadata.evolve(generation=2)))
            await asyncio.sleep(60)
            fake.server.is_mute = False
            fake.server.break_watches()
            await asyncio.sleep(60)
            assert len([one for one in pods(fake) if is_active(one)]) == 4

    run(scenario())


# --- who goes first

def ranked(**changes: Any) -> Pod:
    document: Document = {"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": "n", "containers": []},
                          "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
    for path, value in changes.items():
        part, _, name = path.partition("_")
        document[part] = {**document[part], name: value}
    return Pod.from_wire(document)


@pytest.mark.parametrize(("first", "then"), [
    pytest.param({"spec_nodeName": ""}, {}, id="without a node"),
    pytest.param({"status_phase": "Pending"}, {}, id="not running"),
    pytest.param({"status_conditions": []}, {}, id="not ready"),
    pytest.param({"metadata_annotations": {"controller.kubernetes.io/pod-deletion-cost": "-1"}}, {}, id="of lower cost"),
    pytest.param({"status_conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T00:00:00Z"}]}, {}, id="ready for a shorter time"),
    pytest.param({"metadata_creationTimestamp": "2026-01-02T00:00:00Z"}, {}, id="younger"),
    pytest.param({"status_containerStatuses": [{"name": "c", "ready": True, "restartCount": 3, "image": "i", "imageID": "x"}]}, {}, id="restarted more often"),
])
def test_who_goes_first(first: Document, then: Document) -> None:
    one, other = ranked(**first), ranked(**then)
    assert first_to_go([other, one], 1) == [one]


def test_of_a_crowd_on_one_node_somebody_goes_first() -> None:
    crowd = [ranked(spec_nodeName="full") for _ in range(2)]
    alone = ranked(spec_nodeName="empty")
    assert first_to_go([alone, *crowd], 1)[0].spec.node_name == "full"




def test_a_pod_that_is_never_seen_is_replaced_after_five_minutes_though_nothing_happens() -> None:
    fake, world = a_fake()
    fake.add(a_replica_set(1))
    lose_the_first_pod(fake)

    async def scenario() -> None:
        async with running(fake, world):
            await asyncio.sleep(299)
            assert not pods(fake)
            await asyncio.sleep(2)
            assert len(pods(fake)) == 1

    run(scenario())
