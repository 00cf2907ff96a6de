"""Both kubectls on real containers, a namespace each: streams, copies and exit codes are the same."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import ROOT, running_cluster
from tests.integration.kubectl.conftest import UPSTREAM
from tests.integration.kubectl.differential import Stage, differences
from tests.integration.kubectl.differential_table import FILES, Scene

pytestmark = [pytest.mark.root, pytest.mark.upstream_kubectl, pytest.mark.skipif(os.geteuid() != 0, reason="real containers need root"),
              pytest.mark.skipif(UPSTREAM is None, reason="upstream's kubectl is not installed: there is nothing to compare with")]
NAME, IMAGE = "e2eboth", "localhost/picokube/web:1"
OWN_FILES = {"tree/a.txt": "hi\n", "tree/b/c.txt": "there\n", "box.yaml": f"""
apiVersion: v1
kind: Pod
metadata: {{name: box, labels: {{app: box}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: {IMAGE}
    command: [sh, -c, "mkdir -p d/e; echo one > d/a; echo two > d/e/b; chmod 750 d/e/b; while :; do sleep 1; done"]
    workingDir: /tmp
  - {{name: w, image: {IMAGE}}}
"""}
# What the tar in the container has to say goes to another stream of ours than upstream's, so it gets no reason to speak.
LINES = """
exec box -c c -- echo hi
exec box -- sh -c 'echo out; echo err >&2; exit 5'
exec box -c c -i -- cat < cm.yaml
exec box -c c -it -- echo hi
exec box -c c -t -- echo hi
exec box -c c -- nope
exec pod/box -c w -q -- hostname
exec -f box.yaml -c c -- echo f
cp box:d/a got-a -c c
cp box:d got-d -c c
cp tree box:/tmp/tree -c c
exec box -c c -- find /tmp/tree
cp tree/a.txt box:/tmp/x.txt -c c
cp tree/a.txt NAMESPACE/box:/tmp/y.txt -c c --no-preserve
exec box -c c -- cat /tmp/x.txt /tmp/y.txt
cp nope box:/tmp/x -c c
cp box:/d/a box:/d/b
cp tree zz:/tmp/x
cp tree box:/tmp -c nope
logs box -c c
logs box --all-containers
logs -l app=box -c w --prefix
run once --image=IMAGE -i --rm --restart=Never --command -- cat < cm.yaml
run once2 --image=IMAGE -i --rm -q --restart=Never --command -- sh -c 'cat; exit 4' < cm.yaml
run once3 --image=IMAGE -i --restart=Never --command -- cat < cm.yaml
run once3 --image=IMAGE -i --restart=Never --command -- cat < cm.yaml
attach once3
attach box -c nope
debug box --image=IMAGE -i -q --target=c --profile=general -c d1 -- cat < cm.yaml
debug box --image=IMAGE --copy-to=box2 -i -q --profile=general -c d2 -- cat < cm.yaml
debug node/NODE --image=IMAGE -i -q --profile=general -- cat < cm.yaml
port-forward box x
port-forward box 99999
port-forward box 80:99999
port-forward box
port-forward svc/zz 80
port-forward box 80:8080 --address=nope
""".replace("IMAGE", IMAGE)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for file, text in OWN_FILES.items():
        monkeypatch.setitem(FILES, file, text)
    subprocess.run([sys.executable, "hack/make-image", str(tmp_path / "web.tar")], cwd=ROOT, check=True, timeout=120)
    with running_cluster(name=NAME) as cluster:
        assert cluster.picokube("image", "import", str(tmp_path / "web.tar")).returncode == 0
        yield Stage(cluster.environment["KUBECONFIG"], tmp_path, (f"{NAME}-1", f"{NAME}-1"), UPSTREAM or "")


def test_streams_copies_and_exit_codes_are_the_same(stage: Stage) -> None:
    found = differences(stage, "real", Scene(("apply -f box.yaml", "wait --for=condition=Ready pod/box --timeout=60s"), LINES))
    assert not found, "\n" + "\n".join(found)
    for path in ("got-a", "got-d/a", "got-d/e/b"):
        assert (stage.home / "a" / path).read_bytes() == (stage.home / "b" / path).read_bytes()
