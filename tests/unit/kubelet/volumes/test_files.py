"""Files the kubelet makes for pods, whatever the pods did to them."""
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubelet.containerstart import _holds
from kubelet.volumes import atomicwriter
from kubelet.volumes.atomicwriter import File

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_a_container_wrote_into_etc_hosts_is_not_read_to_its_end(tmp_path: Path) -> None:
    """A sparse file of a terabyte, which the kubelet would have read whole at the next start of a container."""
    hosts = tmp_path / "etc-hosts"
    hosts.write_bytes(b"127.0.0.1\tlocalhost\n")
    assert _holds(hosts, b"127.0.0.1\tlocalhost\n")
    with hosts.open("r+b") as file:
        file.truncate(1 << 40)
    assert not _holds(hosts, b"127.0.0.1\tlocalhost\n")
    assert not _holds(tmp_path / "missing", b"")


def test_files_that_cannot_be_written_leave_nothing(tmp_path: Path) -> None:
    """`a` cannot be a file and a directory; the kubelet tries again for as long as the pod lives."""
    for _ in range(3):
        with pytest.raises(OSError, match="a"):
            atomicwriter.write(tmp_path, {"a": File(b"1"), "a/b": File(b"2")}, NOW)
    assert list(tmp_path.iterdir()) == []
