"""What a created pod's managedFields say, and what patches of a part leave as it was."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import TestCluster, running_cluster

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = "application/strategic-merge-patch+json"
POD = {"metadata": {"name": "p"}, "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "i"}]}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "kubelet,scheduler", name="created") as cluster:
        code, made = cluster.request("POST", PODS, POD)
        assert code == 201, made
        yield cluster


def test_what_admission_adds_has_no_manager(cluster: TestCluster) -> None:
    """As upstream: who made a pod does not own the volume of its token, its tolerations or its account."""
    pod = cluster.request("GET", f"{PODS}/p")[1]
    assert {"volumes", "tolerations", "serviceAccountName", "priority"} <= pod["spec"].keys()
    (entry,) = pod["metadata"]["managedFields"]
    assert entry["fieldsV1"].keys() == {"f:spec"}
    assert entry["fieldsV1"]["f:spec"].keys() == {
        "f:containers", "f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy", "f:schedulerName", "f:securityContext", "f:terminationGracePeriodSeconds"}
    assert "f:volumeMounts" not in entry["fieldsV1"]["f:spec"]["f:containers"]['k:{"name":"c"}']


@pytest.mark.parametrize(("path", "body", "code", "said"), [
    ("p", {"metadata": {"labels": {"a": "b"}}}, 200, ""),
    ("p", {"metadata": {"labels": {"a": 1}}}, 400, "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"),
    ("p/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, 200, ""),
    ("p/status", {"status": {"phase": 7}}, 400, "cannot unmarshal number into Go struct field PodStatus.status.phase of type string"),
    ("p/status", {"spec": {"nodeName": "elsewhere"}, "status": {"phase": "Running"}}, 200, ""),
    ("p?fieldValidation=Strict", {"metadata": {"nonsense": 1}}, 400, 'unknown field "metadata.nonsense"'),
    ("p?fieldValidation=Strict", {"nonsense": 1}, 400, 'unknown field "nonsense"'),
], ids=["labels", "a wrong label", "a condition", "a wrong phase", "spec by the status", "unknown below", "unknown"])
def test_a_patch_of_a_part_leaves_the_rest_and_is_read_as_strictly(cluster: TestCluster, path: str, body: object, code: int, said: str) -> None:
    before = cluster.request("GET", f"{PODS}/p")[1]
    answer, after = cluster.request("PATCH", f"{PODS}/{path}", body, STRATEGIC)
    assert (answer, said in after.get("message", "")) == (code, True), after
    stored = cluster.request("GET", f"{PODS}/p")[1]
    assert stored["spec"] == before["spec"]
    assert list(stored) == list(before)
