"""Controllers over a server in memory, in virtual time: crash and start them, play the kubelet, read what they wrote."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from controllers.deployment.reconciler import deployment_controller
from controllers.replicaset import replica_set_controller
from kubeapi import errors
from kubeapi.catalog import by_plural
from kubeapi.generated.models.apps_v1 import Deployment, ReplicaSet
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.times import format_time
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import AnswerLost, FakeClient
from tests.virtualtime import VirtualWorld

Document = dict[str, Any]
Make = Callable[[Client, EventRecorder, InformerFactory, VirtualWorld], Iterable[Controller]]
PODS, SETS, DEPLOYMENTS = by_plural("", "pods"), by_plural("apps", "replicasets"), by_plural("apps", "deployments")


def workloads(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [replica_set_controller(client, recorder, factory, world), deployment_controller(client, recorder, factory, world)]


class Controllers:
    """A controller manager that can be killed at any moment."""

    def __init__(self, fake: FakeClient, world: VirtualWorld, group: asyncio.TaskGroup, make: Make = workloads) -> None:
        self._fake, self._world, self._group, self._make = fake, world, group, make
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = self._group.create_task(self._run())

    async def kill(self) -> None:
        """Whatever it was waiting for is lost, as after SIGKILL."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        factory = InformerFactory(self._fake, self._world)
        recorder = EventRecorder(self._fake, "test", world=self._world)
        async with asyncio.TaskGroup() as group:
            made = list(self._make(self._fake, recorder, factory, self._world))
            group.create_task(factory.run())
            group.create_task(recorder.run())
            for one in made:
                group.create_task(one.run())


@asynccontextmanager
async def running(fake: FakeClient, world: VirtualWorld, make: Make = workloads) -> AsyncIterator[Controllers]:
    async with asyncio.TaskGroup() as group:
        controllers = Controllers(fake, world, group, make)
        controllers.start()
        try:
            yield controllers
        finally:
            await controllers.kill()


def lose_the_first_pod(fake: FakeClient) -> None:
    """It is created and gone again, and the watch tells neither: nobody ever sees it."""
    original = fake.server._create

    def create(target: Any, body: Document) -> Document:
        made = original(target, body)
        if target.path == "pods":
            fake.server._create = original          # type: ignore[method-assign]
            fake.remove(Pod.from_wire(made))
            del fake.server._shelf(PODS).log[-2:]
        return made

    fake.server._create = create                    # type: ignore[method-assign]


def failures() -> list[Exception]:
    """What may happen to a request, in any world that is bad enough."""
    return [errors.Conflict("it was modified"), errors.InternalError("it broke"), errors.ServiceUnavailable("not now"), errors.Timeout("too late"),
            errors.TooManyRequests("slow down", details={"retryAfterSeconds": 1}), AnswerLost()]


def make_ready(fake: FakeClient, world: VirtualWorld, name: str, *, ready: bool = True) -> None:
    """As its kubelet would tell it; nothing for a pod that is gone."""
    pod = fake.find(Pod, name, "default")
    if pod is None:
        return
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": format_time(world.now())}
    fake.add(Pod.from_wire({**pod.to_wire(), "status": {"phase": "Running", "conditions": [condition]}}))


def a_template(image: str = "i:1", **labels: str) -> Document:
    return {"metadata": {"labels": {"app": "a", **labels}}, "spec": {"containers": [{"name": "c", "image": image, "resources": {}}]}}


def a_deployment(replicas: int = 3, image: str = "i:1", surge: Any = 1, unavailable: Any = 0, **spec: Any) -> Deployment:
    return Deployment.from_wire({"metadata": {"name": "d", "namespace": "default", "generation": 1}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": a_template(image), "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}, **spec}})


def a_replica_set(replicas: int = 3, name: str = "rs", **spec: Any) -> ReplicaSet:
    return ReplicaSet.from_wire({"metadata": {"name": name, "namespace": "default", "generation": 1}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": a_template(), **spec}, "status": {"replicas": 0}})


def pods(fake: FakeClient) -> list[Document]:
    return fake.server.all(PODS)


def is_active(pod: Document) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]


def is_available(pod: Document) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in (pod.get("status") or {}).get("conditions", ()))
