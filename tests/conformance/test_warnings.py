"""What is stored although it is hardly meant: the Warning headers that kubectl prints; and who owns what was applied to /scale."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_plural
from tests.conformance.conftest import APPLY, Api

DEPLOYMENTS = by_plural("apps", "deployments")
CONTAINER: dict[str, Any] = {"name": "c", "image": "i"}


@pytest.mark.parametrize(("spec", "warnings"), [
    ({}, []),
    ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply']),
    ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]}, []),
    ({"ports": [{"containerPort": 80}, {"containerPort": 80, "name": "b"}]}, ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"]),
    ({"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}, []),
    ({"resources": {"limits": {"memory": "1500m"}}}, ['spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer'])])
def test_a_pod_that_is_hardly_meant_so_is_made_with_a_warning(api: Api, spec: dict[str, Any], warnings: list[str]) -> None:
    pod = {"metadata": {"name": "warned"}, "spec": {"containers": [{**CONTAINER, **spec}]}}
    made = api.ask("POST", f"/api/v1/namespaces/{api.namespace}/pods?dryRun=All", pod)
    assert made.code == 201, made.raw
    assert [one.removeprefix("299 - ").strip('"').replace('\\"', '"') for one in made.headers.get_all("warning") or []] == warnings


def test_a_template_is_warned_of_by_its_path(api: Api) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER], "imagePullSecrets": [{"name": "s"}, {"name": "s"}]}}
    made = api.ask("POST", api.path(DEPLOYMENTS, dryRun="All"), {
        "metadata": {"name": "warned"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
    assert made.headers.get_all("warning") == ['299 - "spec.template.spec.imagePullSecrets[1].name: duplicate name \\"s\\""']


def test_who_applies_a_scale_owns_the_replicas(api: Api) -> None:
    api.make(DEPLOYMENTS, "applied-scale")
    def apply(replicas: int, **query: str) -> Any:
        return api.ask("PATCH", api.path(DEPLOYMENTS, "applied-scale", "scale", fieldManager="scaler", **query),
                       {"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": replicas}}, APPLY)
    refused = apply(3)
    assert (refused.code, [one["field"] for one in refused.document["details"]["causes"]]) == (409, [".spec.replicas"])
    assert apply(3, force="true").document["spec"] == {"replicas": 3}
    entries = api.get(DEPLOYMENTS, "applied-scale").metadata["managedFields"]
    assert [(one["operation"], one["subresource"], one["fieldsV1"]) for one in entries if one["manager"] == "scaler"] == [
        ("Apply", "scale", {"f:spec": {"f:replicas": {}}})]
    assert apply(-1, force="true").code == 422


@pytest.mark.parametrize(("form", "code"), [("{}", 304), ('W/{}', 304), ('"x", {}', 304), ("*", 304), ('"x"', 200)])
def test_what_a_client_has_is_not_sent_again(api: Api, form: str, code: int) -> None:
    etag = api.ask("GET", "/openapi/v3/apis/apps/v1").headers["etag"]
    assert api.ask("GET", "/openapi/v3/apis/apps/v1", If_None_Match=form.format(etag)).code == code
