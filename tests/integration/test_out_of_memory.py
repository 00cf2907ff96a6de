"""When the machine's memory is used up, the kernel looks for a process to kill: for any other than the control plane's."""
from __future__ import annotations

import subprocess

import pytest

from picokube.processes import CRITICAL_OOM_SCORE, oom_score_adjustment
from tests.cluster import running_cluster


def may_be_spared() -> bool:
    """CAP_SYS_RESOURCE: root has it, but not in every container."""
    command = f"echo {CRITICAL_OOM_SCORE} > /proc/self/oom_score_adj && grep -x -- {CRITICAL_OOM_SCORE} /proc/self/oom_score_adj"
    return subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_be_spared(), reason="this process may not ask to be spared")
def test_the_control_plane_is_killed_last() -> None:
    with running_cluster("--runtime", "hollow", name="spared") as cluster:
        parent = cluster.cluster.parent()
        assert parent is not None
        scores = {name: oom_score_adjustment(one["pid"]) for name, one in cluster.components().items()}
        kubelets = {name for name in scores if name.startswith("kubelet")}
        assert kubelets
        assert {scores[name] for name in scores.keys() - kubelets} | {oom_score_adjustment(parent.pid)} == {CRITICAL_OOM_SCORE}
        assert all(scores[name] != CRITICAL_OOM_SCORE for name in kubelets)
