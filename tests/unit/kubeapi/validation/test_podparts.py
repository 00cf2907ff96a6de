"""pods/ephemeralcontainers: what it changes, and what it refuses, in upstream's words."""
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
