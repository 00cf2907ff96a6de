"""`make up` as the README has it: what hack/up does, what one can try then, again, after kill -9 of everything, and down.

The conversation is held with upstream's kubectl where it is installed, else with the bundled one.
"""
from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from picokube.cluster import Cluster, find
from tests.cluster import ROOT, kill_everything
from tests.e2e.leftovers import NOTHING, leftovers
from tests.e2e.runtime.node import can_run_pods

BIN = ROOT / ".venv" / "bin"
pytestmark = [pytest.mark.root, can_run_pods, pytest.mark.skipif(not (BIN / "picokube").exists(), reason="`make` has made no .venv here")]
NAME = "first"
UPSTREAM = os.environ.get("PICOKUBE_UPSTREAM_KUBECTL") or str(BIN / "kubectl")


class User:
    """Somebody at a terminal."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "PICOKUBE_HOME": str(home / "state"), "KUBECONFIG": str(home / "config"), "PICOKUBE_NAME": NAME,
                            "HOME": str(home)}
        self.environment.pop("SUDO_UID", None)

    def run(self, *command: str, code: int = 0) -> str:
        printed = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=240, check=False)
        assert printed.returncode == code, f"{command}\n{printed.stdout}{printed.stderr}"
        return printed.stdout

    def make_up(self) -> str:
        return self.run("hack/up", "--port", str(20000 + os.getpid() % 12000), "--component-arg", "kubelet=--port=0")

    def kubectl(self, *arguments: str, code: int = 0) -> str:
        return self.run(UPSTREAM, *arguments, code=code)

    def names(self, *arguments: str) -> list[str]:
        return self.kubectl("get", *arguments, "-o", "name").split()


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    # Unix sockets want a short path.
    short = Path(f"/tmp/pk-first-{os.getpid()}")
    short.symlink_to(tmp_path)
    user = User(short)
    try:
        yield user
    finally:
        user.run(str(BIN / "picokube"), "down")
        short.unlink()


def test_the_first_hour_of_a_user(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    make_up_shows_nodes_pods_and_what_to_try(user)
    a_pods_events_tell_its_life_in_order(user)
    the_readmes_commands_do_what_it_says(user)
    an_image_that_is_not_there_is_rolled_back(user)
    monkeypatch.setenv("PICOKUBE_HOME", user.environment["PICOKUBE_HOME"])
    cluster = find(NAME)
    assert cluster is not None
    a_port_that_is_taken_is_told_with_its_owner(user, cluster)
    assert "is already running" in user.make_up()
    after_kill_9_of_everything_it_is_fine_too(user, cluster)
    make_down_leaves_nothing(user)


def make_up_shows_nodes_pods_and_what_to_try(user: User) -> None:
    printed = user.make_up()
    assert f"cluster '{NAME}' is ready" in printed
    assert 'deployment "web" successfully rolled out' in printed
    assert f"{NAME}-1   Ready" in printed
    assert "kubectl scale deployment/web --replicas=5" in printed


def a_pods_events_tell_its_life_in_order(user: User) -> None:
    described = user.kubectl("describe", user.names("pods", "-l", "app=web")[0])
    events = described[described.index("Events:"):].splitlines()[3:]
    assert [line.split()[1] for line in events] == ["Scheduled", "Pulled", "Created", "Started"]


def the_readmes_commands_do_what_it_says(user: User) -> None:
    assert user.kubectl("get", "nodes").splitlines()[1].split()[:2] == [f"{NAME}-1", "Ready"]
    address = user.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].status.podIP}")
    pod = user.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=10) as answer:
        assert answer.read() == b"Hello from picokube.\n"
    assert "response:200" in user.kubectl("logs", pod)
    assert user.kubectl("exec", pod, "--", "hostname") == f"{pod}\n"
    user.kubectl("exec", pod, "--", "sh", "-c", "exit 3", code=3)
    user.kubectl("scale", "deployment/web", "--replicas=5")
    assert "successfully rolled out" in user.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    assert len(user.names("pods", "-l", "app=web")) == 5


def an_image_that_is_not_there_is_rolled_back(user: User) -> None:
    """Of 5 one may be missing and two too many: 3 new ones wait for their image."""
    user.kubectl("set", "image", "deployment/web", "web=localhost/picokube/web:2")
    user.kubectl("wait", "deployment/web", "--for=jsonpath={.status.updatedReplicas}=3", "--timeout=60s")
    user.kubectl("rollout", "undo", "deployment/web")
    user.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    assert user.kubectl("get", "deployment/web", "-o", "jsonpath={.spec.template.spec.containers[0].image}") == "localhost/picokube/web:1"
    assert "REVISION" in user.kubectl("rollout", "history", "deployment/web")
    assert "deployment-controller  Scaled up replica set" in user.kubectl("describe", "deployment/web")


def after_kill_9_of_everything_it_is_fine_too(user: User, cluster: Cluster) -> None:
    before = user.names("pods")
    kill_everything(cluster)
    assert "is ready" in user.make_up()
    assert set(user.names("pods")) & set(before)


def a_port_that_is_taken_is_told_with_its_owner(user: User, cluster: Cluster) -> None:
    command = [str(BIN / "picokube"), "up", "--name", "second", "--runtime", "hollow", "--port", str(cluster.settings.port)]
    refused = subprocess.run(command, env=user.environment, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"picokube: port {cluster.settings.port} is taken by the process ")


def make_down_leaves_nothing(user: User) -> None:
    user.kubectl("delete", "-f", "manifests/demo.yaml")
    user.run(str(BIN / "picokube"), "down")
    assert leftovers(NAME, user.environment["PICOKUBE_HOME"]) == NOTHING
    assert "is ready" in user.run(str(BIN / "picokube"), "up")
    user.run(str(BIN / "picokube"), "reset")
    assert leftovers(NAME, user.environment["PICOKUBE_HOME"]) == NOTHING
