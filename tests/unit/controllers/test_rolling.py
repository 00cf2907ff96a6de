"""A rolling update never lives beyond its surge, however late a ReplicaSet obeys."""
from __future__ import annotations

import pytest

from controllers.deployment.rolling import new_size
from kubeapi.generated.models.apps_v1 import Deployment, ReplicaSet


def a_deployment(replicas: int) -> Deployment:
    return Deployment.from_wire({
        "metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": {}, "template": {"spec": {"containers": []}},
                                              "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}}})


def a_set(name: str, desired: int, living: int) -> ReplicaSet:
    return ReplicaSet.from_wire({"metadata": {"name": name}, "spec": {"replicas": desired, "selector": {}}, "status": {"replicas": living}})


@pytest.mark.parametrize(("old", "new", "size"), [
    pytest.param((15, 15), (10, 10), 10, id="no room"),
    pytest.param((12, 15), (10, 10), 10, id="room that is not yet left"),
    pytest.param((12, 13), (10, 10), 12, id="room that is left in part"),
    pytest.param((12, 12), (10, 10), 13, id="room"),
    pytest.param((12, 12), (13, 10), 13, id="its own pods to come take room"),
])
def test_the_new_set_grows_into_what_the_old_one_has_left(old: tuple[int, int], new: tuple[int, int], size: int) -> None:
    sets = [a_set("old", *old), a_set("new", *new)]
    assert new_size(a_deployment(20), sets[1], sets) == size
