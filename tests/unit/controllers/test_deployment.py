"""Deployment: from one template to the next, step by step, as the writes and the words show it."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from controllers.deployment.templates import HASH_LABEL, REVISION, template_hash
from kubeapi import errors
from kubeapi.generated.models.apps_v1 import Deployment, DeploymentCondition, ReplicaSet
from kubeapi.generated.models.core_v1 import Event
from kubeclient.testing import FakeClient, create
from tests.unit.controllers.harness import Document, a_deployment, a_template, is_active, make_ready, pods, running
from tests.virtualtime import VirtualWorld, run


class Scene:
    def __init__(self, deployment: Deployment) -> None:
        self.world = VirtualWorld()
        self.fake = FakeClient(world=self.world)
        self.fake.add(deployment)
        self.stuck = False                          # new pods do not become ready

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        async with running(self.fake, self.world), asyncio.TaskGroup() as group:
            kubelet = group.create_task(self._kubelet())
            yield
            kubelet.cancel()

    async def _kubelet(self) -> None:
        while True:
            changed = self.fake.server._changed
            for pod in pods(self.fake):
                if not pod.get("status", {}).get("phase") and not self.stuck:
                    make_ready(self.fake, self.world, pod["metadata"]["name"])
            await changed.wait()

    @property
    def deployment(self) -> Deployment:
        found = self.fake.find(Deployment, "d", "default")
        assert found is not None
        return found

    def change(self, **spec: Any) -> None:
        document = self.deployment.to_wire()
        document["spec"] |= spec
        document["metadata"]["generation"] += 1
        self.fake.add(Deployment.from_wire(document))

    def sizes(self) -> dict[str, int]:
        """Image -> replicas of its ReplicaSet."""
        return {rs.spec.template.spec.containers[0].image: rs.spec.replicas or 0 for rs in self.fake.all(ReplicaSet)}

    def images(self) -> list[str]:
        return sorted(one["spec"]["containers"][0]["image"] for one in pods(self.fake) if is_active(one))

    def condition(self, type: str) -> DeploymentCondition:
        return next(one for one in self.deployment.status.conditions if one.type == type)

    def events(self) -> list[str]:
        return [one.message for one in self.fake.all(Event) if one.reason == "ScalingReplicaSet"]


def test_its_first_replica_set_carries_the_hash_of_the_template() -> None:
    scene = Scene(a_deployment(3))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)

    run(play())
    rs, = scene.fake.all(ReplicaSet)
    hashed = template_hash(scene.deployment.spec.template, None)
    assert rs.metadata.name == f"d-{hashed}"
    assert rs.metadata.labels[HASH_LABEL] == rs.spec.template.metadata.labels[HASH_LABEL] == hashed
    assert rs.spec.selector is not None and rs.spec.selector.match_labels == {"app": "a", HASH_LABEL: hashed}
    assert (rs.metadata.annotations[REVISION], scene.deployment.metadata.annotations[REVISION]) == ("1", "1")
    assert scene.events() == [f"Scaled up replica set {rs.metadata.name} from 0 to 3"]
    status = scene.deployment.status
    assert (status.replicas, status.ready_replicas, status.available_replicas, status.updated_replicas, status.unavailable_replicas) == (3, 3, 3, 3, 0)
    assert (scene.condition("Available").reason, scene.condition("Progressing").reason) == ("MinimumReplicasAvailable", "NewReplicaSetAvailable")
    assert scene.condition("Progressing").message == f'ReplicaSet "{rs.metadata.name}" has successfully progressed.'


@pytest.mark.parametrize(("surge", "unavailable", "steps"), [
    pytest.param(1, 0, [("i:2", 1), ("i:1", 2), ("i:2", 2), ("i:1", 1), ("i:2", 3), ("i:1", 0)], id="one more, none less"),
    pytest.param(0, 1, [("i:1", 2), ("i:2", 1), ("i:1", 1), ("i:2", 2), ("i:1", 0), ("i:2", 3)], id="none more, one less"),
    pytest.param("100%", 0, [("i:2", 3), ("i:1", 0)], id="all at once"),
])
def test_a_rollout_goes_step_by_step(surge: Any, unavailable: Any, steps: list[tuple[str, int]]) -> None:
    scene = Scene(a_deployment(3, surge=surge, unavailable=unavailable))
    taken: list[tuple[str, int]] = []

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            began = len(scene.fake.writes)
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(60)
            sizes = {"i:1": 3, "i:2": 0}
            for write in scene.fake.writes[began:]:
                if write.action.resource == "replicasets" and write.action.verb in ("create", "update"):
                    image, size = write.body["spec"]["template"]["spec"]["containers"][0]["image"], write.body["spec"].get("replicas", 0)
                    if sizes[image] != size:
                        sizes[image] = size
                        taken.append((image, size))

    run(play())
    assert taken == steps
    assert scene.images() == ["i:2"] * 3


def test_a_rollout_to_an_image_that_never_gets_ready_stops_and_is_undone() -> None:
    scene = Scene(a_deployment(3, progressDeadlineSeconds=60))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            scene.stuck = True
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(30)
            assert (scene.images(), scene.sizes()) == (["i:1"] * 3 + ["i:2"], {"i:1": 3, "i:2": 1})
            assert scene.condition("Available").status == "True"
            await asyncio.sleep(60)
            progress = scene.condition("Progressing")
            assert (progress.status, progress.reason) == ("False", "ProgressDeadlineExceeded")
            assert progress.message.endswith("has timed out progressing.")
            scene.change(template=a_template("i:1"))
            await asyncio.sleep(30)

    run(play())
    assert scene.images() == ["i:1"] * 3
    assert scene.deployment.metadata.annotations[REVISION] == "3"
    assert scene.condition("Progressing").status == "True"


def test_going_back_uses_the_old_replica_set_under_a_new_revision() -> None:
    scene = Scene(a_deployment(1))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            for image in ("i:2", "i:1"):
                scene.change(template=a_template(image))
                await asyncio.sleep(30)

    run(play())
    sets = {rs.spec.template.spec.containers[0].image: rs for rs in scene.fake.all(ReplicaSet)}
    assert {image: rs.metadata.annotations[REVISION] for image, rs in sets.items()} == {"i:1": "3", "i:2": "2"}
    assert sets["i:1"].metadata.annotations["deployment.kubernetes.io/revision-history"] == "1"


def test_a_paused_one_changes_no_template_but_scales() -> None:
    scene = Scene(a_deployment(3))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            scene.change(paused=True, template=a_template("i:2"))
            await asyncio.sleep(30)
            assert (scene.images(), scene.condition("Progressing").reason) == (["i:1"] * 3, "DeploymentPaused")
            scene.change(replicas=5)
            await asyncio.sleep(30)
            assert scene.images() == ["i:1"] * 5
            scene.change(paused=False)
            await asyncio.sleep(30)

    run(play())
    assert scene.images() == ["i:2"] * 5


def test_scaling_in_the_middle_of_a_rollout_gives_each_its_share() -> None:
    scene = Scene(a_deployment(10, surge=3, unavailable=2))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            scene.stuck = True
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(30)
            assert scene.sizes() == {"i:1": 8, "i:2": 5}
            scene.change(replicas=15)
            await asyncio.sleep(30)
            assert scene.sizes() == {"i:1": 11, "i:2": 7}

    run(play())


def test_a_pod_counts_as_available_only_when_it_has_been_ready_for_long_enough() -> None:
    scene = Scene(a_deployment(2, minReadySeconds=20))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(10)
            assert scene.deployment.status.available_replicas == 0
            await asyncio.sleep(15)
            assert scene.deployment.status.available_replicas == 2
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(10)
            assert scene.images() == ["i:1", "i:1", "i:2"]       # ready, but not yet for 20 s: nothing old may go
            await asyncio.sleep(20)
            assert scene.sizes() == {"i:1": 1, "i:2": 2}
            await asyncio.sleep(30)

    run(play())
    assert scene.images() == ["i:2"] * 2


def test_a_change_while_it_is_rolled_out_leaves_the_half_done_one_behind() -> None:
    scene = Scene(a_deployment(3))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            scene.stuck = True
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(30)
            scene.stuck = False
            scene.change(template=a_template("i:3"))
            await asyncio.sleep(60)

    run(play())
    assert (scene.images(), scene.sizes()) == (["i:3"] * 3, {"i:1": 0, "i:2": 0, "i:3": 3})


@pytest.mark.parametrize(("replicas", "sizes"), [(5, {"i:1": 4, "i:2": 3}), (20, {"i:1": 15, "i:2": 10}), (0, {"i:1": 0, "i:2": 0})])
def test_what_is_paused_in_the_middle_is_scaled_in_proportion(replicas: int, sizes: dict[str, int]) -> None:
    scene = Scene(a_deployment(10, surge="25%", unavailable="25%"))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            scene.stuck = True
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(30)
            assert scene.sizes() == {"i:1": 8, "i:2": 5}
            scene.change(paused=True, replicas=replicas)
            await asyncio.sleep(30)
            assert scene.sizes() == sizes

    run(play())


def test_recreate_waits_for_pods_that_are_still_on_their_way() -> None:
    """Its ReplicaSet has not yet seen that it is to be empty."""
    scene = Scene(a_deployment(2, strategy={"type": "Recreate"}))
    scene.fake.server.latency_seconds = 1.0
    together: list[tuple[str, ...]] = []

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(3.5)
            scene.change(template=a_template("i:2"))
            for _ in range(200):
                await asyncio.sleep(0.25)
                together.append(tuple(sorted(set(scene.images()))))

    run(play())
    assert ("i:1", "i:2") not in together
    assert scene.images() == ["i:2"] * 2


def test_recreate_ends_all_of_the_old_before_it_begins_the_new() -> None:
    scene = Scene(a_deployment(3, strategy={"type": "Recreate"}))
    seen: set[tuple[str, ...]] = set()

    async def watch() -> None:
        while True:
            changed = scene.fake.server._changed
            seen.add(tuple(sorted(set(scene.images()))))
            await changed.wait()

    async def play() -> None:
        async with scene.playing(), asyncio.TaskGroup() as group:
            await asyncio.sleep(30)
            watching = group.create_task(watch())
            scene.change(template=a_template("i:2"))
            await asyncio.sleep(60)
            watching.cancel()

    run(play())
    assert scene.images() == ["i:2"] * 3
    assert ("i:1", "i:2") not in seen


def test_old_replica_sets_beyond_the_limit_are_deleted() -> None:
    scene = Scene(a_deployment(1, revisionHistoryLimit=2))

    async def play() -> None:
        async with scene.playing():
            for number in range(1, 6):
                scene.change(template=a_template(f"i:{number}"))
                await asyncio.sleep(60)

    run(play())
    assert sorted(scene.sizes()) == ["i:3", "i:4", "i:5"]


def test_a_name_that_somebody_else_has_makes_another_hash() -> None:
    scene = Scene(a_deployment(1))
    name = f"d-{template_hash(scene.deployment.spec.template, None)}"
    stranger = ReplicaSet.from_wire({"metadata": {"name": name, "namespace": "default", "labels": {}}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"other": "1"}}, "template": {"metadata": {"labels": {"other": "1"}}, "spec": {"containers": []}}}})
    scene.fake.add(stranger)

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(60)

    run(play())
    assert scene.deployment.status.collision_count == 1
    assert scene.images() == ["i:1"]


def test_a_replica_set_that_cannot_be_made_is_told() -> None:
    scene = Scene(a_deployment(1))
    scene.fake.server.fail("create", "replicasets", *[errors.forbidden("replicasets", "apps", "", "exceeded quota")] * 5)

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(0.02)
            progress = scene.condition("Progressing")
            assert (progress.status, progress.reason) == ("False", "ReplicaSetCreateError")
            assert "exceeded quota" in progress.message
            await asyncio.sleep(60)

    run(play())
    assert scene.images() == ["i:1"]


def test_a_quota_that_stops_pods_is_passed_on() -> None:
    scene = Scene(a_deployment(1))
    scene.fake.server.fail("create", "pods", *[errors.forbidden("pods", "", "", "exceeded quota")] * 3)

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(0.01)
            assert scene.condition("ReplicaFailure").reason == "FailedCreate"
            await asyncio.sleep(60)
            assert "ReplicaFailure" not in {one.type for one in scene.deployment.status.conditions}

    run(play())


def test_orphaned_replica_sets_it_selects_are_adopted() -> None:
    scene = Scene(a_deployment(1))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(30)
            rs, = scene.fake.all(ReplicaSet)
            document: Document = rs.to_wire()
            document["metadata"]["ownerReferences"] = []
            scene.fake.add(ReplicaSet.from_wire(document))
            await asyncio.sleep(30)

    run(play())
    assert [owner.name for rs in scene.fake.all(ReplicaSet) for owner in rs.metadata.owner_references] == ["d"]
    assert [write.action for write in scene.fake.writes].count(create("replicasets")) == 1


def test_nothing_is_written_when_all_is_well() -> None:
    scene = Scene(a_deployment(3))

    async def play() -> None:
        async with scene.playing():
            await asyncio.sleep(700)
            before = len(scene.fake.writes)
            await asyncio.sleep(3600)
            assert len(scene.fake.writes) == before

    run(play())
