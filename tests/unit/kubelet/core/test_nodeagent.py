"""The node's own voice: what it says when others have taken it for lost."""
from __future__ import annotations

import asyncio

from controllers.nodelifecycle.conditions import declared_unknown
from kubeapi.generated.models.core_v1 import Node
from kubeclient.events import EventRecorder
from kubeclient.testing import FakeClient
from kubelet.hollow import HollowImages
from kubelet.nodeagent import NodeAgent
from kubelet.nodeinfo import hollow_machine
from kubelet.nodestatus import NodeIdentity
from tests.virtualtime import VirtualWorld, run


def test_a_node_that_was_declared_unknown_says_at_once_that_it_is_not() -> None:
    world = VirtualWorld()
    fake = FakeClient(world=world)

    async def use(cidr: str) -> None:
        return None

    async def scenario() -> None:
        agent = NodeAgent(fake, EventRecorder(fake, "kubelet", world=world), NodeIdentity("n1", "n1", "192.0.2.1", 0), hollow_machine(),
                          HollowImages(), lambda: "", use, world)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(agent.run())
            await asyncio.sleep(60)
            agent.observe(fake.add(declared_unknown(fake.all(Node)[0], world.now())))
            await asyncio.sleep(1)
            running.cancel()

    run(scenario())
    status = fake.all(Node)[0].status
    assert status is not None
    assert {one.type: one.status for one in status.conditions} == {
        "Ready": "True", "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False"}
