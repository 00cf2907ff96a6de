"""exec, attach and port-forward into real containers."""
from __future__ import annotations

import asyncio

import pytest

from kubelet.cri import CriError
from tests.e2e.runtime.node import Node, Streams, Surroundings, can_run_pods, output, running_node

pytestmark = [pytest.mark.root, can_run_pods]


async def sleeper(node: Node) -> str:
    return await node.start(await node.sandbox(), "sleep", "1000")


async def processes(node: Node, container_id: str, words: str) -> int:
    _, out, _ = await node.runtime.exec_sync(container_id, ["sh", "-c", f"ps -o args | grep -v grep | grep -c '{words}'"], 20)
    return int(out)


def test_exec_sync_answers_code_and_both_outputs(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await sleeper(node)
            assert await node.runtime.exec_sync(container_id, ["sh", "-c", "echo o; echo e >&2; exit 3"], 20) == (3, b"o\n", b"e\n")
            big = await node.runtime.exec_sync(container_id, ["sh", "-c", "head -c 1000000 /dev/zero"], 20)
            assert len(big[1]) == 1000000
    asyncio.run(scene())


@pytest.mark.parametrize(("command", "code"), [("nope", 127), ("/nope", 127), ("/etc/passwd", 126)])
def test_exec_of_what_cannot_run(place: Surroundings, command: str, code: int) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            with pytest.raises(CriError, match="OCI runtime exec failed") as caught:
                await node.runtime.exec_sync(await sleeper(node), [command], 20)
            assert caught.value.exit_code == code
    asyncio.run(scene())


def test_a_command_that_times_out_is_killed_with_its_children(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await sleeper(node)
            with pytest.raises(CriError) as caught:
                await node.runtime.exec_sync(container_id, ["sh", "-c", "sleep 777 & sleep 778; true"], 0.3)
            assert caught.value.reason == "DeadlineExceeded"
            async with asyncio.timeout(20):
                while await processes(node, container_id, "sleep 77"):
                    pass
    asyncio.run(scene())


def test_exec_reads_standard_input_to_its_end(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            streams = Streams(b"b\n", b"a\n")
            assert await node.runtime.exec(await sleeper(node), ["sort"], streams, tty=False) == 0
            assert streams.out == b"a\nb\n"
    asyncio.run(scene())


def test_exec_with_a_terminal(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            streams = Streams(b"tty; sleep 0.2; stty size; exit 5\n", sizes=((132, 43),), until=b"never")
            async with asyncio.timeout(20):
                assert await node.runtime.exec(await sleeper(node), ["sh"], streams, tty=True) == 5
            assert b"/dev/pts/" in streams.out and b"43 132" in streams.out
    asyncio.run(scene())


def test_attach_shows_output_and_types(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await node.start(await node.sandbox(), "sh", "-c", "while read line; do echo got $line; done; echo end; sleep 0.1",
                                            stdin=True, stdin_once=True)
            streams = Streams(b"hello\n", until=b"got hello")
            async with asyncio.timeout(20):
                await node.runtime.attach(container_id, streams)
            assert streams.out == b"got hello\nend\n"
            assert output(await node.ended(container_id)) == ["got hello", "end"]
            with pytest.raises(CriError, match="not running"):
                await node.runtime.attach(container_id, streams)
    asyncio.run(scene())


def test_attach_to_a_terminal(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await node.start(await node.sandbox(), "sh", tty=True, stdin=True)
            streams = Streams(b"sleep 0.2; stty size; exit 3\n", sizes=((90, 30),), until=b"never")
            async with asyncio.timeout(20):
                await node.runtime.attach(container_id, streams)
            assert b"30 90" in streams.out
            assert (await node.ended(container_id)).exit_code == 3
    asyncio.run(scene())


def test_port_forward_reaches_what_listens_on_localhost(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            await node.start(sandbox, "httpd", "-f", "-p", "127.0.0.1:7000", "-h", "/www")
            async with asyncio.timeout(20):
                while True:
                    try:
                        reader, writer = await node.runtime.port_forward(sandbox.id, 7000)
                        break
                    except CriError as error:
                        assert "failed to connect to localhost:7000" in error.message
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                assert b"Hello" in await reader.read()
            writer.close()
    asyncio.run(scene())
