"""What kubectl's tests share: an API server in this process, and kubectl run against it in this process too."""
from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl.main import main
from tests.unit.kubectl.fakeserver import FakeServer, serving
from tests.unit.kubectl.objects import the_cluster


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Kubectl = Callable[[str], Ran]


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with serving() as server:
        server.add(*the_cluster())
        yield server


@pytest.fixture
def kubectl(fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Kubectl:
    """Runs one command line against the fake server."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> Ran:
        code = main(["-s", fake.url, "--cache-dir", str(tmp_path / "cache"), *shlex.split(line)])
        captured = capfdbinary.readouterr()
        return Ran(code, captured.out.decode(), captured.err.decode())
    return run
