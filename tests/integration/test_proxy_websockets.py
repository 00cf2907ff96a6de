"""A WebSocket through a pod's proxy: frames both ways, and the subprotocol that the pod chose."""
from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from aiohttp import WSMsgType, web

from tests.cluster import TestCluster
from tests.integration.test_proxy import POD, WEB, address, ask, cluster

__all__ = ["address", "cluster"]
websocket = pytest.importorskip("websocket", reason="websocket-client (the official client's) is not installed")


async def echo(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse(protocols=("echo",))
    await answer.prepare(request)
    async for message in answer:
        if message.type is WSMsgType.TEXT:
            await answer.send_str(f"{request.path_qs} {message.data}")
        elif message.type is WSMsgType.BINARY:
            await answer.send_bytes(message.data[::-1])
    return answer


@pytest.fixture
def port(cluster: TestCluster, address: str) -> Iterator[int]:
    started, ports = threading.Event(), list[int]()
    loop, done = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/echo", echo)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, address, 0)
        await site.start()
        ports.append(runner.addresses[0][1])
        started.set()
        await done.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(20)
    ask(cluster, "POST", "/api/v1/namespaces/default/pods", POD)
    ask(cluster, "PATCH", f"{WEB}/status", {"status": {"podIP": address, "podIPs": [{"ip": address}]}})
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(20)
        loop.close()


def test_frames_go_both_ways(cluster: TestCluster, port: int) -> None:
    pki = cluster.cluster.pki
    client = websocket.create_connection(
        f"{cluster.cluster.server.replace('https', 'wss')}{WEB}:{port}/proxy/echo?a=1", timeout=20, subprotocols=["other", "echo"], suppress_origin=True,
        sslopt={"ca_certs": str(pki / "ca.crt"), "certfile": str(pki / "admin.crt"), "keyfile": str(pki / "admin.key")})
    try:
        assert client.getsubprotocol() == "echo"
        client.send("hello")
        assert client.recv() == "/echo?a=1 hello"
        client.send_binary(b"abc")
        assert client.recv() == b"cba"
    finally:
        client.close()
