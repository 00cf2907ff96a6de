"""Tests of docker-compose.yml in a real Docker engine. They take minutes, so only `make test-compose` runs them."""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.e2e.compose.engine import Engine, running_engine

HERE = Path(__file__).parent
PROGRAMS = ("dockerd", "docker-compose", "mmdebstrap", "ip", "nsenter")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("compose")
            if "compose" not in (config.option.markexpr or ""):
                item.add_marker(pytest.mark.skip(reason="minutes with a Docker engine: `make test-compose` runs it"))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine of our own, with the base image that needs no registry."""
    _require_programs()
    with tempfile.TemporaryDirectory(prefix="pk-docker-") as directory:
        archive = _base_image(Path(directory))
        with running_engine(Path(directory)) as found:
            found.docker("import", str(archive), "picokube-base")
            yield found


def _require_programs() -> None:
    if os.geteuid() != 0:
        pytest.skip("a Docker engine needs root")
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if any(shutil.which(one, path=path) is None for one in PROGRAMS):
        if shutil.which("apt-get") is None:
            pytest.skip(f"there is no apt-get to install {', '.join(PROGRAMS)}")
        told = subprocess.run(["hack/install-deps", "--compose"], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
        if told.returncode:
            pytest.skip(f"the Docker engine could not be installed: {told.stderr.strip()[-500:]}")


def _base_image(directory: Path) -> Path:
    """Made anew, unless $PICOKUBE_BASE_ARCHIVE names one that `hack/make-base-image -o` has written."""
    if given := os.environ.get("PICOKUBE_BASE_ARCHIVE"):
        return Path(given)
    made = subprocess.run(["hack/make-base-image", "-o", str(directory / "base.tar")], cwd=ROOT, capture_output=True, text=True, timeout=1200,
                          check=False)
    if made.returncode:
        pytest.skip(f"no base image could be made: {made.stderr.strip()[-500:]}")
    return directory / "base.tar"
