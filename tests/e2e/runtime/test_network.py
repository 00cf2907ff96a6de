"""The pod network: pods, the node and other nodes reach each other; the guard refuses what nobody serves."""
from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from kubelet import linux
from kubelet.network import create_node_namespace, delete_node_namespace, set_routes
from kubelet.network.netlink import Netlink
from tests.e2e.runtime.node import Surroundings, can_run_pods, output, running_node

pytestmark = [pytest.mark.root, can_run_pods]


def test_pods_and_the_node_reach_each_other(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            server = await node.sandbox()
            web = await node.start(server)
            await node.runtime.exec_sync(web, ["sh", "-c", "until wget -qO- http://127.0.0.1:8080/ >/dev/null 2>&1; do :; done"], 20)
            status = await node.run(await node.sandbox(), "wget", "-qO-", f"http://{server.ips[0]}:8080/")
            assert output(status) == ["Hello from picokube."]
            reader, writer = await asyncio.open_connection(server.ips[0], 8080)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b"200 OK" in await reader.read()
            writer.close()
    asyncio.run(scene())


def test_an_unknown_service_address_is_refused_at_once(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            address = f"10.252.{place.number}.77"
            status = await node.run(await node.sandbox(), "sh", "-c", f"nc -w 30 {address} 80 2>&1")
            assert "Connection refused" in output(status)[0]
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(address, 80)
    asyncio.run(scene())


def test_an_address_of_no_pod_is_unreachable(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            status = await node.run(await node.sandbox(), "sh", "-c", f"nc -w 30 10.251.{place.number}.200 80 2>&1")
            assert "unreachable" in output(status)[0] or "No route" in output(status)[0]
    asyncio.run(scene())


def test_the_veth_goes_with_the_sandbox(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            await node.runtime.stop_pod_sandbox(sandbox.id)
            await node.runtime.stop_pod_sandbox(sandbox.id)
            async with asyncio.timeout(20):
                while place.leftovers()["links"]:
                    await asyncio.sleep(0.01)
            again = await node.sandbox()
            assert again.ips != sandbox.ips
            await node.runtime.remove_pod_sandbox(sandbox.id)
    asyncio.run(scene())


def test_nodes_in_namespaces_exchange_pod_traffic(place: Surroundings) -> None:
    """Node 1 on the machine, node 2 in a namespace: the pods of each reach the other's."""
    cluster = place.cluster
    space = create_node_namespace(cluster, 2)
    assert create_node_namespace(cluster, 2) == space
    other = place.directory / "node2"
    cidrs = f"10.251.{place.number}.0/25", f"10.251.{place.number}.128/25"
    script = f"""
import asyncio, sys
from pathlib import Path
from kubelet import linux
linux.enter_namespace({space.path!r})
from tests.e2e.runtime.node import Surroundings, running_node
async def main():
    place = Surroundings(Path({str(other)!r}), {place.number}, Path({str(place.image_archive)!r}))
    async with running_node(place, node={cluster!r} + "-2", pod_cidr={cidrs[1]!r}, node_ip={space.address!r}) as node:
        await node.runtime.set_routes({{"one": ({cidrs[0]!r}, {space.gateway!r})}})
        sandbox = await node.sandbox(uid="two", cgroup_parent="/picokube/{cluster}/two/pod")
        web = await node.start(sandbox)
        await node.runtime.exec_sync(web, ["sh", "-c", "until wget -qO- http://127.0.0.1:8080/ >/dev/null 2>&1; do :; done"], 20)
        print(sandbox.ips[0], flush=True)
        await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
"""
    other.mkdir()
    second = subprocess.Popen([".venv/bin/python", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              cwd=Path(__file__).parents[3])
    assert second.stdin is not None and second.stdout is not None

    async def scene(address: str) -> None:
        async with running_node(place, pod_cidr=cidrs[0], node_ip=space.gateway) as node:
            await node.runtime.set_routes({"two": (cidrs[1], space.address)})
            status = await node.run(await node.sandbox(), "wget", "-qO-", f"http://{address}:8080/")
            assert output(status) == ["Hello from picokube."]
            await node.runtime.set_routes({})
            with Netlink() as netlink:
                assert not [one for one in netlink.routes() if one.gateway == space.address]
    try:
        asyncio.run(scene(second.stdout.readline().strip()))
    finally:
        second.communicate("end\n", timeout=60)
        delete_node_namespace(cluster, 2)
        from kubelet.runc.cleanup import cleanup
        cleanup(cluster, [other])
    assert not Path(space.path).exists() and space.path not in linux.mount_points("/run/netns")


def test_routes_follow_the_nodes(place: Surroundings) -> None:
    space = create_node_namespace(place.cluster, 2)
    first, second = f"10.251.{place.number}.64/26", f"10.251.{place.number}.128/26"
    set_routes(place.cluster, {"a": (first, space.address), "b": (second, space.address)})
    set_routes(place.cluster, {"b": (second, space.address)})
    with Netlink() as netlink:
        assert [one.destination for one in netlink.routes() if one.gateway == space.address] == [second]
