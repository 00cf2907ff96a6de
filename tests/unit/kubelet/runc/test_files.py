from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kubelet.runc.files import read_json, write_json


def test_two_threads_may_write_one_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: write_json(path, {"number": number}), range(200)))
    assert read_json(path)["number"] in range(200)
    assert list(tmp_path.iterdir()) == [path]
