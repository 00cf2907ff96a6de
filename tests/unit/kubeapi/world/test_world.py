from __future__ import annotations

import subprocess
import sys

FORK = """
import os
from kubeapi.world import REAL_WORLD
for _ in range(2):
    if os.fork() == 0:
        os.write(1, (REAL_WORLD.uid() + "\\n").encode())
        os._exit(0)
for _ in range(2):
    os.wait()
"""


def test_forked_processes_draw_different_uids() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True, timeout=60)
    assert len(set(done.stdout.split())) == 2
