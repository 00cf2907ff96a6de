"""Wrong input and the words it is refused with: upstream's (decoder, apimachinery validation, registry), as kubectl prints them."""
from __future__ import annotations

import http.client
import socket
from typing import Any

import pytest
import yaml

from tests.conformance.conftest import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api

YAML = "application/yaml"
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def pods(api: Api, rest: str = "") -> str:
    return f"/api/v1/namespaces/{api.namespace}/pods{rest}"


def a_pod(**changes: Any) -> dict[str, Any]:
    return {**POD, **changes}


def a_spec(**changes: Any) -> dict[str, Any]:
    return a_pod(spec={**POD["spec"], **changes})


def a_container(**changes: Any) -> dict[str, Any]:
    return a_spec(containers=[{**POD["spec"]["containers"][0], **changes}])


def invalid(*faults: str) -> str:
    told = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    return f'Pod "w" is invalid: {told}'


CANNOT = 'Pod in version "v1" cannot be handled as a Pod: '
NAME = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
        "character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")


@pytest.mark.parametrize(("body", "code", "message"), [
    pytest.param({**POD, "bogus": 1}, 400, CANNOT + 'strict decoding error: unknown field "bogus"', id="unknown field"),
    pytest.param(a_container(imagee="x"), 400, CANNOT + 'strict decoding error: unknown field "spec.containers[0].imagee"', id="unknown field in a list"),
    pytest.param(b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"w","name":"w"},"spec":{"containers":[{"name":"c","image":"i"}]}}', 400,
                 CANNOT + 'strict decoding error: duplicate field "metadata.name"', id="duplicate field"),
    pytest.param(a_pod(spec="x"), 400, CANNOT + "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec", id="string for struct"),
    pytest.param(a_spec(containers={}), 400, CANNOT + "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
                 id="object for list"),
    pytest.param(a_container(name=1), 400, CANNOT + "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string",
                 id="number for string"),
    pytest.param(a_container(tty="yes"), 400, CANNOT + "json: cannot unmarshal string into Go struct field Container.spec.containers.tty of type bool",
                 id="string for bool"),
    pytest.param(a_spec(priority="x"), 400, CANNOT + "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32",
                 id="string for number"),
    pytest.param(a_spec(nodeSelector={"a": 1}), 400, CANNOT + "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string",
                 id="number in a map of strings"),
    pytest.param(a_container(resources={"limits": {"cpu": "x"}}), 400,
                 CANNOT + "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'", id="bad quantity"),
    pytest.param(a_pod(metadata={"name": "Bad_Name"}), 422, f'Pod "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": {NAME}', id="bad name"),
    pytest.param(a_pod(metadata={}), 422, 'Pod "" is invalid: metadata.name: Required value: name or generateName is required', id="no name"),
    pytest.param(a_pod(metadata={"name": "w", "namespace": "elsewhere"}), 400,
                 "the namespace of the provided object does not match the namespace sent on the request", id="another namespace"),
    pytest.param(a_pod(metadata={"name": "w", "labels": {"a": "not ok"}}), 422, invalid(
        'metadata.labels: Invalid value: "not ok": a valid label must be an empty string or consist of alphanumeric characters, \'-\', \'_\' or \'.\', and must '
        "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"), id="bad label"),
    pytest.param(a_spec(containers=[]), 422, invalid("spec.containers: Required value"), id="no containers"),
    pytest.param(a_spec(containers=[{"name": "c"}]), 422, invalid("spec.containers[0].image: Required value"), id="no image"),
    pytest.param(a_spec(containers=[{"name": "c", "image": "i"}] * 2), 422, invalid('spec.containers[1].name: Duplicate value: "c"'), id="a name twice"),
    pytest.param(a_spec(restartPolicy="Sometimes"), 422, invalid(
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'), id="unsupported value"),
    pytest.param(a_container(ports=[{"containerPort": 0}]), 422, invalid("spec.containers[0].ports[0].containerPort: Required value"), id="no port"),
    pytest.param(a_container(ports=[{"containerPort": 70000}]), 422, invalid(
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"), id="port out of range"),
    pytest.param(a_container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), 422, invalid(
        'spec.containers[0].volumeMounts[0].name: Not found: "v"'), id="mount of no volume"),
    pytest.param(a_container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}), 422, invalid(
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'), id="request above its limit"),
    pytest.param({**POD, "kind": "Deployment", "apiVersion": "apps/v1"}, 400,
                 'Deployment in version "v1" cannot be handled as a Pod: the API version in the data (apps/v1) does not match the expected API version (v1)',
                 id="another kind"),
])
def test_bodies_of_pods(api: Api, body: Any, code: int, message: str) -> None:
    refused = api.ask("POST", pods(api, "?fieldValidation=Strict"), body)
    assert (refused.code, refused.document["message"]) == (code, message)
    assert api.ask("GET", pods(api, "/w")).code == 404


def test_all_faults_are_told_at_once(api: Api) -> None:
    refused = api.ask("POST", pods(api), a_spec(containers=[{"name": "C!"}, {"name": ""}], restartPolicy="x"))
    fields = [cause["field"] for cause in refused.document["details"]["causes"]]
    assert set(fields) >= {"spec.containers[0].name", "spec.containers[0].image", "spec.containers[1].name", "spec.restartPolicy"}
    assert refused.document["details"]["kind"] == "Pod"


def test_a_selector_that_misses_its_template(api: Api) -> None:
    body = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": {
        "metadata": {"labels": {"app": "b"}}, "spec": POD["spec"]}}}
    refused = api.ask("POST", f"/apis/apps/v1/namespaces/{api.namespace}/deployments", body)
    assert (refused.code, refused.document["message"]) == (422, 'Deployment.apps "d" is invalid: spec.template.metadata.labels: Invalid value: '
                                                           '{"app":"b"}: `selector` does not match template `labels`')


@pytest.mark.parametrize(("path", "code", "message"), [
    ("/api/v1/nothings", 404, "the server could not find the requested resource"),
    ("/apis/nothing.example.com/v1/things", 404, "the server could not find the requested resource"),
    ("/api/v1/pods?labelSelector=a%20in", 400, "unable to parse requirement: found '' expected: '('"),
    ("/api/v1/pods?fieldSelector=spec.bogus%3Dx", 400, "field label not supported: spec.bogus"),
    ("/api/v1/pods?limit=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    ("/api/v1/pods?continue=x", 400, "continue key is not valid: illegal base64 or unknown version"),
    ("/api/v1/namespaces/absent/pods/..", 404, None), ("/api/v1/%2e%2e/%2e%2e/etc/passwd", 404, None), ("/api/v1//pods", 404, None),
    ("/api/v1/namespaces/a%2Fb/pods/c", 404, None), ("/api/v1/namespaces/default/pods/a%00b", 404, None),
])
def test_paths_and_queries(api: Api, path: str, code: int, message: str | None) -> None:
    refused = api.ask("GET", path)
    assert refused.code == code, refused.raw
    if message is not None:
        assert message in refused.document["message"]


@pytest.mark.parametrize(("media", "patch", "code"), [
    pytest.param(JSON_PATCH, {"op": "add"}, 400, id="a JSON patch that is no list"),
    pytest.param(JSON_PATCH, [{"op": "remove", "path": "/spec/absent"}], 422, id="a path that is not there"),
    pytest.param(JSON_PATCH, [{"op": "test", "path": "/metadata/name", "value": "other"}], 422, id="a test that fails"),
    pytest.param(JSON_PATCH, [{"op": "copy", "from": "/metadata", "path": "/metadata/labels/x"}] * 3, 422, id="a copy that fits nowhere"),
    pytest.param(MERGE, [1], 400, id="a merge patch that is a list"),
    pytest.param(STRATEGIC, {"spec": {"containers": [{"image": "x"}]}}, 422, id="a strategic patch without its merge key"),
    pytest.param("application/x-nothing", {}, 415, id="an unknown patch type"),
    pytest.param("application/vnd.kubernetes.protobuf", {}, 415, id="a patch in protobuf"), pytest.param("application/json", {}, 415, id="plain JSON"),
    pytest.param(APPLY, {"apiVersion": "v1", "kind": "Pod"}, 422, id="an apply without a manager"),
    pytest.param(MERGE, {"spec": {"containers": "x"}}, 400, id="a wrong type"),
    pytest.param(MERGE, {"metadata": {"uid": "x"}}, 409, id="another uid"),
    pytest.param(MERGE, {"spec": {"nodeName": "n"}}, 422, id="an immutable field"),
])
def test_patches(api: Api, media: str, patch: Any, code: int) -> None:
    api.ask("POST", pods(api), a_pod(metadata={"name": "patched"}))
    before = api.ask("GET", pods(api, "/patched")).document
    refused = api.ask("PATCH", pods(api, "/patched"), patch, media)
    assert refused.code == code, refused.raw
    assert refused.document["kind"] == "Status"
    assert api.ask("GET", pods(api, "/patched")).document == before


@pytest.mark.parametrize(("query", "field", "message"), [
    ("dryRun=Some", "dryRun", 'Unsupported value: "Some": supported values: "All"'),
    ("fieldValidation=Some", "fieldValidation", 'Unsupported value: "Some": supported values: "", "Ignore", "Strict", "Warn"'),
    ("fieldManager=" + "m" * 129, "fieldManager", "Too long: may not be more than 128 bytes"),
    ("fieldManager=a%07", "fieldManager", 'Invalid value: "a\\u0007": invalid character U+0007 (at position 1)')])
@pytest.mark.parametrize(("method", "options"), [("POST", "CreateOptions"), ("PUT", "UpdateOptions"), ("PATCH", "PatchOptions")])
def test_options_of_writes(api: Api, method: str, options: str, query: str, field: str, message: str) -> None:
    path = pods(api, f"?{query}" if method == "POST" else f"/w?{query}")
    refused = api.ask(method, path, POD, MERGE if method == "PATCH" else "application/json")
    assert (refused.code, refused.document["message"]) == (422, f'{options}.meta.k8s.io "" is invalid: {field}: {message}')
    assert [cause["field"] for cause in refused.document["details"]["causes"]] == [field]


def test_a_put_names_the_namespace_of_its_path(api: Api) -> None:
    api.ask("POST", pods(api), a_pod(metadata={"name": "spaced"}))
    refused = api.ask("PUT", pods(api, "/spaced"), a_pod(metadata={"name": "spaced", "namespace": "elsewhere"}))
    assert (refused.code, refused.document["message"]) == (400, "the namespace of the provided object does not match the namespace sent on the request")


@pytest.mark.parametrize(("timeout", "code"), [("bad", 400), ("5", 400), ("30s", 200), ("1h", 200), ("0", 200)])
def test_timeouts_are_gos_durations(api: Api, timeout: str, code: int) -> None:
    answer = api.ask("GET", pods(api, f"?timeout={timeout}"))
    assert answer.code == code
    assert code == 200 or answer.document["message"].startswith("invalid timeout specified in the request URL - time: ")


@pytest.mark.parametrize(("path", "code"), [("/", 200), ("/nothing", 404), ("/logs/x", 404)])
def test_the_root_and_unknown_paths_list_the_paths(api: Api, path: str, code: int) -> None:
    answer = api.ask("GET", path)
    assert answer.code == code
    assert {"/api/v1", "/apis/apps", "/apis/apps/v1", "/openapi/v2", "/readyz/etcd", "/version"} <= set(answer.document["paths"])


@pytest.mark.parametrize(("accept", "media"), [
    ("application/json;q=0.5, application/yaml;q=0.9", "application/yaml"), ("text/html, application/json;q=0.1", "application/json"),
    ("application/vnd.kubernetes.protobuf;q=0.1,application/yaml;q=x", "application/yaml"), ("*/*;q=0.8", "application/json")])
def test_the_dearest_wish_that_can_be_served_is_served(api: Api, accept: str, media: str) -> None:
    answer = api.ask("GET", "/api/v1/namespaces/default", Accept=accept)
    assert (answer.code, answer.headers["content-type"]) == (200, media)


def test_answers_in_yaml(api: Api) -> None:
    def loaded(path: str) -> Any:
        return yaml.safe_load(api.ask("GET", path, Accept=YAML).raw)
    assert loaded("/api/v1/namespaces/default") == api.ask("GET", "/api/v1/namespaces/default").document
    assert loaded("/api/v1/namespaces")["items"] == api.ask("GET", "/api/v1/namespaces").document["items"]
    assert loaded("/api/v1/namespaces/absent")["reason"] == "NotFound"
    assert api.ask("GET", "/api/v1/namespaces?watch=true&timeoutSeconds=1", Accept=YAML).code == 406


def test_component_statuses_are_made_when_asked_for(api: Api) -> None:
    """Nobody schedules or controls here."""
    items = api.ask("GET", "/api/v1/componentstatuses").document["items"]
    assert {one["metadata"]["name"]: one["conditions"][0]["status"] for one in items} == {
        "controller-manager": "False", "etcd-0": "True", "scheduler": "False"}
    assert api.ask("GET", "/api/v1/componentstatuses/etcd-0").document["conditions"][0]["message"] == "ok"
    assert api.ask("GET", "/api/v1/componentstatuses/etcd-1").code == 404


DEEP = 100_000


@pytest.mark.parametrize(("body", "media", "code"), [
    pytest.param(b"{" * DEEP, "application/json", 400, id="JSON braces"),
    pytest.param(b'{"metadata":' * DEEP + b"1" + b"}" * DEEP, "application/json", 400, id="JSON nested"),
    pytest.param(b"[" * DEEP, YAML, 400, id="YAML brackets"),
    pytest.param(b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c, c, *[c - 1] * 8) for c in range(98, 112)), YAML, 400,
                 id="a YAML bomb of aliases"),
    pytest.param(b"\xff\xfe\x00", "application/json", 400, id="no UTF-8"), pytest.param(b'{"metadata":{"name":"\\ud800"}}', "application/json", 400, id="a lone surrogate"),
    pytest.param(b'{"metadata":{"name":"a\\u0000b"},"spec":{"containers":[{"name":"c","image":"i"}]}}', "application/json", 422, id="a NUL in a name"),
    pytest.param(b'{"spec":{"priority":1e999}}', "application/json", 400, id="an infinite number"),
    pytest.param(b'{"spec":{"priority":99999999999999999999999}}', "application/json", 400, id="a huge number"),
    pytest.param(b"", "application/json", 400, id="nothing"), pytest.param(b"null", "application/json", 400, id="null"),
    pytest.param(b"[]", "application/json", 400, id="a list"), pytest.param(b"a: b: c", YAML, 400, id="no YAML"),
    pytest.param(b'"' + b"x" * (4 << 20) + b'"', "application/json", 413, id="4 MiB"),
    pytest.param(b"<pod/>", "text/xml", 415, id="XML"),
])
def test_malicious_bodies_are_refused_and_the_server_goes_on(api: Api, body: bytes, media: str, code: int) -> None:
    try:
        refused = api.ask("POST", pods(api), body, media)
    except (http.client.HTTPException, ConnectionError):
        assert code == 413                      # refused before it was sent
    else:
        assert (refused.code, refused.document["kind"]) == (code, "Status"), refused.raw[:300]
    assert api.ask("GET", "/version").code == 200


@pytest.mark.parametrize("depth", [100, 240, 252, 255, 300, 900, 5000])
def test_objects_that_are_nested_too_deep_are_refused(api: Api, depth: int) -> None:
    data = b'{"a":' * depth + b"1" + b"}" * depth
    made = api.ask("POST", f"/apis/apps/v1/namespaces/{api.namespace}/controllerrevisions",
                   b'{"metadata":{"name":"deep-%d"},"revision":1,"data":%b}' % (depth, data))
    assert made.code == (201 if depth <= 240 else 400), made.raw[:200]
    if depth <= 240:
        for accept in ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/vnd.kubernetes.protobuf"):
            assert api.ask("GET", f"/apis/apps/v1/namespaces/{api.namespace}/controllerrevisions?includeObject=Object", Accept=accept).code == 200


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/exec", 400), ("GET", "/attach", 400), ("GET", "/portforward", 400), ("GET", "/nothing", 404),
    ("GET", "/binding", 405), ("GET", "/eviction", 405), ("POST", "/status", 405)])
def test_what_is_below_an_object_is_no_object(api: Api, method: str, path: str, code: int) -> None:
    api.ask("POST", pods(api), a_pod(metadata={"name": "below"}))
    refused = api.ask(method, pods(api, f"/below{path}"), {} if method == "POST" else None)
    assert (refused.code, refused.document["kind"]) == (code, "Status"), refused.raw


@pytest.mark.parametrize("selector", ["a=" + "b" * 100_000, ",".join(f"k{n}=v" for n in range(20_000)), "a in (" + "x," * 50_000 + "y)", "(" * 10_000],
                         ids=["a long value", "many requirements", "many values", "brackets"])
def test_huge_selectors_are_answered(api: Api, selector: str) -> None:
    try:
        answer = api.ask("GET", "/api/v1/pods?labelSelector=" + selector)
        assert answer.code in (200, 400, 414, 431)
    except (http.client.HTTPException, ConnectionError):
        pass                                    # headers have a bound of their own
    assert api.ask("GET", "/version").code == 200


@pytest.mark.parametrize("raw", [
    pytest.param(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}", id="two lengths"),
    pytest.param(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
    pytest.param(b"GET %b HTTP/9.9\r\n\r\n", id="another protocol"), pytest.param(b"\0\1\2\3\r\n\r\n", id="no HTTP"),
    pytest.param(b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="a bad chunk"),
])
def test_broken_requests_cost_their_connection_only(api: Api, raw: bytes) -> None:
    made = api._connect()
    made.connect()
    assert isinstance(made.sock, socket.socket)
    made.sock.settimeout(20)
    made.sock.sendall(raw % pods(api).encode() if b"%b" in raw else raw)
    answer = made.sock.recv(200)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    made.close()
    assert api.ask("GET", "/version").code == 200


@pytest.mark.parametrize(("credentials", "path", "code"), [
    ("Bearer nonsense", "/api/v1/pods", 401), ("Basic YTpi", "/api/v1/pods", 403), ("", "/api/v1/pods", 403), ("", "/healthz", 200),
    ("", "/livez", 200), ("", "/readyz", 200), ("", "/version", 200), ("", "/version/", 200),
    ("", "/metrics", 403), ("", "/apis", 403)])
def test_who_is_not_known_sees_the_health_only(cluster: Any, credentials: str, path: str, code: int) -> None:
    import ssl
    context = ssl.create_default_context(cafile=str(cluster.cluster.pki / "ca.crt"))
    anonymous = http.client.HTTPSConnection("127.0.0.1", cluster.cluster.settings.port, timeout=20, context=context)
    try:
        anonymous.request("GET", path, headers={"Authorization": credentials} if credentials else {})
        answer = anonymous.getresponse()
        body = answer.read()
        assert answer.status == code
        assert code == 200 or (b'"reason":"Unauthorized"' if code == 401 else b'User \\"system:anonymous\\" cannot') in body
    finally:
        anonymous.close()


@pytest.mark.parametrize(("method", "path", "body", "media", "code"), [
    ("POST", "/below/binding", {"target": 1}, "application/json", 400), ("POST", "/below/binding", {"target": {"name": []}}, "application/json", 400),
    ("POST", "/below/eviction", {"deleteOptions": "x"}, "application/json", 400), ("DELETE", "/below", {"preconditions": "x"}, "application/json", 400),
    ("DELETE", "/below", {"gracePeriodSeconds": []}, "application/json", 400), ("DELETE", "/below", {"dryRun": 1}, "application/json", 400),
    ("PATCH", "/below", {"metadata": "x"}, STRATEGIC, 400), ("PATCH", "/below", {"metadata": {"resourceVersion": 1}}, MERGE, 400),
    ("PATCH", "/below", {"spec": {"containers": [{}]}}, STRATEGIC, 422)], ids=str)
def test_parts_of_a_wrong_type_are_refused(api: Api, method: str, path: str, body: Any, media: str, code: int) -> None:
    """Each was found by the fuzzer, or stood beside what it found."""
    api.ask("POST", pods(api), a_pod(metadata={"name": "below"}))
    before = api.ask("GET", pods(api, "/below")).document
    refused = api.ask(method, pods(api, path), body, media)
    assert (refused.code, refused.document["kind"]) == (code, "Status"), refused.raw
    assert api.ask("GET", pods(api, "/below")).document == before
