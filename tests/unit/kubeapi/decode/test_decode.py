from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.decode import DecodeError, decode, decode_json
from kubeapi.schemas import schema_of

POD, DEPLOYMENT, SECRET = schema_of("", "v1", "Pod"), schema_of("apps", "v1", "Deployment"), schema_of("", "v1", "Secret")


def a_pod(**container: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", **container}]}}


@pytest.mark.parametrize(("document", "schema", "text"), [
    pytest.param({"spec": {"replicas": "3"}}, DEPLOYMENT,
                 "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", id="string for int"),
    pytest.param({"spec": {"replicas": 1.5}}, DEPLOYMENT,
                 "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32", id="fraction for int"),
    pytest.param({"spec": {"replicas": 2**31}}, DEPLOYMENT,
                 "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32", id="too large"),
    pytest.param(a_pod(env=[{"name": "A", "value": 1}]), POD,
                 "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string", id="number for string"),
    pytest.param({"spec": {"containers": {}}}, POD,
                 "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container", id="object for list"),
    pytest.param({"spec": "x"}, POD, "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec", id="string for struct"),
    pytest.param({"spec": {"hostNetwork": "yes"}}, POD,
                 "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool", id="string for bool"),
    pytest.param(a_pod(resources={"limits": {"cpu": "1 core"}}), POD,
                 "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'", id="bad quantity"),
    pytest.param({"data": {"a": "???"}}, SECRET, "illegal base64 data at input byte 0", id="bad base64"),
])
def test_a_wrong_type_is_refused_in_go_s_words(document: dict[str, Any], schema: Any, text: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode(document, schema)
    assert str(refusal.value) == text


@pytest.mark.parametrize(("document", "faults"), [
    pytest.param(a_pod(), [], id="nothing wrong"),
    pytest.param(a_pod(imag="x", command=["a"]), ['unknown field "spec.containers[0].imag"'], id="in a list"),
    pytest.param({**a_pod(), "foo": 1}, ['unknown field "foo"'], id="at the top"),
])
def test_unknown_fields_are_dropped_and_named_by_path(document: dict[str, Any], faults: list[str]) -> None:
    decoded = decode(document, POD)
    assert decoded.faults == faults
    assert "imag" not in json.dumps(decoded.document)


@pytest.mark.parametrize(("raw", "faults"), [
    pytest.param(b'{"metadata":{"name":"a","name":"b"}}', ['duplicate field "metadata.name"'], id="once"),
    pytest.param(b'{"spec":{"containers":[{"name":"a","name":"b","x":1}]}}',
                 ['duplicate field "spec.containers[0].name"', 'unknown field "spec.containers[0].x"'], id="in a list, with an unknown one"),
    pytest.param(b'{"metadata":{"annotations":{"a":"\\"name\\":\\"name\\":"}}}', [], id="quotes inside a string"),
    pytest.param(b'{"metadata":{"name" : "a:b", "name"\n:"b"}}', ['duplicate field "metadata.name"'], id="with spaces and colons"),
    pytest.param(b'{"metadata":{"name":"\\u003a\\u003A","name":"b"}}', ['duplicate field "metadata.name"'], id="beside colons that are escaped"),
])
def test_duplicate_fields_are_named_by_path(raw: bytes, faults: list[str]) -> None:
    assert decode_json(raw, POD).faults == faults


@pytest.mark.parametrize(("given_document", "kept"), [
    pytest.param(a_pod(resources={"requests": {"cpu": "0.5", "memory": 1073741824}}),
                 a_pod(resources={"requests": {"cpu": "500m", "memory": "1073741824"}}), id="quantities become canonical"),
    pytest.param(a_pod(command=None, tty=False, workingDir=""), a_pod(), id="nulls and zero values are left out"),
    pytest.param(a_pod(securityContext={}), a_pod(securityContext={}), id="a pointer to an empty struct survives"),
    pytest.param({"metadata": {"creationTimestamp": "2024-01-01T01:00:00+01:00"}},
                 {"metadata": {"creationTimestamp": "2024-01-01T00:00:00Z"}}, id="times become UTC"),
    pytest.param(a_pod(args=[None, "a"]), a_pod(args=["", "a"]), id="null in a list is the zero value"),
    pytest.param({"spec": {"terminationGracePeriodSeconds": 0}}, {"spec": {"terminationGracePeriodSeconds": 0}}, id="zero of a pointer"),
    pytest.param(a_pod(livenessProbe={"httpGet": {"port": "http"}}), a_pod(livenessProbe={"httpGet": {"port": "http"}}), id="int or string"),
])
def test_a_document_becomes_what_go_would_hold(given_document: dict[str, Any], kept: dict[str, Any]) -> None:
    assert decode(given_document, POD).document == kept


JSON_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "x"]), JSON_VALUES))
def test_whatever_comes_it_is_decoded_or_refused(document: dict[str, Any]) -> None:
    try:
        decoded = decode(document, POD).document
    except DecodeError:
        return
    again = decode(json.loads(json.dumps(decoded)), POD)
    assert (again.document, again.faults) == (decoded, [])


def test_only_the_first_hundred_faults_are_named() -> None:
    raw = json.dumps({"spec": {"containers": [{f"x{number}": 1 for number in range(200)}]}}).encode()
    faults = decode_json(raw, POD).faults
    assert len(faults) == 100
    assert faults[0] == 'unknown field "spec.containers[0].x0"'
