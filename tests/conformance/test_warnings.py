"""What is stored although it is hardly meant: the Warning headers that kubectl prints; and who owns what was applied to /scale."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_plural
from tests.conformance.conftest import APPLY, JSON_PATCH, MERGE, STRATEGIC, Answer, Api

DEPLOYMENTS, CONFIG_MAPS = by_plural("apps", "deployments"), by_plural("", "configmaps")
MEDIA = {"merge": MERGE, "strategic": STRATEGIC, "JSON": JSON_PATCH, "apply": APPLY}
HIDES = 'hides previous definition of "A", which may be dropped when using apply'
TWICE = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
CONTAINER: dict[str, Any] = {"name": "c", "image": "i"}


def warned(answer: Answer) -> list[str]:
    return [one.removeprefix("299 - ")[1:-1].replace('\\"', '"').replace("\\\\", "\\") for one in answer.headers.get_all("warning") or []]


@pytest.mark.parametrize(("spec", "warnings"), [
    ({}, []),
    ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply']),
    ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]}, []),
    ({"ports": [{"containerPort": 80}, {"containerPort": 80, "name": "b"}]}, ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"]),
    ({"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}, []),
    ({"resources": {"limits": {"memory": "1500m"}}}, [      # the requests are as the limits where nobody says otherwise
        'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
        'spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer'])])
def test_a_pod_that_is_hardly_meant_so_is_made_with_a_warning(api: Api, spec: dict[str, Any], warnings: list[str]) -> None:
    pod = {"metadata": {"name": "warned"}, "spec": {"containers": [{**CONTAINER, **spec}]}}
    made = api.ask("POST", f"/api/v1/namespaces/{api.namespace}/pods?dryRun=All", pod)
    assert made.code == 201, made.raw
    assert warned(made) == warnings


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


def template(**container: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{**CONTAINER, **container}]}}


@pytest.mark.parametrize("media", MEDIA)
def test_a_patch_that_is_hardly_meant_so_warns_as_a_write_of_the_whole_does(api: Api, media: str) -> None:
    name = f"patched-{media.lower()}"
    api.ask("POST", api.path(DEPLOYMENTS), {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template()}})
    volumes = {"spec": {"template": {"spec": {"imagePullSecrets": [{"name": "s"}, {"name": ""}]}}}}
    body: Any = {"JSON": [{"op": "add", "path": "/spec/template/spec/imagePullSecrets", "value": [{"name": ""}]}],
                 "apply": {"apiVersion": "apps/v1", "kind": "Deployment", **volumes}}.get(media, volumes)
    query = {"fieldManager": "m"} if media == "apply" else {}
    index = 0 if media == "JSON" else 1
    assert warned(api.ask("PATCH", api.path(DEPLOYMENTS, name, **query), body, MEDIA[media])) == [
        f'spec.template.spec.imagePullSecrets[{index}].name: invalid empty name ""']
    unrelated = api.ask("PATCH", api.path(DEPLOYMENTS, name), {"metadata": {"labels": {"x": "y"}}}, MERGE)
    assert (unrelated.code, warned(unrelated)) == (200, [])          # of a template that is as it was nothing is told again


def test_a_put_warns(api: Api) -> None:
    made = api.ask("POST", api.path(DEPLOYMENTS), {"metadata": {"name": "put-warned"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template()}})
    put = api.ask("PUT", api.path(DEPLOYMENTS, "put-warned"), {**made.document, "spec": {**made.document["spec"], "template": template(env=TWICE)}})
    assert (put.code, warned(put)) == (200, [f"spec.template.spec.containers[0].env[1]: {HIDES}"])
    status = api.ask("PUT", api.path(DEPLOYMENTS, "put-warned", "status"), put.document)
    assert (status.code, warned(status)) == (200, [])


@pytest.mark.parametrize(("media", "body"), [
    ("merge", {"data": {"a": "b"}, "dtaa": {}}), ("strategic", {"data": {"a": "b"}, "dtaa": {}}), ("JSON", [{"op": "add", "path": "/dtaa", "value": {}}]),
    ("apply", {"apiVersion": "v1", "kind": "ConfigMap", "dtaa": {}})])
@pytest.mark.parametrize(("validation", "code", "warnings"), [("", 200, 1), ("Warn", 200, 1), ("Ignore", 200, 0), ("Strict", 400, 0)])
def test_fields_that_nobody_knows_in_patches(api: Api, media: str, body: Any, validation: str, code: int, warnings: int) -> None:
    api.ask("POST", api.path(CONFIG_MAPS), {"metadata": {"name": "unknown-field"}})
    query = {"fieldManager": "m", "dryRun": "All"} if media == "apply" else {"dryRun": "All"}
    answer = api.ask("PATCH", api.path(CONFIG_MAPS, "unknown-field", fieldValidation=validation, **query), body, MEDIA[media])
    assert answer.code == code, answer.raw
    assert warned(answer) == ['unknown field "dtaa"'] * warnings
    assert ('unknown field \\"dtaa\\"' in answer.raw.decode()) is (code == 400)


def test_what_is_too_much_is_cut(api: Api) -> None:
    """4 Ki characters fit as they are; beyond, each has 256, and 4 Ki together are enough."""
    def told(letters: int, count: int) -> list[str]:
        body = {"metadata": {"name": "long"}, **{f"{index:02}{'x' * letters}": 1 for index in range(count)}}
        return warned(api.ask("POST", api.path(CONFIG_MAPS, dryRun="All"), body))
    assert [len(one) for one in told(400, 9)] == [418] * 9
    assert [len(one) for one in told(400, 30)] == [256] * 16
    assert len(told(10, 500)) == 80             # clients in Python take no more than 100 headers


ENDPOINTS = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"


@pytest.mark.parametrize(("method", "path", "body", "media"), [
    ("GET", "NAMESPACE/endpoints", None, ""), ("GET", "NAMESPACE/endpoints?watch=1&timeoutSeconds=1", None, ""), ("GET", "NAMESPACE/endpoints/nobody", None, ""),
    ("POST", "NAMESPACE/endpoints?dryRun=All", {"metadata": {"name": "a"}}, "application/json"), ("POST", "NAMESPACE/endpoints", {"metadata": 1}, "application/json"),
    ("PUT", "NAMESPACE/endpoints/a?dryRun=All", {"metadata": {"name": "a"}}, "application/json"), ("PATCH", "NAMESPACE/endpoints/nobody", {}, MERGE),
    ("DELETE", "NAMESPACE/endpoints/nobody", {}, "application/json"), ("DELETE", "NAMESPACE/endpoints?labelSelector=no=body", {}, "application/json")],
    ids=["list", "watch", "get", "create", "create refused", "update", "patch", "delete", "deletecollection"])
def test_every_use_of_endpoints_is_told_that_they_are_deprecated(api: Api, method: str, path: str, body: Any, media: str) -> None:
    answer = api.ask(method, f"/api/v1/namespaces/{path.replace('NAMESPACE', api.namespace)}", body, media)
    assert warned(answer) == [ENDPOINTS], answer.raw


def test_component_statuses_are_deprecated(api: Api) -> None:
    for path in ("", "/etcd-0"):
        assert warned(api.ask("GET", f"/api/v1/componentstatuses{path}")) == ["v1 ComponentStatus is deprecated in v1.19+"]


@pytest.mark.parametrize(("accept", "is_compressed"), [
    ("gzip", True), ("gzip, deflate, br", True), ("gzip;q=0", False), ("gzip;q=0.0, identity", False), ("deflate, gzip;q=0.5", True), ("GZIP", True),
    ("identity;q=1, gzip;q=0.5", False), ("identity;q=0.5, gzip", True), ("deflate", False), ("*", False), ("", False), ("xgzip", False)])
def test_an_answer_is_compressed_for_who_asks_for_it(api: Api, accept: str, is_compressed: bool) -> None:
    answer = api.ask("GET", "/openapi/v3/api/v1", Accept_Encoding=accept)
    assert (answer.headers["content-encoding"] == "gzip", answer.raw[:2] == b"\x1f\x8b") == (is_compressed, is_compressed)
