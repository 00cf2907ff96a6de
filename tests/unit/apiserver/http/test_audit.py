"""One line for every request that may change something."""
from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from apiserver.http.audit import AuditLog
from tests.virtualtime import run


def recorded(**scope: Any) -> str:
    read, write = os.pipe()

    async def one() -> None:
        AuditLog(write).record({"method": "POST", "path": "/api/v1/pods", "status": 201, "user": "me", "headers": [], **scope}, 1.25)
        await asyncio.sleep(1)

    run(one())
    os.close(write)
    with os.fdopen(read) as file:
        return file.read()


def test_many_lines_are_not_kept_waiting() -> None:
    async def many() -> None:
        log = AuditLog(write)
        for _ in range(1000):
            log.record({"method": "POST", "path": "/", "headers": []}, 0.0)

    read, write = os.pipe()
    run(many())
    os.close(write)
    with os.fdopen(read) as file:
        assert file.read().count("\n") > 700


def test_who_did_what_and_why() -> None:
    line = recorded(headers=[(b"x-picokube-causes", b"ADDED pods a@3")])
    assert line.endswith(",250 I audit: 201 POST /api/v1/pods by me because of [ADDED pods a@3]\n")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_are_not_recorded(method: str) -> None:
    assert recorded(method=method) == ""


@pytest.mark.parametrize(("field", "value"), [
    ("path", "/api/v1/x\n2026 I audit: 200 DELETE /everything"), ("user", "me\nyou"),
    ("headers", [(b"x-picokube-causes", b"a\nb")])])
def test_nobody_can_write_a_second_line(field: str, value: Any) -> None:
    assert recorded(**{field: value}).count("\n") == 1


def test_a_log_that_cannot_be_written_fails_no_request() -> None:
    async def one() -> None:
        log = AuditLog(write)
        log.record({"method": "POST", "path": "/", "headers": []}, 0.0)
        log.flush()

    read, write = os.pipe()
    os.close(read)
    run(one())
    os.close(write)
