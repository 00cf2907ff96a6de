"""DefaultPreemption: whom it asks to go, where, and why not."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.labels import EVERYTHING, from_set
from kubeapi.meta import ObjectKey
from kubeapi.world import World
from scheduler.algorithm import Chosen, Diagnosis, choose
from scheduler.budgets import Budget, split_by_violation
from scheduler.filters import Filters
from scheduler.framework import SUCCESS
from scheduler.judgements import Search
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo
from scheduler.registry import default_profile
from scheduler.victims import Candidate, cheapest
from tests.unit.scheduler.builders import PlainCluster, a_cluster, a_node, a_pod

PROFILE = default_profile()
DB = {"app": "db"}


def low(name: str, cpu: str = "1", *, priority: int = 0, started: int = 0, **more: Any) -> PodInfo:
    return a_pod(name, cpu=cpu, priority=priority, status={"startTime": f"2026-01-01T00:{started:02}:00Z"}, **more)


def high(cpu: str = "1", **more: Any) -> PodInfo:
    return a_pod("high", cpu=cpu, **{"priority": 100, **more})


def budget(allowed: int, labels: dict[str, str] | None = None, *, namespace: str = "default", disrupted: tuple[str, ...] = ()) -> Budget:
    selector = EVERYTHING if labels == {} else from_set(DB if labels is None else labels)
    return Budget(ObjectKey(namespace, "budget"), selector, allowed, frozenset(disrupted))


def decide(pod: PodInfo, cluster: PlainCluster) -> Diagnosis:
    found = choose(PROFILE, pod, cluster, Search(), World(1))
    assert isinstance(found, Diagnosis), f"it fits on {found.node.name}"
    return found


def rescued(pod: PodInfo, cluster: PlainCluster) -> tuple[str | None, list[str]]:
    rescue = decide(pod, cluster).rescue
    return rescue.node, [victim.key.name for victim in rescue.victims]


@pytest.mark.parametrize(("holding", "pod", "victims"), [
    pytest.param([low("a"), low("b")], high("1"), ["b"], id="one is enough: the one that came last"),
    pytest.param([low("a", priority=5), low("b")], high("1"), ["b"], id="the less important one"),
    pytest.param([low("a"), low("b", priority=5)], high("1"), ["a"], id="... whatever their order"),
    pytest.param([low("a"), low("b")], high("2"), ["a", "b"], id="as many as it takes, most important first"),
    pytest.param([low("a", "500m"), low("b", "1500m")], high("1"), ["b"], id="the first comes back if there is room for it"),
    pytest.param([low("a", priority=100), low("b")], high("1"), ["b"], id="nobody of its own priority"),
    pytest.param([low("a", started=9), low("b", started=1)], high("1"), ["a"], id="who has been running longer stays"),
])
def test_as_few_and_as_unimportant_ones_as_possible_go(holding: list[PodInfo], pod: PodInfo, victims: list[str]) -> None:
    numbered = a_cluster(a_node(cpu="2", holding=tuple(holding)))
    assert rescued(pod, numbered) == ("n", victims)


def test_a_pod_that_keeps_the_coming_one_away_goes() -> None:
    apart: Any = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "host", "labelSelector": {"matchLabels": DB}}]}}}
    node = a_node(labels={"host": "n"}, holding=(low("a"), low("b", labels=DB), low("c", labels={"app": "x"}, **apart)))
    assert rescued(a_pod("high", priority=100, labels=DB), a_cluster(node)) == ("n", ["c"])
    assert rescued(a_pod("high", priority=100, **apart), a_cluster(node)) == ("n", ["b"])


def test_a_skewed_domain_is_evened_out() -> None:
    spread: Any = {"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
                                             "labelSelector": {"matchLabels": DB}}]}
    full = a_node("b", labels={"zone": "b"}, cpu="1", holding=(low("z", priority=200),))
    node = a_node("a", labels={"zone": "a"}, holding=(low("x", labels=DB), low("y")))
    assert rescued(a_pod("high", cpu="1", priority=100, labels=DB, **spread), a_cluster(node, full)) == ("a", ["x"])


@pytest.mark.parametrize(("budgets", "victims"), [
    pytest.param([], ["c"], id="none"),
    pytest.param([budget(0)], ["a"], id="what it protects comes back first"),
    pytest.param([budget(1)], ["c"], id="one may go"),
    pytest.param([budget(0, namespace="other")], ["c"], id="of another namespace"),
    pytest.param([budget(0, {})], ["c"], id="an empty selector protects nobody"),
    pytest.param([budget(0, disrupted=("c",))], ["c"], id="its end is counted already"),
])
def test_budgets_are_kept_where_others_can_go(budgets: list[Budget], victims: list[str]) -> None:
    cluster = a_cluster(a_node(cpu="2", holding=(low("a", priority=1), low("c", labels=DB))))
    cluster.budgets = budgets
    assert rescued(high("1"), cluster) == ("n", victims)


def test_a_budget_is_broken_where_nothing_else_helps() -> None:
    cluster = a_cluster(a_node(cpu="1", holding=(low("a", labels=DB),)))
    cluster.budgets = [budget(0)]
    assert rescued(high("1"), cluster) == ("n", ["a"])


def test_what_is_allowed_is_used_up_in_order() -> None:
    pods = [low(name, labels=DB) for name in "abc"]
    violating, others = split_by_violation(pods, [budget(2)])
    assert ([pod.key.name for pod in violating], [pod.key.name for pod in others]) == (["c"], ["a", "b"])


def on(node: str, *victims: PodInfo, violations: int = 0) -> Candidate:
    return Candidate(node, victims, violations)


@pytest.mark.parametrize(("better", "worse"), [
    pytest.param(on("a", low("x", priority=9), low("y")), on("b", low("z"), violations=1), id="fewest broken budgets"),
    pytest.param(on("a", low("x"), low("y")), on("b", low("z", priority=1)), id="least important first victim"),
    pytest.param(on("a", low("x", priority=5), low("y", priority=1)), on("b", low("x", priority=5), low("y", priority=2)), id="smallest sum"),
    pytest.param(on("a", low("x", priority=5)), on("b", low("x", priority=5), low("y", priority=-5)), id="fewest victims"),
    pytest.param(on("a", low("x", started=9), low("y", started=9)), on("b", low("x", started=1), low("y", started=20)), id="the latest start"),
    pytest.param(on("a", low("x")), on("b", low("y")), id="the first of equals"),
])
def test_the_node_is_chosen_by_what_it_costs(better: Candidate, worse: Candidate) -> None:
    assert cheapest([better, worse]).node == "a"
    if better.cost != worse.cost:
        assert cheapest([worse, better]).node == "a"


FULL = "0/1 nodes are available: 1 Insufficient cpu. preemption: "


@pytest.mark.parametrize(("pod", "node", "told"), [
    pytest.param(high(preemptionPolicy="Never"), a_node(cpu="1", holding=(low("a"),)),
                 f"{FULL}not eligible due to preemptionPolicy=Never.", id="it does not want to"),
    pytest.param(high(), a_node(cpu="1", holding=(low("a", priority=100),)),
                 f"{FULL}0/1 nodes are available: 1 No preemption victims found for incoming pod.", id="nobody is less important"),
    pytest.param(high("2"), a_node(cpu="2", holding=(low("a"), low("b", priority=100))),
                 f"{FULL}0/1 nodes are available: 1 Insufficient cpu.", id="it would not be enough"),
    pytest.param(high("9"), a_node(cpu="1", holding=(low("a"),)),
                 f"{FULL}0/1 nodes are available: 1 Preemption is not helpful for scheduling.", id="an empty node would not do"),
])
def test_why_preemption_does_not_help(pod: PodInfo, node: NodeInfo, told: str) -> None:
    diagnosis = decide(pod, a_cluster(node))
    assert diagnosis.message == told
    assert not diagnosis.rescue.node


def test_with_a_node_found_nothing_more_is_told() -> None:
    assert decide(high(), a_cluster(a_node(cpu="1", holding=(low("a"),)))).message == "0/1 nodes are available: 1 Insufficient cpu."


def going(name: str, **more: Any) -> PodInfo:
    return a_pod(name, cpu="1", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}, status={"conditions": [
        {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]}, **more)


def test_a_pod_waits_for_the_end_of_its_victims() -> None:
    pod, cluster = high(), a_cluster(a_node("a", cpu="1", holding=(going("x"),)), a_node("b", cpu="1", holding=(low("y"),)))
    cluster.nominated.set(pod, "a")
    found = decide(pod, cluster)
    assert found.message.endswith("preemption: not eligible due to a terminating pod on the nominated node.")
    assert found.rescue.node is None, "it goes on hoping"


def test_a_pod_whose_node_became_impossible_looks_for_another() -> None:
    pod, cluster = high(), a_cluster(a_node("a", cpu="1", unschedulable=True, holding=(going("x"),)), a_node("b", cpu="1", holding=(low("y"),)))
    cluster.nominated.set(pod, "a")
    assert rescued(pod, cluster) == ("b", ["y"])


@pytest.mark.parametrize(("priority", "fits"), [(0, False), (100, False), (101, True)])
def test_room_that_is_made_for_a_pod_is_not_for_less_important_ones(priority: int, fits: bool) -> None:
    cluster = a_cluster(a_node("a", cpu="1"))
    cluster.nominated.set(high(), "a")
    found = choose(PROFILE, a_pod("other", cpu="1", priority=priority, preemptionPolicy="Never"), cluster, Search(), World(1))
    assert isinstance(found, Chosen) is fits


def test_a_nominated_pod_keeps_those_away_whom_it_does_not_want() -> None:
    cluster = a_cluster(a_node("a", labels={"host": "a"}), a_node("b", labels={"host": "b"}))
    cluster.nominated.set(high(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "host", "labelSelector": {"matchLabels": DB}}]}}), "a")
    found = choose(PROFILE, a_pod("other", labels=DB), cluster, Search(), World(1))
    assert isinstance(found, Chosen)
    assert found.node.name == "b"


def test_the_nominated_node_is_looked_at_first() -> None:
    cluster, pod = a_cluster(a_node("a", cpu="64"), a_node("b")), high()
    cluster.nominated.set(pod, "b")
    found = choose(PROFILE, pod, cluster, Search(), World(1))
    assert isinstance(found, Chosen)
    assert found.node.name == "b"


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=6), st.integers(1, 8), st.integers(0, 4))
def test_victims_make_room_and_none_of_them_goes_for_nothing(holding: list[tuple[int, int]], cpu: int, priority: int) -> None:
    there = tuple(low(f"p{index}", f"{needs}", priority=importance) for index, (needs, importance) in enumerate(holding))
    node = a_node(cpu=f"{sum(needs for needs, _ in holding) or 1}", holding=there)
    pod, cluster = a_pod("p", cpu=f"{cpu}", priority=priority), a_cluster(node)
    found = choose(PROFILE, pod, cluster, Search(), World(1))
    if isinstance(found, Chosen):
        return
    filters = Filters(PROFILE.filters, pod, cluster)

    def fits_without(victims: list[PodInfo]) -> bool:
        left = node.copy()
        for victim in victims:
            left.remove(victim.uid)
        return filters.verdict(left) is SUCCESS

    lower = [one for one in there if one.priority < priority]
    victims = list(found.rescue.victims)
    assert bool(victims) is (bool(lower) and fits_without(lower))
    if victims:
        assert all(victim.priority < priority for victim in victims)
        assert fits_without(victims)
        assert not any(fits_without([other for other in victims if other is not victim]) for victim in victims)
