"""What may be changed below an object: replicas at /scale, the decision at /approval, the certificate at /status."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_plural
from tests.conformance.conftest import JSON_PATCH, MERGE, Api
from tests.conformance.documents import document

SCALED = [pytest.param(by_plural("apps", plural), id=plural) for plural in ("deployments", "replicasets", "statefulsets")]
REQUESTS = by_plural("certificates.k8s.io", "certificatesigningrequests")


@pytest.mark.parametrize("resource", SCALED)
@pytest.mark.parametrize(("media", "change", "replicas"), [
    pytest.param(MERGE, {"spec": {"replicas": 2}}, 2, id="merge"), pytest.param(MERGE, {"metadata": {}}, 0, id="nothing of it"),
    pytest.param(JSON_PATCH, [{"op": "replace", "path": "/spec/replicas", "value": 3}], 3, id="JSON"),
    pytest.param("", {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {}, "spec": {"replicas": 4}}, 4, id="whole"),
])
def test_scaling(api: Api, resource: Any, media: str, change: Any, replicas: int) -> None:
    name = f"scaled-{replicas}"
    api.make(resource, name)
    path = api.path(resource, name, "scale")
    scaled = api.ask("PATCH", path, change, media) if media else api.ask("PUT", path, change)
    assert scaled.code == 200, scaled.raw
    assert (scaled.document["kind"], scaled.document["spec"]) == ("Scale", {"replicas": replicas})
    assert api.get(resource, name).document["spec"]["replicas"] == replicas


@pytest.mark.parametrize("resource", SCALED)
@pytest.mark.parametrize(("media", "change", "code", "message"), [
    pytest.param(MERGE, {"spec": {"replicas": -1}}, 422,
                 'Scale.autoscaling "kept" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0', id="negative"),
    pytest.param(MERGE, {"spec": {"replicas": "x"}}, 400, "cannot be handled as a Scale", id="text"),
    pytest.param(MERGE, {"spec": []}, 400, "cannot be handled as a Scale", id="list"),
    pytest.param("", [], 400, "", id="no object"), pytest.param("", {"spec": {"replicas": -5}, "metadata": 1}, 400, "", id="metadata"),
])
def test_scaling_to_what_cannot_be(api: Api, resource: Any, media: str, change: Any, code: int, message: str) -> None:
    api.ask("POST", api.path(resource), document(resource, "kept", api.namespace))
    path = api.path(resource, "kept", "scale")
    refused = api.ask("PATCH", path, change, media) if media else api.ask("PUT", path, change)
    assert refused.code == code, refused.raw
    assert message in refused.document["message"]
    assert api.get(resource, "kept").document["spec"]["replicas"] == 0


def test_a_certificate_request_is_decided_at_approval_only(api: Api) -> None:
    body = document(REQUESTS, "decided")
    body["spec"] |= {"username": "somebody else", "uid": "x"}
    made = api.ask("POST", api.path(REQUESTS), body).document
    assert made["spec"]["username"] not in ("", "somebody else") and "uid" not in made["spec"]
    decision = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "R", "message": "m"}]}}
    for part in ("", "status"):
        elsewhere = api.ask("PATCH", api.path(REQUESTS, "decided", *filter(None, [part])), decision, MERGE)
        assert "Approved" not in str(api.get(REQUESTS, "decided").document["status"]), elsewhere.raw
    approved = api.ask("PATCH", api.path(REQUESTS, "decided", "approval"), {**decision, "spec": {"usages": ["any"]}}, MERGE)
    assert approved.code == 200, approved.raw
    (condition,) = approved.document["status"]["conditions"]
    assert (condition["type"], approved.document["spec"]) == ("Approved", made["spec"])
    assert condition["lastUpdateTime"] and condition["lastTransitionTime"]
    taken_back = api.ask("PATCH", api.path(REQUESTS, "decided", "approval"), {"status": {"conditions": []}}, MERGE)
    assert taken_back.document["message"].endswith('status.conditions: Forbidden: updates may not remove a condition of type "Approved"')
