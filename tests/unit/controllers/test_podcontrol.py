"""Pods are made and deleted exactly once, whatever becomes of the answers."""
from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from controllers.expectations import Expectations
from controllers.podcontrol import PodControl
from controllers.references import key_of
from kubeapi.errors import InternalError, ServiceUnavailable, Timeout
from kubeapi.generated.models.apps_v1 import ReplicaSet, ReplicaSetSpec
from kubeapi.generated.models.core_v1 import Container, Pod, PodSpec, PodTemplateSpec
from kubeapi.generated.models.meta_v1 import LabelSelector, ObjectMeta
from kubeclient.events import EventRecorder
from kubeclient.testing import AnswerLost, FakeClient
from tests.virtualtime import VirtualWorld, run


class Scene:
    def __init__(self) -> None:
        self.fake = FakeClient(world=VirtualWorld(5))
        self.expectations = Expectations()
        self.control = PodControl(self.fake, EventRecorder(self.fake, "test"), self.expectations, VirtualWorld(9))
        labels = {"app": "a"}
        template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=PodSpec(containers=(Container(name="c", image="i"),)))
        self.owner = self.fake.add(ReplicaSet(metadata=ObjectMeta(name="rs", namespace="default"), spec=ReplicaSetSpec(
            replicas=3, selector=LabelSelector(match_labels=labels), template=template)))

    async def create(self, count: int) -> None:
        await self.control.create(self.owner, self.owner.spec.template, count)

    @property
    def pods(self) -> list[Pod]:
        return self.fake.all(Pod)


def play(scenario: Callable[[Scene], Awaitable[None]]) -> None:
    async def scene() -> None:
        await scenario(Scene())
    run(scene())


@pytest.mark.parametrize("failure", [
    pytest.param(AnswerLost(), id="the answer is lost"),
    pytest.param(ServiceUnavailable("the store is unavailable"), id="the store is unavailable"),
    pytest.param(Timeout("no answer"), id="the server has no time"),
])
def test_an_unknown_outcome_makes_no_second_pod_and_no_missing_one(failure: Exception) -> None:
    async def scenario(scene: Scene) -> None:
        scene.fake.server.fail("create", "pods", failure)
        await scene.create(3)
        assert len(scene.pods) == 3
        assert not scene.expectations.are_satisfied(key_of(scene.owner))         # all three are still to be seen
    play(scenario)


def test_a_name_that_a_sibling_has_is_drawn_again() -> None:
    """Not taken for the pod of an earlier try: there would be one too few, and one expected for ever."""
    async def scenario(scene: Scene) -> None:
        await scene.create(1)
        scene.control = PodControl(scene.fake, EventRecorder(scene.fake, "test"), scene.expectations, VirtualWorld(9))
        await scene.create(1)
        assert len(scene.pods) == 2
    play(scenario)


def test_a_name_that_somebody_else_has_is_drawn_again() -> None:
    async def scenario(scene: Scene) -> None:
        taken = f"rs-{VirtualWorld(9).name_suffix()}"
        scene.fake.add(Pod(metadata=ObjectMeta(name=taken, namespace="default"), spec=scene.owner.spec.template.spec))
        await scene.create(1)
        assert [bool(pod.metadata.owner_references) for pod in scene.pods] == [False, True]
    play(scenario)


def test_what_the_server_refuses_is_raised_and_not_expected() -> None:
    async def scenario(scene: Scene) -> None:
        scene.fake.server.fail("create", "pods", InternalError("a webhook said no"))
        with pytest.raises(InternalError):
            await scene.create(3)
        assert scene.pods == []
        assert scene.expectations.are_satisfied(key_of(scene.owner))
    play(scenario)


def test_a_deletion_whose_answer_is_lost_has_happened() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.create(2)
        scene.fake.server.fail("delete", "pods", AnswerLost())
        await scene.control.delete(scene.owner, scene.pods[:1])
        assert len(scene.pods) == 1
    play(scenario)
