from __future__ import annotations

from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import PodSpec
from scheduler.framework import SUCCESS, Code, scaled_to_maximum
from scheduler.plugins.balanced_allocation import BalancedAllocation
from scheduler.plugins.image_locality import ImageLocality
from scheduler.plugins.node_affinity import NodeAffinity
from scheduler.plugins.node_name import NodeName
from scheduler.plugins.node_ports import NodePorts
from scheduler.plugins.node_resources_fit import NodeResourcesFit
from scheduler.plugins.node_unschedulable import NodeUnschedulable
from scheduler.plugins.scheduling_gates import SchedulingGates
from scheduler.plugins.taint_toleration import TaintToleration
from scheduler.resources import Resources, pod_requests
from tests.unit.scheduler.builders import a_cluster, a_node, a_pod, scores

TAINT = {"key": "team", "value": "blue", "effect": "NoSchedule"}


def required(*expressions: dict[str, Any], field: str = "matchExpressions") -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{field: list(expressions)}]}}}}


@pytest.mark.parametrize(("spec", "fits"), [
    pytest.param({}, True, id="asks for nothing"),
    pytest.param({"nodeSelector": {"disk": "ssd"}}, True, id="selector matches"),
    pytest.param({"nodeSelector": {"disk": "hdd"}}, False, id="selector differs"),
    pytest.param({"nodeSelector": {"gpu": "yes"}}, False, id="label missing"),
    pytest.param(required({"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}), True, id="In"),
    pytest.param(required({"key": "disk", "operator": "NotIn", "values": ["ssd"]}), False, id="NotIn"),
    pytest.param(required({"key": "gpu", "operator": "NotIn", "values": ["a"]}), True, id="NotIn holds for a missing label"),
    pytest.param(required({"key": "disk", "operator": "Exists"}), True, id="Exists"),
    pytest.param(required({"key": "disk", "operator": "DoesNotExist"}), False, id="DoesNotExist"),
    pytest.param(required({"key": "cores", "operator": "Gt", "values": ["4"]}), True, id="Gt"),
    pytest.param(required({"key": "cores", "operator": "Lt", "values": ["8"]}), False, id="Lt"),
    pytest.param(required({"key": "disk", "operator": "Gt", "values": ["4"]}), False, id="Gt of what is no number"),
    pytest.param(required({"key": "metadata.name", "operator": "In", "values": ["n"]}, field="matchFields"), True, id="by name"),
    pytest.param(required(), False, id="an empty term matches nothing"),
])
def test_node_affinity(spec: dict[str, Any], fits: bool) -> None:
    status = NodeAffinity().filter(a_pod(**spec), a_node(labels={"disk": "ssd", "cores": "8"}))
    assert (status is SUCCESS) is fits
    if not fits:
        assert status.reasons == ("node(s) didn't match Pod's node affinity/selector",)


@pytest.mark.parametrize(("tolerations", "fits"), [
    pytest.param([], False, id="none"),
    pytest.param([{"key": "team", "operator": "Equal", "value": "blue", "effect": "NoSchedule"}], True, id="equal"),
    pytest.param([{"key": "team", "value": "blue"}], True, id="default operator, any effect"),
    pytest.param([{"key": "team", "operator": "Equal", "value": "red"}], False, id="another value"),
    pytest.param([{"key": "team", "operator": "Exists"}], True, id="exists"),
    pytest.param([{"operator": "Exists"}], True, id="everything"),
    pytest.param([{"key": "team", "operator": "Exists", "effect": "NoExecute"}], False, id="another effect"),
])
@pytest.mark.parametrize("effect", ["NoSchedule"])
def test_taints_repel_pods_that_do_not_tolerate_them(tolerations: list[dict[str, str]], fits: bool, effect: str) -> None:
    status = TaintToleration().filter(a_pod(tolerations=tolerations), a_node(taints=[{**TAINT, "effect": effect}]))
    assert (status is SUCCESS) is fits


def test_prefer_no_schedule_only_weighs() -> None:
    plugin, pod = TaintToleration(), a_pod()
    nodes = [a_node("a"), a_node("b", taints=[{**TAINT, "effect": "PreferNoSchedule"}])]
    assert all(plugin.filter(pod, node) is SUCCESS for node in nodes)
    assert scores(plugin, pod, a_cluster(*nodes)) == [100, 0]


@pytest.mark.parametrize(("tolerations", "fits"), [
    pytest.param([], False, id="a plain pod"),
    pytest.param([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}], True, id="tolerates"),
])
def test_cordoned_nodes(tolerations: list[dict[str, str]], fits: bool) -> None:
    assert (NodeUnschedulable().filter(a_pod(tolerations=tolerations), a_node(unschedulable=True)) is SUCCESS) is fits


def test_a_pod_that_names_its_node_fits_nowhere_else() -> None:
    assert NodeName().filter(a_pod(node="n"), a_node("n")) is SUCCESS
    assert NodeName().filter(a_pod(node="n"), a_node("m")).reasons == ("node(s) didn't match the requested node name",)


@pytest.mark.parametrize(("asked", "reasons", "code"), [
    pytest.param({"cpu": "2"}, (), Code.SUCCESS, id="fits exactly"),
    pytest.param({"cpu": "2001m"}, ("Insufficient cpu",), Code.UNSCHEDULABLE, id="cpu"),
    pytest.param({"cpu": "3", "memory": "7Gi"}, ("Insufficient cpu", "Insufficient memory"), Code.UNSCHEDULABLE, id="both"),
    pytest.param({"cpu": "5"}, ("Insufficient cpu",), Code.UNRESOLVABLE, id="more than the node ever has"),
])
def test_resources_fit(asked: dict[str, Any], reasons: tuple[str, ...], code: Code) -> None:
    node = a_node(cpu="4", memory="8Gi", holding=(a_pod("other", cpu="2", memory="2Gi"),))
    status = NodeResourcesFit().filter(a_pod(**asked), node)
    assert (status.reasons, status.code) == (reasons, code)


def test_a_full_node_says_too_many_pods() -> None:
    assert NodeResourcesFit().filter(a_pod(), a_node(pods=1, holding=(a_pod("other"),))).reasons == ("Too many pods",)


def test_extended_resources_count() -> None:
    pod = a_pod(containers=[{"name": "c", "resources": {"requests": {"example.com/gpu": "1"}}}])
    assert NodeResourcesFit().filter(pod, a_node()).reasons == ("Insufficient example.com/gpu",)


def test_least_allocated_prefers_the_emptier_node() -> None:
    pod, plugin = a_pod(cpu="1", memory="1Gi"), NodeResourcesFit()
    empty, used = a_node("a"), a_node("b", holding=(a_pod("x", cpu="2", memory="2Gi"),))
    assert plugin.score(None, pod, empty) == (75 + 87) // 2
    assert plugin.score(None, pod, used) == (25 + 62) // 2


def test_balanced_allocation_prefers_even_use() -> None:
    plugin = BalancedAllocation()
    assert plugin.score(None, a_pod(cpu="2", memory="4Gi"), a_node()) == 100
    assert plugin.score(None, a_pod(cpu="4", memory="0"), a_node()) == 50


@pytest.mark.parametrize(("scores", "reverse", "expected"), [
    pytest.param([0, 5, 10], False, [0, 50, 100], id="largest is best"),
    pytest.param([0, 5, 10], True, [100, 50, 0], id="smallest is best"),
    pytest.param([0, 0], True, [100, 100], id="all equal"),
])
def test_scores_are_scaled_to_the_maximum(scores: list[int], reverse: bool, expected: list[int]) -> None:
    assert scaled_to_maximum(scores, reverse=reverse) == expected


def container(name: str, cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(("spec", "milli_cpu"), [
    pytest.param({"containers": [container("a", "1"), container("b", "500m")]}, 1500, id="containers add up"),
    pytest.param({"containers": [container("a", "1")], "initContainers": [container("i", "3"), container("j", "2")]}, 3000,
                 id="the largest init container counts"),
    pytest.param({"containers": [container("a", "1")], "initContainers": [container("s", "1", restartPolicy="Always")]}, 2000,
                 id="a sidecar runs beside the containers"),
    pytest.param({"containers": [container("a", "1")],
                  "initContainers": [container("s", "1", restartPolicy="Always"), container("i", "3")]}, 4000,
                 id="an init container runs beside the sidecars before it"),
    pytest.param({"containers": [container("a", "1")], "overhead": {"cpu": "250m"}}, 1250, id="overhead"),
    pytest.param({"containers": [container("a", "1")], "resources": {"requests": {"cpu": "2"}}}, 2000, id="the pod's own request"),
])
def test_what_a_pod_requests(spec: dict[str, Any], milli_cpu: int) -> None:
    assert pod_requests(PodSpec.from_wire(spec)) == Resources(milli_cpu=milli_cpu)


def with_port(number: int, **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", "ports": [{"containerPort": number, "hostPort": number, **more}]}]}


@pytest.mark.parametrize(("asked", "fits"), [
    pytest.param({}, True, id="no port"),
    pytest.param(with_port(81), True, id="another port"),
    pytest.param(with_port(80), False, id="the same port"),
    pytest.param(with_port(80, protocol="UDP"), True, id="another protocol"),
    pytest.param(with_port(80, hostIP="127.0.0.1"), False, id="one address of a port held on all"),
    pytest.param(with_port(90), False, id="all addresses of a port held on one"),
    pytest.param(with_port(90, hostIP="127.0.0.2"), True, id="the same port on another address"),
    pytest.param(with_port(70), False, id="a sidecar's port"),
    pytest.param(with_port(60), True, id="an init container's port is free by then"),
])
def test_host_ports_are_held_by_one_pod(asked: dict[str, Any], fits: bool) -> None:
    node = a_node(holding=(
        a_pod("a", **with_port(80)), a_pod("b", **with_port(90, hostIP="127.0.0.1")),
        a_pod("c", initContainers=[{"name": "s", "restartPolicy": "Always", "ports": [{"containerPort": 1, "hostPort": 70}]},
                                   {"name": "i", "ports": [{"containerPort": 1, "hostPort": 60}]}])))
    pod = a_pod("p", **asked)
    check = NodePorts().look(pod, a_cluster(node))
    status = check.filter(pod, node) if check is not None else SUCCESS
    assert (status is SUCCESS) is fits
    if not fits:
        assert (status.reasons, status.code) == (("node(s) didn't have free ports for the requested pod ports",), Code.UNSCHEDULABLE)


def test_a_port_is_free_again_when_its_last_holder_is_gone() -> None:
    holder, pod = a_pod("a", **with_port(80)), a_pod("b", **with_port(80))
    node = a_node(holding=(holder,))
    node.remove(holder.uid)
    assert NodePorts().filter(pod, node) is SUCCESS


def test_a_gated_pod_waits() -> None:
    assert not SchedulingGates().admits(a_pod(schedulingGates=[{"name": "example.com/quota"}]))
    assert SchedulingGates().admits(a_pod())


MIB = 1024 * 1024


@pytest.mark.parametrize(("image", "expected"), [
    pytest.param("web", [100 * (500 - 23) // (1000 - 23), 0, 0, 0], id="half of a gigabyte image counts where a half has it"),
    pytest.param("small:1", [0, 0, 0, 0], id="a small one is not worth it"),
    pytest.param("registry:5000/huge", [0, 0, 0, 100], id="never above the maximum"),
    pytest.param("unknown", None, id="nobody has it"),
])
def test_image_locality_prefers_nodes_that_need_not_pull(image: str, expected: list[int] | None) -> None:
    nodes = [a_node("a", images={"web:latest": 1000 * MIB, "small:1": 20 * MIB}), a_node("b"),
             a_node("c", images={"web:latest": 0}), a_node("d", images={"registry:5000/huge:latest": 9000 * MIB})]
    pod = a_pod(containers=[{"name": "c", "image": image}])
    assert scores(ImageLocality(), pod, a_cluster(*nodes)) == expected
