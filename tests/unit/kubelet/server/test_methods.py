"""Each of the kubelet's paths has its methods; others are refused, once it is known who asks."""
from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from kubelet.server.app import App

ADMIN = {"subject": ((("organizationName", "system:masters"),),)}
Message = MutableMapping[str, Any]


def ask(method: str, path: str, certificate: Any = ADMIN) -> tuple[int, str, str]:
    """Code, Allow and text."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "state": {"peercert": certificate}}
    asyncio.run(App({}, has_ca=True)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"allow", b"").decode(), sent[1]["body"].decode()


@pytest.mark.parametrize("path", ["/pods", "/pods/", "/runningpods/", "/stats/summary", "/containerLogs/ns/p/c"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_what_is_read_is_only_read(method: str, path: str) -> None:
    assert ask(method, path) == (405, "GET", "405: Method Not Allowed")


@pytest.mark.parametrize("path", ["/exec/ns/p/c", "/attach/ns/p/c", "/portForward/ns/p"])
@pytest.mark.parametrize(("method", "code", "allow"), [("GET", 400, ""), ("POST", 400, ""), ("DELETE", 405, "GET, POST"), ("PUT", 405, "GET, POST")])
def test_streams_are_asked_for_by_get_and_post(path: str, method: str, code: int, allow: str) -> None:
    assert ask(method, path)[:2] == (code, allow)


@pytest.mark.parametrize(("method", "path", "code"), [("GET", "/pods", 200), ("POST", "/healthz", 200), ("POST", "/nothing", 404)])
def test_the_rest_is_as_it_was(method: str, path: str, code: int) -> None:
    assert ask(method, path)[0] == code


def test_a_stranger_hears_nothing_of_methods() -> None:
    assert ask("POST", "/pods", None)[0] == 401
