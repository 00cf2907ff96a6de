"""DaemonSets in memory and in virtual time: nodes, and what kubelet and scheduler would do of it."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from controllers.daemonset.nodes import target_node
from controllers.daemonset.reconciler import daemon_set_controller
from controllers.revisions import REVISION_LABEL
from kubeapi.generated.models.apps_v1 import ControllerRevision, DaemonSet
from kubeapi.generated.models.core_v1 import Event, Node, Pod
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import Action, FakeClient
from tests.unit.controllers.harness import Document, a_template, is_active, make_ready, pods, running
from tests.virtualtime import VirtualWorld

OURS = ("pods", "daemonsets", "daemonsets/status", "controllerrevisions")


def daemons(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [daemon_set_controller(client, recorder, factory, world)]


def a_node(name: str, *taints: tuple[str, str], **labels: str) -> Node:
    return Node.from_wire({"metadata": {"name": name, "labels": labels},
                           "spec": {"taints": [{"key": key, "effect": effect} for key, effect in taints]}})


def a_daemon_set(image: str = "i:1", rolling: Document | None = None, template: Document | None = None, **spec: Any) -> DaemonSet:
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0} if rolling is None else rolling}
    return DaemonSet.from_wire({"metadata": {"name": "d", "namespace": "default", "generation": 1,
                                             "annotations": {"deprecated.daemonset.template.generation": "1"}}, "spec": {
        "selector": {"matchLabels": {"app": "a"}}, "template": template or a_template(image), "updateStrategy": update,
        "revisionHistoryLimit": 10, **spec}})


class Scene:
    """A DaemonSet on some nodes. `stuck` holds nodes whose pods do not become ready."""

    def __init__(self, daemon_set: DaemonSet, *nodes: Node, seed: int = 1) -> None:
        self.world = VirtualWorld(seed)
        self.fake = FakeClient(world=self.world)
        for node in nodes:
            self.fake.add(node)
        self.fake.add(daemon_set)
        self.stuck: set[str] = set()

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        async with running(self.fake, self.world, daemons), asyncio.TaskGroup() as group:
            kubelet = group.create_task(self._kubelets())
            yield
            kubelet.cancel()

    async def _kubelets(self) -> None:
        while True:
            changed = self.fake.server._changed
            for document in pods(self.fake):
                self.start(document)
            await changed.wait()

    def start(self, document: Document) -> None:
        """Binds the pod to the node it is meant for; there it runs and is ready at once."""
        pod = Pod.from_wire(document)
        node = target_node(pod)
        if not pod.spec.node_name and self.fake.find(Node, node) is not None:
            self.fake.add(pod.evolve(spec=pod.spec.evolve(node_name=node)))
        elif pod.spec.node_name and not pod.status.phase and node not in self.stuck:
            make_ready(self.fake, self.world, pod.metadata.name)

    def fail(self, node: str) -> None:
        pod, = self.on(node)
        self.fake.add(pod.evolve(status=pod.status.evolve(phase="Failed", conditions=())))

    @property
    def daemon_set(self) -> DaemonSet:
        found = self.fake.find(DaemonSet, "d", "default")
        assert found is not None
        return found

    def change(self, **spec: Any) -> None:
        document = self.daemon_set.to_wire()
        document["spec"] |= spec
        document["metadata"]["generation"] += 1
        self.fake.add(DaemonSet.from_wire(document))

    def writes(self) -> list[Action]:
        return [write.action for write in self.fake.writes if write.action.resource in OURS]

    def on(self, node: str) -> list[Pod]:
        return [pod for pod in map(Pod.from_wire, pods(self.fake)) if target_node(pod) == node]

    def images(self) -> dict[str, list[str]]:
        """Node -> images of its pods that run or will run."""
        found: dict[str, list[str]] = {}
        for document in pods(self.fake):
            if is_active(document):
                found.setdefault(target_node(Pod.from_wire(document)), []).append(document["spec"]["containers"][0]["image"])
        return {node: sorted(images) for node, images in sorted(found.items())}

    def revisions(self) -> dict[int, str]:
        """Number -> image."""
        return {one.revision: one.data["spec"]["template"]["spec"]["containers"][0]["image"]        # type: ignore[index]
                for one in sorted(self.fake.all(ControllerRevision), key=lambda one: one.revision)}

    def hashes(self) -> set[str]:
        return {document["metadata"]["labels"][REVISION_LABEL] for document in pods(self.fake)}

    def counts(self) -> tuple[int, int, int, int, int, int, int]:
        """Desired, current, misscheduled, ready, updated, available, unavailable."""
        status = self.daemon_set.status
        assert status is not None
        return (status.desired_number_scheduled, status.current_number_scheduled, status.number_misscheduled, status.number_ready,
                status.updated_number_scheduled, status.number_available, status.number_unavailable)

    def events(self, reason: str) -> list[str]:
        return [one.message for one in self.fake.all(Event) if one.reason == reason]
