"""The profile ha: whatever single component is killed, the cluster goes on."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.compose.engine import Engine
from tests.e2e.compose.project import Project, running_project

MEMBERS = ("etcd-1", "etcd-2", "etcd-3")
ETCDCTL = ("etcdctl", "--cacert=/pki/ca.crt", "--cert=/pki/client.crt", "--key=/pki/client.key")


@pytest.fixture(scope="module")
def ha(engine: Engine) -> Iterator[Project]:
    """Begun without the profile: a plain cluster becomes one of three members while it runs."""
    with running_project(engine, "ha") as plain:
        plain.create_until_done("before")
        project = Project(engine, "ha", "ha", plain.kubeconfig.parent)
        try:
            project.compose("up", "-d")
            project.read_kubeconfig()
            until_voters(project)
            yield project
        finally:
            project.compose("down", "--timeout", "5")


def members(project: Project, by: str) -> dict[str, bool]:
    """Each member that has started, and whether it has a vote."""
    found = json.loads(project.compose("exec", "-T", by, *ETCDCTL, "--write-out=json", "member", "list"))["members"]
    return {one["name"]: not one.get("isLearner") for one in found if one.get("name")}


def until_voters(project: Project) -> None:
    """A learner answers no reads; whoever does has a vote."""
    for member in MEMBERS:
        wait = f"until {' '.join(ETCDCTL)} endpoint health; do sleep 1; done"
        project.compose("exec", "-T", member, "timeout", "60", "sh", "-c", wait)
    assert members(project, "etcd-1") == dict.fromkeys(MEMBERS, True)


def leader_of_etcd(project: Project) -> str:
    endpoints = ",".join(f"https://{one}:2379" for one in MEMBERS)
    found = json.loads(project.compose("exec", "-T", "etcd-1", *ETCDCTL, f"--endpoints={endpoints}", "--write-out=json", "endpoint", "status"))
    return next(str(one["Endpoint"]).split("/")[-1].partition(":")[0] for one in found
                if one["Status"]["leader"] == one["Status"]["header"]["member_id"])


def test_what_was_written_before_is_still_there(ha: Project) -> None:
    assert ha.kubectl("get", "configmap", "before", "-o", "name").strip() == "configmap/before"


def test_etcd_lets_nobody_in_by_a_certificate_of_the_cluster(ha: Project) -> None:
    def ask(pair: str) -> str:
        return ha.compose("exec", "-T", "apiserver", "etcdctl", "--endpoints=https://etcd-1:2379", "--cacert=/pki/etcd-ca.crt",
                          f"--cert=/pki/{pair}.crt", f"--key=/pki/{pair}.key", "--command-timeout=3s", "get", "/registry", "--prefix", "--limit=1")

    assert ask("etcd-client")
    with pytest.raises(AssertionError, match="exit code 1"):
        ask("kubelet-client")


KILLED: dict[str, Callable[[Project], str]] = {
    "the leading member of etcd": leader_of_etcd,
    "an API server": lambda ha: "apiserver",
    "the other API server": lambda ha: "apiserver-2",
    "the leading scheduler": lambda ha: ha.leader("kube-scheduler"),
    "the leading controller manager": lambda ha: ha.leader("kube-controller-manager"),
}


@pytest.mark.parametrize("which", KILLED)
def test_the_cluster_goes_on_without(ha: Project, which: str) -> None:
    service = KILLED[which](ha)
    ha.compose("kill", service)
    ha.create_until_done("without-" + which.replace(" ", "-").lower())
    ha.scale(len(ha.web_pods()) + 1)
    ha.compose("start", service)
    if service in MEMBERS:
        until_voters(ha)


def test_the_one_address_can_be_started_again(ha: Project) -> None:
    ha.compose("kill", "balancer")
    ha.compose("start", "balancer")
    ha.create_until_done("after-the-balancer")
    ha.scale(len(ha.web_pods()) + 1)
