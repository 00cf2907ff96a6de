"""What a RuntimeClass adds to its pods, and which pods it refuses."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apiserver.admission.runtime_class import RuntimeClass
from apiserver.registry.attributes import Attributes
from kubeapi.catalog import by_plural
from kubeapi.errors import Forbidden
from tests.unit.apiserver.admission.test_admission import FakeObjects

Spec = dict[str, Any]
TOLERATION = {"key": "k", "operator": "Exists"}
CLASS = {"metadata": {"name": "small"}, "handler": "runc", "overhead": {"podFixed": {"cpu": "1"}},
         "scheduling": {"nodeSelector": {"disk": "ssd"}, "tolerations": [TOLERATION]}}


def admitted(spec: Spec) -> Spec:
    plugin = RuntimeClass(FakeObjects(("node.k8s.io", "runtimeclasses", CLASS)))
    attributes = Attributes("CREATE", by_plural("", "pods"), "ns", "p", obj={"metadata": {"name": "p"}, "spec": dict(spec)})
    asyncio.run(plugin.admit(attributes))
    asyncio.run(plugin.validate(attributes))
    assert attributes.obj is not None
    return dict(attributes.obj["spec"])


@pytest.mark.parametrize(("spec", "added"), [
    pytest.param({}, {}, id="none"),
    pytest.param({"runtimeClassName": "small"}, {"overhead": {"cpu": "1"}, "nodeSelector": {"disk": "ssd"}, "tolerations": [TOLERATION]}, id="all of it"),
    pytest.param({"runtimeClassName": "small", "overhead": {"cpu": "1000m"}, "nodeSelector": {"a": "b"}, "tolerations": [TOLERATION]},
                 {"overhead": {"cpu": "1"}, "nodeSelector": {"a": "b", "disk": "ssd"}}, id="beside the pod's own"),
])
def test_what_is_added(spec: Spec, added: Spec) -> None:
    assert admitted(spec) == spec | added


@pytest.mark.parametrize(("spec", "message"), [
    pytest.param({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found', id="no such class"),
    pytest.param({"overhead": {"cpu": "1"}}, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead", id="no class"),
    pytest.param({"runtimeClassName": "small", "overhead": {"cpu": "2"}}, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
                 id="another overhead"),
    pytest.param({"runtimeClassName": "small", "nodeSelector": {"disk": "hdd"}},
                 "conflict: runtimeClass.scheduling.nodeSelector[disk] = ssd; pod.spec.nodeSelector[disk] = hdd", id="another node"),
])
def test_what_is_refused(spec: Spec, message: str) -> None:
    with pytest.raises(Forbidden, match="forbidden: ") as refused:
        admitted(spec)
    assert message in str(refused.value)
