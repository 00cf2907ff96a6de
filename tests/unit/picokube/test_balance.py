from __future__ import annotations

import asyncio
import errno
import ssl
from typing import Any

import pytest

from picokube.balance import Balancer


@pytest.mark.parametrize(("code", "is_ready"), [(errno.EMFILE, True), (errno.EADDRNOTAVAIL, True), (errno.ECONNREFUSED, False)])
def test_a_server_is_not_judged_by_what_the_balancer_lacks(code: int, is_ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened connections until there were no more files had every other client's cut."""
    async def refused(*_: Any, **__: Any) -> None:
        raise OSError(code, "no")

    async def ask() -> bool:
        balancer = Balancer([("127.0.0.1", 1)], ssl.create_default_context())
        balancer.servers[0].is_ready = True
        return await balancer._says_ready(balancer.servers[0])
    monkeypatch.setattr(asyncio, "open_connection", refused)
    assert asyncio.run(ask()) is is_ready
