"""The whole scheduler over a server in memory, in virtual time: what it watches, and what it writes."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kubeapi.generated.models.core_v1 import Event, Namespace, Pod
from kubeapi.generated.models.policy_v1 import PodDisruptionBudget
from kubeclient.testing import FakeClient
from scheduler.attempts import Attempts
from scheduler.configuration import Configuration
from scheduler.main import schedule
from tests.unit.scheduler.builders import a_node_object
from tests.virtualtime import VirtualWorld, run

HOST = "kubernetes.io/hostname"


def a_pod(name: str, *, cpu: str = "1", node: str = "", namespace: str = "default", labels: dict[str, str] | None = None, **spec: Any) -> Pod:
    return Pod.from_wire({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {}},
        "spec": {"schedulerName": "default-scheduler", "nodeName": node, "priority": 0,
                 "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **spec}})


def scenario(body: Callable[[FakeClient], Awaitable[None]]) -> FakeClient:
    async def main() -> FakeClient:
        world = VirtualWorld()
        fake = FakeClient(world=world)
        fake.add(Namespace.from_wire({"metadata": {"name": "default"}}))
        async with asyncio.TaskGroup() as group:
            scheduling = group.create_task(schedule(fake, Configuration(), Attempts(world), world))
            await body(fake)
            scheduling.cancel()
        return fake

    return run(main())


def writes(fake: FakeClient) -> list[str]:
    """Without events."""
    return [f"{write.action.verb} {write.action.resource} {write.key.name}" for write in fake.writes if write.action.resource != "events"]


def node_of(fake: FakeClient, name: str, namespace: str = "default") -> str:
    pod = fake.find(Pod, name, namespace)
    assert pod is not None
    return pod.spec.node_name


def test_a_pod_is_bound_and_told_of() -> None:
    async def body(fake: FakeClient) -> None:
        fake.add(a_node_object("a"))
        fake.add(a_pod("p"))
        await asyncio.sleep(1)

    fake = scenario(body)
    assert writes(fake) == ["create pods/binding p"]
    assert [(one.reason, one.message, one.source.component) for one in fake.all(Event) if one.source is not None] == [
        ("Scheduled", "Successfully assigned default/p to a", "default-scheduler")]


def test_a_preemption_is_written_in_order_and_spares_what_a_budget_protects() -> None:
    async def body(fake: FakeClient) -> None:
        fake.add(PodDisruptionBudget.from_wire({
            "metadata": {"name": "db", "namespace": "default"}, "spec": {"selector": {"matchLabels": {"app": "db"}}},
            "status": {"currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "disruptionsAllowed": 0}}))
        for name in ("a", "b"):
            fake.add(a_node_object(name, cpu="1"))
        fake.add(a_pod("protected", node="a", labels={"app": "db"}))
        fake.add(a_pod("victim", node="b"))
        await asyncio.sleep(1)
        fake.add(a_pod("high", priority=100))
        await asyncio.sleep(5)

    fake = scenario(body)
    assert writes(fake) == ["patch pods/status high", "patch pods/status victim", "delete pods victim", "create pods/binding high"]
    condition = next(write.body for write in fake.writes if write.key.name == "victim")["status"]["conditions"][0]
    assert {name: condition[name] for name in ("type", "status", "reason", "message")} == {
        "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
        "message": "default-scheduler: preempting to accommodate a higher priority pod"}
    assert node_of(fake, "high") == "b"
    (told,) = [one for one in fake.all(Event) if one.reason == "Preempted"]
    assert (told.involved_object.name, told.message) == ("victim", "Preempted by pod uid-high on node b")


def test_a_namespace_whose_labels_change_makes_company() -> None:
    near: Any = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": HOST, "labelSelector": {}, "namespaceSelector": {"matchLabels": {"team": "blue"}}}]}}}

    async def body(fake: FakeClient) -> None:
        fake.add(Namespace.from_wire({"metadata": {"name": "other"}}))
        for name in ("a", "b"):
            fake.add(a_node_object(name, labels={HOST: name}))
        fake.add(a_pod("company", namespace="other", node="b"))
        fake.add(a_pod("p", **near))
        await asyncio.sleep(20)
        assert node_of(fake, "p") == ""
        fake.add(Namespace.from_wire({"metadata": {"name": "other", "labels": {"team": "blue"}}}))
        await asyncio.sleep(20)

    assert node_of(scenario(body), "p") == "b"
