"""Both kubectls over the revisions of a daemon set and of a deployment: every line must exit, print and complain the same."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import running_cluster
from tests.integration.kubectl.conftest import UPSTREAM
from tests.integration.kubectl.differential import ROOT, Stage, differences
from tests.integration.kubectl.differential_table import Scene

pytestmark = [pytest.mark.upstream_kubectl, pytest.mark.etcd,
              pytest.mark.skipif(UPSTREAM is None, reason="upstream's kubectl is not installed: there is nothing to compare with")]
SETUP = (f"apply -f {ROOT}/manifests/daemonset.yaml", "rollout status ds/agent --timeout=60s", "annotate ds agent kubernetes.io/change-cause=second",
         "set image ds/agent web=localhost/picokube/web:2", "rollout status ds/agent --timeout=60s",
         "create deployment w --image=i:1", "set image deploy/w i=i:2", "rollout status deploy/w --timeout=60s",
         f"create -f {ROOT}/manifests/replicationcontroller.yaml", "wait rc/rc --for=jsonpath={.status.readyReplicas}=2 --timeout=60s")
SCENES = {
    "daemons": Scene(SETUP, """
rollout history ds/agent
rollout history ds
rollout history ds/agent --revision=1
rollout history ds/agent --revision=2
rollout history ds/agent --revision=9
rollout history ds/agent --revision=-1
rollout history ds/agent -o name
rollout history ds/agent --revision=1 -o jsonpath={.kind},{.spec.template.spec.containers[0].image}
rollout status ds/agent
rollout status ds/agent --revision=2
rollout status ds/zz
get ds
get ds -o wide
rollout pause ds/agent
rollout resume ds/agent
rollout undo ds/agent --to-revision=9
rollout undo ds/agent --to-revision=-1
rollout undo ds/agent --dry-run=client
rollout undo ds/agent --dry-run=client -o name
rollout undo ds/agent --dry-run=server
rollout undo ds/agent --to-revision=1 -o jsonpath={.spec.template.spec.containers[0].image}
rollout restart ds/agent
get ds -o name
describe ds zz
"""),
    "others": Scene(SETUP, """
rollout history deploy/w -o name
rollout history deploy/w --revision=1
rollout undo deploy/w --dry-run=client
rollout undo deploy/w --to-revision=2
rollout undo deploy/w --to-revision=9
rollout undo rc/rc
rollout history rc/rc
rollout status rc/rc
rollout restart rc/rc
rollout undo svc/kubernetes
rollout undo -n default svc/kubernetes
rollout history node/NODE
get rc
describe rc rc --show-events=false
scale rc/rc --replicas=0
"""),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home: Path = tmp_path_factory.mktemp("rollouts")
    with running_cluster("--runtime", "hollow", "--nodes", "2", name="rollouts") as cluster:
        yield Stage(cluster.environment["KUBECONFIG"], home, ("rollouts-1", "rollouts-2"), UPSTREAM or "")


@pytest.mark.parametrize("name", SCENES, ids=str)
def test_both_exit_and_say_the_same(stage: Stage, name: str) -> None:
    found = differences(stage, name, SCENES[name])
    assert not found, "\n" + "\n".join(found)
