"""What is remembered of one pod for the next of its template: that nothing was wrong with it, whatever its token's volume is called."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.validation.podspec import under_one_name, validate_pod

Document = dict[str, Any]


def a_pod(volume: str, mount: str | None = None) -> Document:
    container = {"name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
                 "volumeMounts": [{"name": mount or volume, "mountPath": "/token"}]}
    spec = {"containers": [container], "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "volumes": [{"name": volume, "emptyDir": {}}]}
    return {"metadata": {"name": "p"}, "spec": spec}


@pytest.mark.parametrize(("pod", "faults"), [
    pytest.param(a_pod("kube-api-access-aaaaa"), [], id="the first"),
    pytest.param(a_pod("kube-api-access-bbbbb"), [], id="another name, both times"),
    pytest.param(a_pod("kube-api-access-aaaaa", "kube-api-access-bbbbb"), [
        'spec.containers[0].volumeMounts[0].name: Not found: "kube-api-access-bbbbb"'], id="a mount of another pod's volume"),
    pytest.param(a_pod("kube-api-access-aaaaa", "kube-api-access-ccccc"), [
        'spec.containers[0].volumeMounts[0].name: Not found: "kube-api-access-ccccc"'], id="its own fault, not the last one's"),
])
def test_a_name_that_differs_by_chance_changes_no_answer(pod: Document, faults: list[str]) -> None:
    for _ in range(2):
        assert [str(fault) for fault in validate_pod(pod)] == faults


@pytest.mark.parametrize(("one", "other", "alike"), [
    (b'["kube-api-access-aaaaa","kube-api-access-aaaaa"]', b'["kube-api-access-bbbbb","kube-api-access-bbbbb"]', True),
    (b'["kube-api-access-aaaaa","kube-api-access-bbbbb"]', b'["kube-api-access-bbbbb","kube-api-access-bbbbb"]', False),
    (b'["kube-api-access-aaaaa","x"]', b'["x","kube-api-access-aaaaa"]', False),
    (b'["kube-api-access-aaaaaa"]', b'["kube-api-access-bbbbbb"]', False),
], ids=["renamed", "two names", "elsewhere", "longer"])
def test_only_one_name_all_over_is_left_out(one: bytes, other: bytes, alike: bool) -> None:
    assert (under_one_name(one) == under_one_name(other)) is alike
