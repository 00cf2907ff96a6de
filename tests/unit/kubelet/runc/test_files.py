from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kubelet.runc.files import read_json, write_json


def test_two_threads_may_write_one_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: write_json(path, {"number": number}), range(200)))
    assert read_json(path)["number"] in range(200)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("left", [
    pytest.param(None, id="nothing"), pytest.param(b"", id="a name without content"), pytest.param(b"\0" * 40, id="blocks never written")])
def test_what_a_loss_of_power_left_is_as_if_it_had_never_been_written(tmp_path: Path, left: bytes | None) -> None:
    path = tmp_path / "process.json"
    if left is not None:
        path.write_bytes(left)
    assert read_json(path) is None


def test_a_document_that_nobody_needs_after_a_loss_of_power_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_json(path, {"root": "rootfs"}, outlives_power=False)
    assert read_json(path) == {"root": "rootfs"}
