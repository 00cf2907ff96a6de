"""A node's Lease says for how long it counts, and is renewed four times as often."""
from __future__ import annotations

import asyncio

import pytest

from kubeapi.generated.models.coordination_v1 import Lease
from kubeapi.generated.models.core_v1 import Node
from kubeclient.events import EventRecorder
from kubeclient.testing import FakeClient
from kubelet.hollow import HollowImages
from kubelet.nodeagent import NodeAgent
from kubelet.nodeinfo import hollow_machine
from kubelet.nodestatus import NodeIdentity
from tests.virtualtime import VirtualWorld, run


async def no_pod_cidr(_: str) -> None:
    return None


@pytest.mark.parametrize(("lease_seconds", "seconds", "renewals"), [(40, 100, 10), (8, 100, 49), (8, 7, 4)])
def test_a_lease_is_renewed_four_times_before_it_runs_out(lease_seconds: int, seconds: int, renewals: int) -> None:
    async def live() -> FakeClient:
        world = VirtualWorld()
        client = FakeClient(world=world)
        agent = NodeAgent(client, EventRecorder(client, "kubelet"), NodeIdentity("n", "n", "10.0.0.1", 10250), hollow_machine(), HollowImages(),
                          lambda: "", no_pod_cidr, world, lease_seconds)
        try:
            async with asyncio.timeout(seconds):
                await agent.run()
        except TimeoutError:
            pass
        return client

    client = run(live())
    lease = client.find(Lease, "n", "kube-node-lease")
    assert lease is not None
    assert lease.spec.lease_duration_seconds == lease_seconds
    assert client.find(Node, "n") is not None
    assert len([one for one in client.actions if one.resource == "leases"]) == pytest.approx(renewals, abs=3)
