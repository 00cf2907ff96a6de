"""pods/ephemeralcontainers and pods/resize: what each changes, and what each refuses, in upstream's words."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.catalog import by_kind

Document = dict[str, Any]
OLD: Document = {"metadata": {"name": "p", "namespace": "d"}, "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"}}


def ephemeral(name: str = "e", **more: Any) -> Document:
    return {"name": name, "image": "busybox", **more}


def changed(*containers: Document, old: Document = OLD) -> Document:
    return {**copy.deepcopy(old), "spec": {**copy.deepcopy(old["spec"]), "ephemeralContainers": list(containers)}}


def faults(new: Document, old: Document = OLD) -> list[str]:
    strategy, new, old = by_kind("", "Pod").strategy(), copy.deepcopy(new), copy.deepcopy(old)
    strategy.default(new)
    strategy.default(old)
    strategy.prepare_for_part("ephemeralcontainers", new, old)
    return [str(one) for one in strategy.validate_part("ephemeralcontainers", new, old)]


HAS_ONE = changed(ephemeral())
PATH = "spec.ephemeralContainers"


@pytest.mark.parametrize(("new", "old", "expected"), [
    pytest.param(changed(ephemeral()), OLD, [], id="one"),
    pytest.param(changed(ephemeral(targetContainerName="c")), OLD, [], id="with a target"),
    pytest.param(changed(ephemeral(), ephemeral("f")), HAS_ONE, [], id="one more"),
    pytest.param(changed(ephemeral("c")), OLD, [f'{PATH}[0].name: Duplicate value: "c"'], id="a container's name"),
    pytest.param(changed(ephemeral(targetContainerName="x")), OLD, [f'{PATH}[0].targetContainerName: Not found: "x"'], id="no such target"),
    pytest.param(changed(ephemeral(ports=[{"containerPort": 1}])), OLD,
                 [f"{PATH}[0].ports: Forbidden: cannot be set for an Ephemeral Container"], id="ports"),
    pytest.param(changed(ephemeral(resources={"limits": {"cpu": "1"}})), OLD,
                 [f"{PATH}[0].resources: Forbidden: cannot be set for an Ephemeral Container"], id="resources"),
    pytest.param(changed(), HAS_ONE, [f'{PATH}: Forbidden: existing ephemeral containers "e" may not be removed\n'], id="none any more"),
    pytest.param(changed(ephemeral(tty=True)), HAS_ONE,
                 [f'{PATH}: Forbidden: existing ephemeral containers "e" may not be changed\n'], id="another one"),
])
def test_ephemeral_containers(new: Document, old: Document, expected: list[str]) -> None:
    assert faults(new, old) == expected


def test_nothing_else_is_changed() -> None:
    new = changed(ephemeral())
    new["metadata"] |= {"labels": {"a": "b"}, "managedFields": []}
    new["spec"]["containers"][0]["image"] = "other"
    new["status"] = {}
    by_kind("", "Pod").strategy().prepare_for_part("ephemeralcontainers", new, copy.deepcopy(OLD))
    assert new == {**OLD, "metadata": {**OLD["metadata"], "managedFields": []},
                   "spec": {**OLD["spec"], "ephemeralContainers": [ephemeral()]}}


def sized(requests: Document, limits: Document, *, kind: str = "containers", **more: Any) -> Document:
    pod = copy.deepcopy(OLD)
    pod["spec"] = {"containers": [{"name": "c", "image": "i"}], kind: [
        {"name": "c" if kind == "containers" else "i", "image": "i", "resources": {"requests": requests, "limits": limits}, **more}]}
    return pod


SIZED = sized({"cpu": "1", "memory": "1Gi"}, {"cpu": "2", "memory": "2Gi"})
AT = "spec.containers[0].resources"


@pytest.mark.parametrize(("new", "old", "expected"), [
    pytest.param(sized({"cpu": "500m", "memory": "2Gi"}, {"cpu": "4", "memory": "3Gi"}), SIZED, [], id="all of it"),
    pytest.param(sized({"cpu": "1"}, {}), sized({"cpu": "2"}, {}), [], id="requests alone"),
    pytest.param(sized({"cpu": "1"}, {"memory": "1Gi"}), sized({"cpu": "1"}, {}), [], id="a limit more"),
    pytest.param(sized({"cpu": "1", "memory": "1Gi"}, {"cpu": "2"}), SIZED, [f"{AT}.limits: Forbidden: resource limits cannot be removed"], id="a limit less"),
    pytest.param(sized({"cpu": "1"}, {"cpu": "2"}), sized({"cpu": "1", "memory": "1Gi"}, {"cpu": "2"}),
                 [f"{AT}.requests: Forbidden: resource requests cannot be removed"], id="a request less"),
    pytest.param(sized({"cpu": "3", "memory": "1Gi"}, {"cpu": "2", "memory": "2Gi"}), SIZED,
                 [f'{AT}.requests: Invalid value: "3": must be less than or equal to cpu limit of 2'], id="more than the limit"),
    pytest.param(sized({"cpu": "2", "memory": "2Gi"}, {"cpu": "2", "memory": "2Gi"}), SIZED,
                 ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'], id="another class"),
    pytest.param(sized({"cpu": "1"}, {}), sized({}, {}),
                 ['spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing'], id="best effort no more"),
    pytest.param(sized({"cpu": "1", "ephemeral-storage": "1Gi"}, {}), sized({"cpu": "1"}, {}),
                 ["spec: Forbidden: only cpu and memory resources are mutable"], id="the disk"),
    pytest.param(sized({"cpu": "1"}, {}, kind="initContainers"), sized({"cpu": "2"}, {}, kind="initContainers"),
                 ["spec: Forbidden: resources for non-sidecar init containers are immutable"], id="an init container"),
    pytest.param(sized({"cpu": "1"}, {}, kind="initContainers", restartPolicy="Always"),
                 sized({"cpu": "2"}, {}, kind="initContainers", restartPolicy="Always"), [], id="a sidecar"),
])
def test_resizes(new: Document, old: Document, expected: list[str]) -> None:
    strategy, new, old = by_kind("", "Pod").strategy(), copy.deepcopy(new), copy.deepcopy(old)
    strategy.default(new)
    strategy.default(old)
    strategy.prepare_for_part("resize", new, old)
    assert [str(one) for one in strategy.validate_part("resize", new, old)] == expected


def test_a_resize_changes_no_image_and_adds_no_container() -> None:
    new = copy.deepcopy(SIZED)
    new["spec"]["containers"][0] |= {"image": "other", "resources": {"requests": {"cpu": "2"}}}
    new["spec"]["containers"].append({"name": "d", "image": "i"})
    by_kind("", "Pod").strategy().prepare_for_part("resize", new, copy.deepcopy(SIZED))
    assert new["spec"] == {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}}}]}
