"""PodTopologySpread: who is refused, who is preferred, and what may help."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.labels import from_set
from kubeapi.meta import ObjectKey
from scheduler.events import Event, Happening
from scheduler.framework import SUCCESS, Code
from scheduler.nodeinfo import NodeInfo
from scheduler.plugins.pod_topology_spread import PodTopologySpread
from scheduler.podinfo import PodInfo
from tests.unit.scheduler.builders import PlainCluster, a_cluster, a_node, a_pod, scores

WEB = {"app": "web"}
SKEWED = "node(s) didn't match pod topology spread constraints"
MISSING = "node(s) didn't match pod topology spread constraints (missing required label)"


def over(key: str = "zone", *, skew: int = 1, when: str = "DoNotSchedule", selector: Any = None, **more: Any) -> dict[str, Any]:
    return {"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": when, "labelSelector": {"matchLabels": WEB} if selector is None else selector, **more}


def spread(*constraints: dict[str, Any], labels: dict[str, str] | None = None, **spec: Any) -> PodInfo:
    return a_pod(labels=WEB if labels is None else labels, topologySpreadConstraints=list(constraints), **spec)


def webs(node: str, number: int) -> tuple[PodInfo, ...]:
    return tuple(a_pod(f"{node}-{index}", labels=WEB) for index in range(number))


def zones(**pods: int) -> PlainCluster:
    """A node for each name, in the zone of its first letter."""
    return a_cluster(*(a_node(name, labels={"zone": name[0], "kubernetes.io/hostname": name}, holding=webs(name, number))
                       for name, number in pods.items()))


def refusals(pod: PodInfo, cluster: PlainCluster) -> dict[str, str]:
    """By node; those that fit are not in it."""
    check = PodTopologySpread().look(pod, cluster)
    if check is None:
        return {}
    found = {node.name: check.filter(pod, node) for node in cluster.nodes}
    assert all((status.code is Code.UNRESOLVABLE) is (status.reasons == (MISSING,)) for status in found.values() if status is not SUCCESS)
    return {name: status.reasons[0] for name, status in found.items() if status is not SUCCESS}


@pytest.mark.parametrize(("pod", "pods", "refused"), [
    pytest.param(a_pod(labels=WEB), {"a1": 5, "b1": 0}, [], id="without constraints"),
    pytest.param(spread(over()), {"a1": 0, "b1": 0}, [], id="nothing there yet"),
    pytest.param(spread(over()), {"a1": 1, "b1": 0}, ["a1"], id="the fuller zone"),
    pytest.param(spread(over()), {"a1": 1, "a2": 0, "b1": 0}, ["a1", "a2"], id="every node of the fuller zone"),
    pytest.param(spread(over(skew=2)), {"a1": 1, "b1": 0}, [], id="maxSkew allows it"),
    pytest.param(spread(over()), {"a1": 2, "b1": 1, "c1": 2}, ["a1", "c1"], id="only the emptiest zone"),
    pytest.param(spread(over("kubernetes.io/hostname")), {"a1": 1, "a2": 0}, ["a1"], id="by host"),
    pytest.param(spread(over(), over("kubernetes.io/hostname")), {"a1": 1, "a2": 0, "b1": 1}, ["a1", "b1"], id="both must hold"),
    pytest.param(spread(over(), labels={"app": "db"}), {"a1": 1, "b1": 0}, [], id="the pod itself is not counted"),
    pytest.param(spread(over(), labels={"app": "db"}), {"a1": 2, "b1": 0}, ["a1"], id="but others are"),
    pytest.param(spread(over(selector={})), {"a1": 3, "b1": 0}, [], id="an empty selector counts nobody there"),
    pytest.param(spread(over(minDomains=3)), {"a1": 1, "b1": 1}, ["a1", "b1"], id="fewer zones than minDomains: emptiest is 0"),
    pytest.param(spread(over(minDomains=2)), {"a1": 1, "b1": 1}, [], id="as many as minDomains"),
    pytest.param(spread(over(when="ScheduleAnyway")), {"a1": 9, "b1": 0}, [], id="ScheduleAnyway refuses nobody"),
    pytest.param(spread(over(), nodeSelector={"zone": "a"}), {"a1": 9, "b1": 0}, [], id="zones the pod cannot go to do not count"),
    pytest.param(spread(over(nodeAffinityPolicy="Ignore"), nodeSelector={"zone": "a"}), {"a1": 9, "b1": 0}, ["a1"],
                 id="nodeAffinityPolicy: Ignore"),
    pytest.param(spread(over(matchLabelKeys=["version"]), labels={**WEB, "version": "2"}), {"a1": 3, "b1": 0}, [],
                 id="matchLabelKeys: only pods of the same version"),
    pytest.param(spread(over(matchLabelKeys=["version"])), {"a1": 3, "b1": 0}, ["a1"], id="matchLabelKeys: the pod has no such label"),
])
def test_nodes_that_would_be_skewed_are_refused(pod: PodInfo, pods: dict[str, int], refused: list[str]) -> None:
    assert refusals(pod, zones(**pods)) == dict.fromkeys(refused, SKEWED)


def test_a_node_without_the_label_is_refused_for_good_and_does_not_count() -> None:
    cluster = zones(a1=1, b1=1)
    cluster.nodes.append(a_node("bare"))
    assert refusals(spread(over()), cluster) == {"bare": MISSING}


@pytest.mark.parametrize(("policy", "refused"), [("Ignore", ["a1"]), ("Honor", [])])
def test_zones_behind_taints_count_unless_taints_are_honored(policy: str, refused: list[str]) -> None:
    tainted = a_node("b1", labels={"zone": "b"}, taints=[{"key": "team", "effect": "NoSchedule"}])
    cluster = a_cluster(a_node("a1", labels={"zone": "a"}, holding=webs("a1", 1)), tainted)
    assert sorted(refusals(spread(over(nodeTaintsPolicy=policy)), cluster)) == refused


@pytest.mark.parametrize("other", [
    pytest.param(a_pod("x", labels=WEB, metadata={"namespace": "other"}), id="of another namespace"),
    pytest.param(a_pod("x", labels=WEB, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), id="being deleted"),
    pytest.param(a_pod("x", labels={"app": "db"}), id="not selected"),
])
def test_pods_that_do_not_count(other: PodInfo) -> None:
    cluster = a_cluster(a_node("a1", labels={"zone": "a"}, holding=(other,)), a_node("b1", labels={"zone": "b"}))
    assert refusals(spread(over()), cluster) == {}


def test_a_check_follows_pods_that_would_come_and_go() -> None:
    cluster, pod = zones(a1=1, b1=0), spread(over())
    check = PodTopologySpread().look(pod, cluster)
    assert check is not None
    first, (there,) = cluster.nodes[0], webs("a1", 1)
    assert check.filter(pod, first) is not SUCCESS
    check.shift(there, first, -1)
    assert check.filter(pod, first) is SUCCESS
    check.shift(there, first, 1)
    assert check.filter(pod, first) is not SUCCESS


def order(pod: PodInfo, cluster: PlainCluster) -> list[str] | None:
    """Nodes from the most to the least wanted, equals as one word."""
    found = scores(PodTopologySpread(), pod, cluster)
    if found is None:
        return None
    by_score: dict[int, list[str]] = {}
    for node, score in zip(cluster.nodes, found, strict=True):
        assert 0 <= score <= 100
        by_score.setdefault(score, []).append(node.name)
    return ["=".join(by_score[score]) for score in sorted(by_score, reverse=True)]


ANYWAY = over(when="ScheduleAnyway")


@pytest.mark.parametrize(("pod", "pods", "expected"), [
    pytest.param(a_pod(labels=WEB), {"a1": 5, "b1": 0}, None, id="no wish"),
    pytest.param(spread(over()), {"a1": 5, "b1": 0}, None, id="DoNotSchedule does not weigh"),
    pytest.param(spread(ANYWAY), {"a1": 0, "b1": 0}, ["a1=b1"], id="nobody there"),
    pytest.param(spread(ANYWAY), {"a1": 2, "b1": 0, "c1": 1}, ["b1", "c1", "a1"], id="the emptier zone first"),
    pytest.param(spread(ANYWAY), {"a1": 2, "a2": 0, "b1": 1}, ["b1", "a1=a2"], id="zones, not nodes"),
    pytest.param(spread(over("kubernetes.io/hostname", when="ScheduleAnyway")), {"a1": 2, "a2": 0, "b1": 1}, ["a2", "b1", "a1"], id="by host"),
    pytest.param(spread(ANYWAY, over("kubernetes.io/hostname", when="ScheduleAnyway")), {"a1": 2, "a2": 0, "b1": 0}, ["b1", "a2", "a1"],
                 id="zone and host"),
])
def test_emptier_domains_are_preferred(pod: PodInfo, pods: dict[str, int], expected: list[str] | None) -> None:
    assert order(pod, zones(**pods)) == expected


def test_a_node_without_the_label_is_the_last_choice() -> None:
    cluster = zones(a1=2, b1=1)
    cluster.nodes.append(a_node("bare"))
    assert order(spread(ANYWAY), cluster) == ["b1", "a1", "bare"]


@pytest.mark.parametrize("belongs_to", ["Service", "ReplicaSet", "StatefulSet", "nothing", "another ReplicaSet"])
def test_pods_of_a_service_or_controller_spread_by_default(belongs_to: str) -> None:
    cluster = zones(a1=4, b1=0)
    owner = {"apiVersion": "apps/v1", "kind": belongs_to, "name": "web", "uid": "u", "controller": True}
    pod = a_pod(labels=WEB, metadata={"ownerReferences": [owner]} if belongs_to in ("ReplicaSet", "StatefulSet") else {})
    if belongs_to == "Service":
        cluster.workloads.set_service(ObjectKey("default", "web"), from_set(WEB))
    elif belongs_to != "nothing":
        name = "other" if belongs_to.startswith("another") else "web"
        cluster.workloads.set_controller("ReplicaSet" if name == "other" else belongs_to, ObjectKey("default", name), from_set(WEB))
    assert order(pod, cluster) == (None if belongs_to in ("nothing", "another ReplicaSet") else ["b1", "a1"])


def test_defaults_do_not_apply_beside_constraints_of_its_own() -> None:
    cluster = zones(a1=4, b1=0)
    cluster.workloads.set_service(ObjectKey("default", "web"), from_set(WEB))
    assert order(spread(over("rack", when="ScheduleAnyway")), cluster) == ["a1=b1"]


def test_a_service_that_is_gone_spreads_nothing() -> None:
    cluster = zones(a1=4, b1=0)
    cluster.workloads.set_service(ObjectKey("default", "web"), from_set(WEB))
    cluster.workloads.remove_service(ObjectKey("default", "web"))
    assert order(a_pod(labels=WEB), cluster) is None


@pytest.mark.parametrize(("happening", "other", "helps"), [
    pytest.param(Happening.ASSIGNED_POD_DELETED, a_pod("x", labels=WEB), True, id="a pod it counts has gone"),
    pytest.param(Happening.ASSIGNED_POD_ADDED, a_pod("x", labels=WEB), True, id="a pod it counts has come elsewhere"),
    pytest.param(Happening.ASSIGNED_POD_DELETED, a_pod("x", labels={"app": "db"}), False, id="another pod has gone"),
    pytest.param(Happening.ASSIGNED_POD_LABELS, a_pod("x", labels={"app": "db"}), True, id="labels changed: it may have been counted"),
    pytest.param(Happening.NODE_REMOVED, None, True, id="an empty domain may be gone"),
])
def test_what_may_help_a_refused_pod(happening: Happening, other: PodInfo | None, helps: bool) -> None:
    assert PodTopologySpread.helped_by & happening
    assert PodTopologySpread().helps(spread(over()), Event(happening, other)) is helps


def test_nodes_are_only_asked_for_a_pod_with_requirements() -> None:
    node: NodeInfo = a_node()
    assert PodTopologySpread().look(a_pod(), a_cluster(node)) is None
