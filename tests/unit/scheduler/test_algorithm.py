from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubeapi.world import World
from scheduler.algorithm import Chosen, Diagnosis, choose, enough_nodes
from scheduler.cache import Cache
from scheduler.events import Happening
from scheduler.judgements import Search
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo
from scheduler.registry import default_profile
from tests.unit.scheduler.builders import a_cluster, a_node, a_node_object, a_pod

PROFILE = default_profile()


def decide(pod: PodInfo, *nodes: NodeInfo) -> Chosen | Diagnosis:
    return choose(PROFILE, pod, a_cluster(*nodes), Search(), World(1))


def test_a_pod_that_fits_nowhere_says_why_per_node() -> None:
    diagnosis = decide(a_pod(cpu="2"), a_node("a", cpu="1"), a_node("b", unschedulable=True), a_node("c", cpu="1"))
    assert isinstance(diagnosis, Diagnosis)
    assert diagnosis.message == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. "
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")


def test_a_cluster_without_nodes_says_so() -> None:
    diagnosis = decide(a_pod())
    assert isinstance(diagnosis, Diagnosis)
    assert diagnosis.message == "0/0 nodes are available: no nodes available to schedule pods."


def test_only_what_refused_can_help() -> None:
    diagnosis = decide(a_pod(cpu="2"), a_node("a", cpu="1"))
    assert isinstance(diagnosis, Diagnosis)
    assert Happening.ASSIGNED_POD_DELETED in diagnosis.helped_by
    assert Happening.NODE_LABELS not in diagnosis.helped_by


def test_the_emptier_node_wins() -> None:
    chosen = decide(a_pod(cpu="1", memory="1Gi"), a_node("a", holding=(a_pod("x", cpu="2", memory="2Gi"),)), a_node("b"))
    assert isinstance(chosen, Chosen)
    assert chosen.node.name == "b"


def test_every_node_gets_its_turn_when_a_share_is_enough() -> None:
    cluster, search, world = a_cluster(*(a_node(f"n{number}") for number in range(400))), Search(), World(1)
    seen = set()
    for _ in range(8):
        chosen = choose(PROFILE, a_pod(), cluster, search, world)
        assert isinstance(chosen, Chosen)
        seen.add(chosen.node.name)
    assert search.start == 8 * enough_nodes(400) % 400
    assert len(seen) > 1


def test_an_assumed_pod_counts_until_it_is_forgotten() -> None:
    cache, pod = Cache(), a_pod(cpu="3")
    cache.update_node(a_node_object("a"))
    cache.assume(pod, "a")
    assert cache.nodes[0].requested.milli_cpu == 3000
    cache.forget(pod)
    assert cache.nodes[0].requested.milli_cpu == 0


def test_a_confirmed_pod_is_not_forgotten() -> None:
    cache = Cache()
    cache.update_node(a_node_object("a"))
    cache.assume(a_pod(cpu="3"), "a")
    cache.update_pod(a_pod(cpu="3", node="a"))
    cache.forget(a_pod(cpu="3"))
    assert cache.nodes[0].requested.milli_cpu == 3000


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from(["assume", "confirm", "forget", "remove"])), max_size=40))
def test_a_node_holds_exactly_the_sum_of_its_pods(steps: list[tuple[int, int, str]]) -> None:
    cache = Cache()
    for number in range(3):
        cache.update_node(a_node_object(f"n{number}"))
    for pod_number, node_number, step in steps:
        pod, node = a_pod(f"p{pod_number}", cpu="100m"), f"n{node_number}"
        if step == "assume":
            cache.assume(pod, node)
        elif step == "confirm":
            cache.update_pod(a_pod(f"p{pod_number}", cpu="100m", node=node))
        elif step == "forget":
            cache.forget(pod)
        else:
            cache.remove_pod(pod.uid)
        placed = [uid for one in cache.nodes for uid in one.pods]
        assert len(placed) == len(set(placed))
        assert all(one.requested.milli_cpu == 100 * len(one.pods) for one in cache.nodes)
