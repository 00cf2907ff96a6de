"""InterPodAffinity: who is refused, who is preferred, and what may help."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.cache import Cache
from scheduler.events import Event, Happening
from scheduler.framework import SUCCESS, Code
from scheduler.plugins.inter_pod_affinity import InterPodAffinity
from scheduler.podinfo import PodInfo
from tests.unit.scheduler.builders import PlainCluster, a_cluster, a_node, a_node_object, a_pod, scores

WEB, DB = {"app": "web"}, {"app": "db"}
NO_COMPANY = "node(s) didn't match pod affinity rules"
BAD_COMPANY = "node(s) didn't match pod anti-affinity rules"
UNWELCOME = "node(s) didn't satisfy existing pods anti-affinity rules"


def term(labels: dict[str, str] | None = None, key: str = "zone", **more: Any) -> dict[str, Any]:
    return {"topologyKey": key, "labelSelector": {"matchLabels": WEB if labels is None else labels}, **more}


def wishes(kind: str, *terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}}


def together(*terms: dict[str, Any]) -> dict[str, Any]:
    return wishes("podAffinity", *terms)


def apart(*terms: dict[str, Any]) -> dict[str, Any]:
    return wishes("podAntiAffinity", *terms)


def preferred(kind: str, weight: int, one: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": one}]}}}


def web(name: str, namespace: str = "default", **spec: Any) -> PodInfo:
    return a_pod(name, labels=WEB, metadata={"namespace": namespace}, **spec)


def zones(**pods: list[PodInfo]) -> PlainCluster:
    """A node for each name, in the zone of its first letter."""
    cluster = a_cluster(*(a_node(name, labels={"zone": name[0], "host": name}, holding=tuple(there)) for name, there in pods.items()))
    cluster.namespaces = {"default": {}, "blue": {"team": "blue"}, "red": {"team": "red"}}
    return cluster


def refusals(pod: PodInfo, cluster: PlainCluster) -> dict[str, str]:
    """By node; those that fit are not in it."""
    check = InterPodAffinity().look(pod, cluster)
    if check is None:
        return {}
    found = {node.name: check.filter(pod, node) for node in cluster.nodes}
    assert all((status.code is Code.UNRESOLVABLE) is (status.reasons == (NO_COMPANY,)) for status in found.values() if status is not SUCCESS)
    return {name: status.reasons[0] for name, status in found.items() if status is not SUCCESS}


@pytest.mark.parametrize(("spec", "a_holds", "refused"), [
    pytest.param({}, [web("x")], {}, id="no wish"),
    pytest.param(together(term()), [web("x")], {"b1": NO_COMPANY}, id="affinity: the zone where such a pod is"),
    pytest.param(together(term(key="host")), [web("x")], {"a2": NO_COMPANY, "b1": NO_COMPANY}, id="affinity by host"),
    pytest.param(together(term(DB)), [web("x")], {"a1": NO_COMPANY, "a2": NO_COMPANY, "b1": NO_COMPANY}, id="affinity to nobody there"),
    pytest.param(together(term(), term(DB)), [web("x"), a_pod("y", labels=DB)], {"a1": NO_COMPANY, "a2": NO_COMPANY, "b1": NO_COMPANY},
                 id="one pod must match all terms"),
    pytest.param(together(term(), term({"tier": "1"})), [a_pod("x", labels={**WEB, "tier": "1"})], {"b1": NO_COMPANY}, id="and may"),
    pytest.param(together(term(key="rack")), [web("x")], {"a1": NO_COMPANY, "a2": NO_COMPANY, "b1": NO_COMPANY}, id="no node has the label"),
    pytest.param(apart(term()), [web("x")], {"a1": BAD_COMPANY, "a2": BAD_COMPANY}, id="anti-affinity: not that zone"),
    pytest.param(apart(term(key="host")), [web("x")], {"a1": BAD_COMPANY}, id="anti-affinity by host"),
    pytest.param(apart(term(DB)), [web("x")], {}, id="anti-affinity to nobody there"),
    pytest.param(apart(term(key="rack")), [web("x")], {}, id="anti-affinity on nodes without the label"),
    pytest.param(apart(term(DB), term()), [web("x")], {"a1": BAD_COMPANY, "a2": BAD_COMPANY}, id="each anti-affinity term counts for itself"),
    pytest.param({}, [a_pod("x", **apart(term(DB)))], {}, id="somebody keeps others away"),
    pytest.param({}, [a_pod("x", **apart(term()))], {"a1": UNWELCOME, "a2": UNWELCOME}, id="somebody keeps such pods away"),
    pytest.param({}, [a_pod("x", **apart(term(key="host")))], {"a1": UNWELCOME}, id="... from its host"),
    pytest.param(apart(term()), [web("x", **apart(term()))], {"a1": BAD_COMPANY, "a2": BAD_COMPANY}, id="its own wish is told first"),
])
def test_required_terms(spec: dict[str, Any], a_holds: list[PodInfo], refused: dict[str, str]) -> None:
    pod = a_pod(labels={**WEB, "tier": "1"} if not spec else {"app": "other"}, **spec)
    assert refusals(pod, zones(a1=a_holds, a2=[], b1=[])) == refused


@pytest.mark.parametrize(("spec", "where"), [
    pytest.param({}, ["default"], id="the pod's own namespace"),
    pytest.param({"namespaces": ["red"]}, ["red"], id="namespaces by name"),
    pytest.param({"namespaceSelector": {"matchLabels": {"team": "blue"}}}, ["blue"], id="namespaces by label"),
    pytest.param({"namespaceSelector": {}}, ["blue", "default", "red"], id="an empty selector: all"),
    pytest.param({"namespaceSelector": {"matchLabels": {"team": "blue"}}, "namespaces": ["default"]}, ["blue", "default"], id="both add up"),
])
def test_namespaces_of_a_term(spec: dict[str, Any], where: list[str]) -> None:
    """The same for one's own term as for one that a pod there has."""
    pod, keeper = a_pod(labels=DB, **apart(term(**spec))), a_pod("x", labels=DB, **apart(term(**spec)))
    assert [name for name in ("blue", "default", "red") if refusals(pod, zones(a1=[web("y", name)]))] == where
    assert [name for name in ("blue", "default", "red") if refusals(web("y", name), zones(a1=[keeper]))] == where


@pytest.mark.parametrize(("keys", "version", "refused"), [
    pytest.param({"matchLabelKeys": ["version"]}, "1", True, id="matchLabelKeys: pods of the same version"),
    pytest.param({"matchLabelKeys": ["version"]}, "2", False, id="matchLabelKeys: not of others"),
    pytest.param({"mismatchLabelKeys": ["version"]}, "1", False, id="mismatchLabelKeys: not of the same version"),
    pytest.param({"mismatchLabelKeys": ["version"]}, "2", True, id="mismatchLabelKeys: of others"),
    pytest.param({"matchLabelKeys": ["absent"]}, "2", True, id="a label that the pod does not have"),
])
def test_label_keys_narrow_a_term(keys: dict[str, Any], version: str, refused: bool) -> None:
    pod = a_pod(labels={**WEB, "version": "1"}, **apart(term(**keys)))
    assert bool(refusals(pod, zones(a1=[a_pod("x", labels={**WEB, "version": version})]))) is refused


def test_the_first_of_a_group_may_begin_anywhere_that_has_the_label() -> None:
    first = web("p", **together(term()))
    cluster = zones(a1=[], b1=[a_pod("x", labels=DB)])
    cluster.nodes.append(a_node("bare"))
    assert refusals(first, cluster) == {"bare": NO_COMPANY}
    assert refusals(web("q", **together(term())), zones(a1=[first], b1=[])) == {"b1": NO_COMPANY}


def test_a_pod_that_does_not_belong_to_the_group_cannot_begin_it() -> None:
    assert refusals(a_pod(labels=DB, **together(term())), zones(a1=[])) == {"a1": NO_COMPANY}


def test_a_check_follows_pods_that_would_come_and_go() -> None:
    there, keeper = web("x"), a_pod("y", labels=DB, **apart(term()))
    pod = web("p", **apart(term()))
    cluster = zones(a1=[there, keeper])
    check, node = InterPodAffinity().look(pod, cluster), cluster.nodes[0]
    assert check is not None
    seen = []
    for other, by in ((there, -1), (keeper, -1), (there, 1)):
        check.shift(other, node, by)
        seen.append(check.filter(pod, node).reasons)
    assert seen == [(UNWELCOME,), (), (BAD_COMPANY,)]


def test_company_that_would_go_is_none() -> None:
    there, pod = web("x"), a_pod(labels=DB, **together(term()))
    cluster = zones(a1=[there])
    check = InterPodAffinity().look(pod, cluster)
    assert check is not None
    check.shift(there, cluster.nodes[0], -1)
    assert check.filter(pod, cluster.nodes[0]).reasons == (NO_COMPANY,)


def wished(pod: PodInfo, cluster: PlainCluster, plugin: InterPodAffinity | None = None) -> list[int] | None:
    return scores(plugin or InterPodAffinity(), pod, cluster)


TOGETHER, APART = "podAffinity", "podAntiAffinity"


@pytest.mark.parametrize(("spec", "a_holds", "expected"), [
    pytest.param({}, [web("x")], None, id="no wish"),
    pytest.param(preferred(TOGETHER, 10, term()), [web("x")], [100, 100, 0], id="its wish to be near"),
    pytest.param(preferred(APART, 10, term()), [web("x")], [0, 0, 100], id="its wish to be away"),
    pytest.param(preferred(TOGETHER, 10, term(key="host")), [web("x")], [100, 0, 0], id="on the same host"),
    pytest.param(preferred(TOGETHER, 10, term(DB)), [web("x")], None, id="near to nobody there"),
    pytest.param({}, [web("x", **preferred(TOGETHER, 5, term(DB)))], [100, 100, 0], id="a wish of one that is there"),
    pytest.param({}, [web("x", **preferred(APART, 5, term(DB)))], [0, 0, 100], id="... to be alone"),
    pytest.param({}, [web("x", **together(term(DB)))], [100, 100, 0], id="one that is there must be with it"),
    pytest.param(preferred(TOGETHER, 5, term()), [web("x", **preferred(APART, 5, term(DB)))], None, id="wishes cancel out"),
    pytest.param(preferred(TOGETHER, 1, term()), [web("x", **together(term(DB)))], [100, 100, 0], id="they add up"),
])
def test_preferred_terms_weigh(spec: dict[str, Any], a_holds: list[PodInfo], expected: list[int] | None) -> None:
    assert wished(a_pod(labels=DB, **spec), zones(a1=a_holds, a2=[], b1=[])) == expected


def test_every_pod_and_its_weight_counts() -> None:
    pod = a_pod(**preferred(TOGETHER, 10, term()))
    assert wished(pod, zones(a1=[web("x"), web("y")], b1=[web("z")], c1=[])) == [100, 50, 0]


def test_what_those_there_wish_can_be_weighed_otherwise() -> None:
    pod, must, would = a_pod(labels=DB), web("x", **together(term(DB))), web("y", **preferred(TOGETHER, 10, term(DB)))
    assert wished(pod, zones(a1=[must], b1=[would]), InterPodAffinity(20)) == [100, 0]
    assert wished(pod, zones(a1=[must], b1=[would]), InterPodAffinity()) == [0, 100]
    assert wished(pod, zones(a1=[must], b1=[]), InterPodAffinity(0)) is None
    assert wished(pod, zones(a1=[must], b1=[would]), InterPodAffinity(ignore_preferred_of_others=True)) is None


ADDED, DELETED, LABELS = Happening.ASSIGNED_POD_ADDED, Happening.ASSIGNED_POD_DELETED, Happening.ASSIGNED_POD_LABELS


@pytest.mark.parametrize(("spec", "happening", "other", "helps"), [
    pytest.param(together(term()), ADDED, web("x"), True, id="company has come"),
    pytest.param(together(term()), ADDED, a_pod("x", labels=DB), False, id="another pod has come"),
    pytest.param(together(term()), DELETED, a_pod("x", labels=DB), False, id="another pod has gone"),
    pytest.param(apart(term()), DELETED, web("x"), True, id="bad company has gone"),
    pytest.param(apart(term()), ADDED, web("x"), False, id="bad company has come"),
    pytest.param(apart(term()), DELETED, a_pod("x", labels=DB), False, id="another pod has gone: anti-affinity"),
    pytest.param({}, DELETED, web("x", **apart(term(DB))), True, id="one that kept it away has gone"),
    pytest.param(together(term(namespaceSelector={"matchLabels": {"a": "b"}})), ADDED, web("x", "red"), True, id="perhaps of its namespaces"),
    pytest.param(apart(term()), LABELS, a_pod("x"), True, id="labels changed: it may have been bad company"),
    pytest.param(together(term()), Happening.NODE_LABELS, None, True, id="a node is in another domain"),
    pytest.param(together(term()), Happening.NAMESPACE_LABELS, None, True, id="a namespace is another team's"),
])
def test_what_may_help_a_refused_pod(spec: dict[str, Any], happening: Happening, other: PodInfo | None, helps: bool) -> None:
    assert InterPodAffinity.helped_by & happening
    assert InterPodAffinity().helps(a_pod(labels=DB, **spec), Event(happening, other)) is helps


SHAPES: list[dict[str, Any]] = [
    {}, together(term()), apart(term(key="host")), apart(term(DB)), preferred(TOGETHER, 3, term(DB)), preferred(APART, 7, term(key="host")),
    together(term(namespaceSelector={})), apart(term(key="host", namespaceSelector={"matchLabels": {"team": "blue"}}))]
pods = st.tuples(st.integers(0, 6), st.sampled_from([WEB, DB]), st.sampled_from(["default", "blue"]), st.sampled_from(SHAPES),
                 st.sampled_from(["a1", "a2", "b1", ""]))


@given(st.lists(pods, max_size=14), pods)
def test_what_the_cache_keeps_gives_the_verdicts_of_looking_at_every_pod(history: list[Any], asked: Any) -> None:
    cache = Cache()
    for name in ("a1", "a2", "b1"):
        cache.update_node(a_node_object(name, labels={"zone": name[0], "host": name}))
    cache.update_namespace("default", {})
    cache.update_namespace("blue", {"team": "blue"})

    def made(number: int, labels: dict[str, str], namespace: str, spec: dict[str, Any]) -> PodInfo:
        return a_pod(f"p{number}", labels=labels, metadata={"namespace": namespace}, **spec)

    plugin, pod = InterPodAffinity(), made(99, *asked[1:4])
    for number, labels, namespace, spec, node in history:
        one = made(number, labels, namespace, spec)
        if node:
            cache.assume(one, node)
        else:
            cache.remove_pod(one.uid)
        plain = PlainCluster(list(cache.nodes), namespaces=cache.namespaces)
        kept, looked = plugin.look(pod, cache), plugin.look(pod, plain)
        for info in cache.nodes:
            verdicts = [check.filter(pod, info) if check is not None else SUCCESS for check in (kept, looked)]
            assert verdicts[0] == verdicts[1]
        assert plugin.raw(pod, cache, cache.nodes) == plugin.raw(pod, plain, cache.nodes)
    for number in range(7):
        cache.remove_pod(f"uid-p{number}")
    assert not (cache.held.together or cache.held.apart or cache.held.preferred), "nothing is left behind"
