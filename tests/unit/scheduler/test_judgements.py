"""What is kept between pods changes no decision: it is the one of asking every plugin about every node and pod."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeapi.labels import from_set
from kubeapi.meta import ObjectKey
from kubeapi.world import World
from scheduler.algorithm import Chosen, Diagnosis, choose
from scheduler.cache import Cache
from scheduler.filters import Filters
from scheduler.framework import SUCCESS
from scheduler.judgements import MOST_SHAPES, Judgements, Search
from scheduler.podinfo import PodInfo
from scheduler.registry import assemble, default_profile
from tests.unit.scheduler.builders import PlainCluster, a_cluster, a_node, a_node_object, a_pod

PROFILE = default_profile()
WEB = {"app": "web"}


def affinity(kind: str, when: str, what: Any) -> dict[str, Any]:
    return {"affinity": {kind: {f"{when}DuringSchedulingIgnoredDuringExecution": what}}}


MINE = {"topologyKey": "host", "labelSelector": {"matchLabels": WEB}}
FAST = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
SHAPES: list[dict[str, Any]] = [
    {}, {"cpu": "1"}, {"memory": "1Gi", "labels": WEB}, {"nodeSelector": {"zone": "a"}},
    {"tolerations": [{"key": "team", "operator": "Exists"}], "cpu": "500m"},
    affinity("nodeAffinity", "required", {"nodeSelectorTerms": [FAST]}),
    affinity("nodeAffinity", "preferred", [{"weight": 5, "preference": FAST}]),
    {"labels": WEB, **affinity("podAntiAffinity", "required", [MINE])},
    {"labels": WEB, **affinity("podAffinity", "preferred", [{"weight": 5, "podAffinityTerm": MINE}])},
    {"labels": WEB, "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
                                                   "labelSelector": {"matchLabels": WEB}}]},
    {"containers": [{"name": "c", "image": "web", "ports": [{"containerPort": 80, "hostPort": 80}]}]},
    {"cpu": "2", "priority": 100}]
NODES: list[dict[str, Any]] = [
    {}, {"cpu": "1"}, {"unschedulable": True}, {"taints": [{"key": "team", "value": "blue", "effect": "NoSchedule"}]},
    {"taints": [{"key": "team", "value": "blue", "effect": "PreferNoSchedule"}]}, {"images": {"web:latest": 1 << 30}}, {"pods": 1}]
NAMES = ["a1", "a2", "b1", "b2"]


def a_server(name: str, variant: int) -> Any:
    labels = {"zone": name[0], "host": name, **({"disk": "ssd"} if variant % 2 else {})}
    return a_node_object(name, **{"labels": labels, **NODES[variant]})


def plainly(cache: Cache) -> PlainCluster:
    """The same cluster, with nothing counted or thought of before."""
    return PlainCluster(list(cache.nodes), cache.workloads, cache.nominated, list(cache.budgets), cache.namespaces)


def check_against_every_plugin(pod: PodInfo, found: Chosen | Diagnosis, plain: PlainCluster) -> None:
    filters = Filters(PROFILE.filters, pod, plain)
    verdicts = {node.name: filters.verdict(node) for node in plain.nodes}
    assert found.refusals == {name: status for name, status in verdicts.items() if status is not SUCCESS}
    if isinstance(found, Diagnosis):
        return
    assert {node.name for node in found.fitting} == {name for name, status in verdicts.items() if status is SUCCESS}
    raw = {one.plugin.name: asked for one in PROFILE.scores if (asked := one.plugin.raw(pod, plain, found.fitting)) is not None}
    if len(found.fitting) > 1:
        assert {one.plugin: list(one.raw) for one in found.scores} == {name: list(asked) for name, asked in raw.items()}


steps = st.one_of(
    st.tuples(st.just("pod"), st.integers(0, len(SHAPES) - 1), st.booleans()),
    st.tuples(st.just("gone"), st.integers(0, 15), st.booleans()),
    st.tuples(st.sampled_from(NAMES), st.integers(0, len(NODES) - 1), st.booleans()),
    st.tuples(st.just("nominate"), st.integers(0, len(SHAPES) - 1), st.booleans()))


@settings(deadline=None)
@given(st.lists(steps, max_size=25))
def test_decisions_are_those_of_looking_at_everything(history: list[tuple[str, int, bool]]) -> None:
    cache, search = Cache(), Search()
    cache.workloads.set_service(ObjectKey("default", "web"), from_set(WEB))
    for index, name in enumerate(NAMES):
        cache.update_node(a_server(name, index % 2))
    for number, (what, which, flag) in enumerate(history):
        if what == "pod":
            pod, start = a_pod(f"p{number}", **SHAPES[which]), search.start
            found = choose(PROFILE, pod, cache, search, World(number))
            anew = choose(PROFILE, pod, plainly(cache), Search(start), World(number))
            assert type(found) is type(anew)
            assert (found.node if isinstance(found, Chosen) else found.message) == (anew.node if isinstance(anew, Chosen) else anew.message)
            check_against_every_plugin(pod, found, plainly(cache))
            if isinstance(found, Chosen):
                cache.assume(pod, found.node.name)
        elif what == "gone":
            cache.remove_pod(f"uid-p{which}")
            cache.nominated.remove(f"uid-n{which}")
        elif what == "nominate":
            cache.nominated.set(a_pod(f"n{number}", **SHAPES[which]), NAMES[number % len(NAMES)])
        elif flag or not any(node.name == what for node in cache.nodes):
            cache.update_node(a_server(what, which))
        else:
            cache.remove_node(what)


@pytest.mark.parametrize("percentage", [0, 20, 70, 100])
def test_so_are_those_that_look_at_a_share_of_the_nodes(percentage: int) -> None:
    profile, cache, search = assemble(percentage_of_nodes=percentage), Cache(), Search()
    for number in range(230):
        cache.update_node(a_node_object(f"n{number}", cpu=f"{1 + number % 5}", labels={"zone": "abc"[number % 3]}, unschedulable=number % 7 == 0))
    for number in range(60):
        pod, start = a_pod(f"p{number}", **SHAPES[number % 5]), search.start
        found = choose(profile, pod, cache, search, World(number))
        other = Search(start)
        anew = choose(profile, pod, plainly(cache), other, World(number))
        assert isinstance(found, Chosen)
        assert isinstance(anew, Chosen)
        assert (found.node.name, len(found.fitting), search.start) == (anew.node.name, len(anew.fitting), other.start)
        cache.assume(pod, found.node.name)


def test_pods_of_one_shape_share_what_was_thought_and_others_do_not() -> None:
    search, nodes = Search(), [a_node("a")]
    first = search.judgements(PROFILE, a_pod("p", cpu="1"), nodes)
    assert search.judgements(PROFILE, a_pod("q", cpu="1", labels=WEB, priority=7), nodes) is first
    for spec in ({"cpu": "2"}, {"memory": "1Gi"}, *SHAPES[3:7], SHAPES[10]):
        assert search.judgements(PROFILE, a_pod("r", **{"cpu": "1", **spec}), nodes) is not first
    assert search.judgements(assemble("other"), a_pod("p", cpu="1"), nodes) is not first
    assert search.judgements(PROFILE, a_pod("p", cpu="1"), [a_node("a")]) is not first, "other nodes"


def test_only_so_many_shapes_are_remembered() -> None:
    search, nodes = Search(), [a_node("a")]
    first: Judgements = search.judgements(PROFILE, a_pod(cpu="1m"), nodes)
    for number in range(MOST_SHAPES):
        search.judgements(PROFILE, a_pod(cpu=f"{number + 2}m"), nodes)
    assert search.judgements(PROFILE, a_pod(cpu="1m"), nodes) is not first


def test_a_node_is_judged_anew_when_it_has_changed() -> None:
    cluster, search = a_cluster(a_node("a", cpu="1")), Search()
    assert isinstance(choose(PROFILE, a_pod("p", cpu="1"), cluster, search, World(1)), Chosen)
    cluster.nodes[0].add(a_pod("x", cpu="1"))
    assert isinstance(choose(PROFILE, a_pod("q", cpu="1"), cluster, search, World(1)), Diagnosis)
    cluster.nodes[0].remove("uid-x")
    assert isinstance(choose(PROFILE, a_pod("q", cpu="1"), cluster, search, World(1)), Chosen)
