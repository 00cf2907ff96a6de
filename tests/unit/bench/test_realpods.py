from __future__ import annotations

import json
import os
from pathlib import Path

from bench.realpods import Seen, _steps


def a_node(directory: Path, uid: str, sandbox_at: float, container_at: float, created_at: float) -> Path:
    for path, document, at in (("sandboxes/s/sandbox.json", {"config": {"uid": uid}}, sandbox_at),
                               ("containers/c/container.json", {"pod_uid": uid}, container_at),
                               ("containers/c/process.json", {"pid": 1}, created_at)):
        file = directory / "runtime" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
        os.utime(file, (at, at))
    return directory


def test_the_steps_of_a_start_add_up_to_all_of_it(tmp_path: Path) -> None:
    seen = Seen()
    seen.uids["p"], seen.created["p"], seen.bound["p"], seen.ran["p"] = "u", 100.0, 100.01, 100.1
    found = _steps(seen, a_node(tmp_path, "u", 100.02, 100.03, 100.08))
    assert found == {"pod": 100, "pod_bound": 10.0, "pod_sandbox": 10.0, "pod_container": 10.0, "pod_runc": 50.0, "pod_told": 20.0}
