"""Counts that are kept as pods come and go are those of looking at every pod."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubeapi.labels import from_set, parse
from scheduler.cache import Cache
from scheduler.matching import MOST_TALLIES, Matchers, PodMatcher, count_pods
from scheduler.podinfo import PodInfo
from scheduler.selectors import with_values
from tests.unit.scheduler.builders import a_node_object, a_pod

MATCHERS: list[Matchers] = [
    (PodMatcher(frozenset(namespaces), parse(text), only_staying=only_staying),)
    for namespaces in (("default",), ("default", "other")) for text in ("app=a", "app in (a,b)", "!app", "") for only_staying in (False, True)]
MATCHERS.append((*MATCHERS[0], *MATCHERS[2]))


def pod(number: int, app: str, namespace: str, going: bool, node: str = "") -> PodInfo:
    return a_pod(f"p{number}", node=node, labels={"app": app} if app else {}, metadata={
        "namespace": namespace, **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {})})


steps = st.tuples(st.integers(0, 4), st.sampled_from(["a", "b", ""]), st.sampled_from(["default", "other"]), st.booleans(),
                  st.sampled_from(["n0", "n1", "n2"]), st.sampled_from(["assume", "confirm", "forget", "remove", "node goes", "node comes"]))


@given(st.lists(steps, max_size=30), st.integers(0, len(MATCHERS) - 1))
def test_kept_counts_are_the_counts(history: list[tuple[int, str, str, bool, str, str]], asked_first: int) -> None:
    cache = Cache()
    for name in ("n0", "n1", "n2"):
        cache.update_node(a_node_object(name))
    cache.count(MATCHERS[asked_first])
    for number, app, namespace, going, node, step in history:
        one = pod(number, app, namespace, going, node)
        if step == "assume":
            cache.assume(one, node)
        elif step == "confirm":
            cache.update_pod(one)
        elif step == "forget":
            cache.forget(one)
        elif step == "remove":
            cache.remove_pod(one.uid)
        elif step == "node goes" and any(known.name == node for known in cache.nodes):
            cache.remove_node(node)
        elif step == "node comes":
            cache.update_node(a_node_object(node))
        for matchers in MATCHERS[:asked_first + 1]:
            kept = {name: number for name, number in cache.count(matchers).items() if any(name == known.name for known in cache.nodes)}
            assert kept == count_pods(matchers, cache.nodes)


def test_only_so_many_counts_are_kept() -> None:
    cache = Cache()
    cache.update_node(a_node_object("n"))
    first = (PodMatcher(frozenset(("default",)), from_set({"app": "0"})),)
    kept = cache.count(first)
    for number in range(MOST_TALLIES):
        cache.count((PodMatcher(frozenset(("default",)), from_set({"app": f"{number + 1}"})),))
    cache.assume(a_pod(labels={"app": "0"}), "n")
    assert kept == {}, "dropped: nobody counts on"
    assert cache.count(first) == {"n": 1}


def test_match_label_keys_require_the_pods_own_values() -> None:
    narrowed = with_values(parse("app=a"), {"version": "2"}, ["version", "missing"])
    assert narrowed.matches({"app": "a", "version": "2"})
    assert not narrowed.matches({"app": "a", "version": "1"})
