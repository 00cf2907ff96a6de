"""Documents as protobuf and back; the messages are those that an ordinary protobuf library reads."""
from __future__ import annotations

import contextlib
import struct
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.catalog import RESOURCES
from kubeapi.decode import decode
from kubeapi.protobuf import ProtobufError, decode_envelope, decode_object, encode_object, encode_watch_event, envelope
from kubeapi.protobuf.layout import Layout, layout_of
from kubeapi.resource import Resource
from kubeapi.schemas import named, schema_of
from kubeapi.zeros import fill_zeros
from tests.unit.kubeapi.protobuf.documents import a_document

KINDS = [pytest.param(one, id=f"{one.plural}.{one.group}") for one in RESOURCES]
# Alpha fields whose numbers are not settled: they are not carried.
WITHOUT_NUMBER = {"nodeAllocatableResourceMappings", "allocationMultiplier", "capacityKey"}


def encoded(api_version: str, kind: str, document: dict[str, Any]) -> bytes:
    return encode_object({"apiVersion": api_version, "kind": kind, **document})


@pytest.mark.parametrize("resource", KINDS)
def test_every_document_comes_back_as_it_was(resource: Resource) -> None:
    version = resource.version(resource.storage_version)
    names = {"apiVersion": resource.gvk(version.name).api_version, "kind": resource.kind}
    for seed in range(20):
        document = {**names, **decode(a_document(version.schema(), seed), version.schema()).document}
        fill_zeros(document, version.schema())
        again = decode_object(encode_object(document))
        fill_zeros(again, version.schema())
        assert decode(again, version.schema()).document == document, f"seed {seed}"


def fields_without_place(layout: Layout, properties: set[str]) -> set[str]:
    placed = set(layout.fields)
    for inner in layout.inlines.values():
        placed |= properties - fields_without_place(inner, properties)
    return properties - placed


@pytest.mark.parametrize("resource", KINDS)
def test_every_field_has_its_number(resource: Resource) -> None:
    seen: set[str] = set()
    todo = [resource.version(resource.storage_version).schema().ref]
    while todo:
        ref = todo.pop()
        if ref in seen:
            continue
        seen.add(ref)
        schema = named(ref)
        left = fields_without_place(layout_of(ref), set(schema.properties)) - {"apiVersion", "kind"} - WITHOUT_NUMBER
        if ref != "core_v1.NodeAllocatableResourceClaimStatus":
            assert not left, ref
        for use in schema.properties.values():
            inner = use
            while (below := inner.items or inner.values) is not None:
                inner = below
            if inner.ref:
                todo.append(inner.ref)


# --- against protobuf itself

F = descriptor_pb2.FieldDescriptorProto
TYPES = {"string": F.TYPE_STRING, "bytes": F.TYPE_BYTES, "int32": F.TYPE_INT32, "int64": F.TYPE_INT64, "bool": F.TYPE_BOOL}
MESSAGES = {
    "Time": "seconds int64 1, nanos int32 2",
    "IntOrString": "type int64 1, intVal int32 2, strVal string 3",
    "Quantity": "string string 1",
    "LabelsEntry": "key string 1, value string 2",
    "DataEntry": "key string 1, value bytes 2",
    "QuantityEntry": "key string 1, value .Quantity 2",
    "ObjectMeta": "name string 1, namespace string 3, uid string 5, resourceVersion string 6, creationTimestamp .Time 8, labels *.LabelsEntry 11",
    "Secret": "metadata .ObjectMeta 1, data *.DataEntry 2, type string 3",
    "LeaseSpec": "holderIdentity string 1, leaseDurationSeconds int32 2, acquireTime .Time 3, renewTime .Time 4, leaseTransitions int32 5",
    "Lease": "metadata .ObjectMeta 1, spec .LeaseSpec 2",
    "ServicePort": "name string 1, protocol string 2, port int32 3, targetPort .IntOrString 4, nodePort int32 5",
    "ServiceSpec": "ports *.ServicePort 1, clusterIP string 3",
    "Service": "metadata .ObjectMeta 1, spec .ServiceSpec 2",
    "EmptyDirVolumeSource": "medium string 1, sizeLimit .Quantity 2",
    "VolumeSource": "emptyDir .EmptyDirVolumeSource 2",
    "Volume": "name string 1, volumeSource .VolumeSource 2",
    "ResourceRequirements": "limits *.QuantityEntry 1, requests *.QuantityEntry 2",
    "Container": "name string 1, image string 2, command *string 3, resources .ResourceRequirements 8",
    "PodSpec": "volumes *.Volume 1, containers *.Container 2, terminationGracePeriodSeconds int64 4, hostNetwork bool 11",
    "Pod": "metadata .ObjectMeta 1, spec .PodSpec 2",
}


def messages() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="facts.proto", syntax="proto2")
    for name, text in MESSAGES.items():
        made = file.message_type.add(name=name)
        for part in text.split(", "):
            field, kind, number = part.split()
            label = F.LABEL_REPEATED if kind.startswith("*") else F.LABEL_OPTIONAL
            kind = kind.removeprefix("*")
            one = made.field.add(name=field, number=int(number), label=label)
            if kind.startswith("."):
                one.type, one.type_name = F.TYPE_MESSAGE, kind
            else:
                one.type = TYPES[kind]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in MESSAGES}


LIBRARY = messages()
POD = {"metadata": {"name": "p", "namespace": "d", "labels": {"a": "b"}, "creationTimestamp": "2026-01-02T03:04:05Z"}, "spec": {
    "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}], "terminationGracePeriodSeconds": 30, "hostNetwork": True,
    "containers": [{"name": "c", "image": "i", "command": ["a", ""], "resources": {"limits": {"cpu": "100m"}}}]}}


def test_a_library_reads_what_is_encoded() -> None:
    pod: Any = LIBRARY["Pod"].FromString(decode_envelope(encoded("v1", "Pod", POD))[2])
    assert (pod.metadata.name, pod.metadata.creationTimestamp.seconds, pod.metadata.labels[0].value) == ("p", 1767323045, "b")
    assert (pod.spec.volumes[0].name, pod.spec.volumes[0].volumeSource.emptyDir.sizeLimit.string) == ("v", "1Gi")
    assert list(pod.spec.containers[0].command) == ["a", ""]
    assert (pod.spec.containers[0].resources.limits[0].value.string, pod.spec.hostNetwork) == ("100m", True)


def test_a_librarys_message_is_decoded() -> None:
    service: Any = LIBRARY["Service"]()
    service.metadata.name = "s"
    service.metadata.creationTimestamp.SetInParent()
    service.spec.ports.add(port=80, targetPort=LIBRARY["IntOrString"](type=1, strVal="http"), name="", nodePort=0)
    service.spec.ports.add(port=81, targetPort=LIBRARY["IntOrString"](type=0, intVal=-1))
    found = decode_object(envelope("v1", "Service", service.SerializeToString()))
    assert found == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [
        {"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": -1}]}}


def test_pointers_keep_their_zero() -> None:
    lease: Any = LIBRARY["Lease"]()
    lease.spec.leaseTransitions = 0
    lease.spec.holderIdentity = ""
    lease.spec.renewTime.seconds, lease.spec.renewTime.nanos = 1, 2000
    assert decode_object(envelope("coordination.k8s.io/v1", "Lease", lease.SerializeToString()))["spec"] == {
        "leaseTransitions": 0, "holderIdentity": "", "renewTime": "1970-01-01T00:00:01.000002Z"}


def test_bytes_are_base64_in_json() -> None:
    secret: Any = LIBRARY["Secret"].FromString(decode_envelope(encoded("v1", "Secret", {"data": {"k": "AAE="}}))[2])
    assert (secret.data[0].key, secret.data[0].value) == ("k", b"\0\1")


# --- what is no message

@pytest.mark.parametrize(("data", "told"), [
    pytest.param(b"", "prefix", id="nothing"), pytest.param(b"{}", "prefix", id="JSON"),
    pytest.param(envelope("v1", "Nothing", b""), 'no kind "Nothing" is registered for version "v1"', id="an unknown kind"),
    pytest.param(envelope("v1", "Pod", b"\x0a\xff"), "unexpected EOF", id="cut off"),
    pytest.param(envelope("v1", "Pod", b"\x0a" + b"\xff" * 11), "integer overflow", id="an endless varint"),
    pytest.param(envelope("v1", "Pod", b"\x08\1"), "wrong wireType = 0 for field metadata", id="another wire type"),
    pytest.param(envelope("v1", "Pod", b"\x0a\x03\x0a\x01\xff"), "invalid UTF-8", id="no UTF-8"),
    pytest.param(envelope("v1", "Pod", b"\x7b"), "illegal wireType 3", id="a group"),
])
def test_what_is_no_message_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ProtobufError, match=told):
        decode_object(data)


def test_endless_depth_is_refused() -> None:
    message = b""
    for _ in range(5000):
        message = b"\xe2\x01" + _length(message) + message        # JSONSchemaProps.not
    schema = b"\x0a" + _length(message) + message
    version = b"\x22" + _length(schema) + schema
    spec = b"\x3a" + _length(version) + version
    with pytest.raises(ProtobufError, match="exceeded max depth"):
        decode_object(envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", b"\x12" + _length(spec) + spec))


def _length(data: bytes) -> bytes:
    size, out = len(data), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])


@given(st.binary(max_size=200), st.sampled_from(["Pod", "Service", "Secret", "Event", "Status"]))
def test_any_bytes_are_a_document_or_refused(data: bytes, kind: str) -> None:
    with contextlib.suppress(ProtobufError):
        assert isinstance(decode_object(envelope("v1", kind, data)), dict)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_broken_byte_is_survived(at: int, byte: int) -> None:
    data = bytearray(encoded("v1", "Pod", POD))
    data[at % len(data)] = byte
    with contextlib.suppress(ProtobufError):
        decode_object(bytes(data))


def test_a_watch_frame_tells_its_length() -> None:
    enveloped = encoded("v1", "Pod", POD)
    frame = encode_watch_event("ADDED", enveloped)
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4
    assert b"ADDED" in frame and frame.endswith(enveloped)


def test_metadata_and_statuses_have_messages_too() -> None:
    for document in ({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "7"},
                      "items": [{"metadata": {"name": "a"}}]},
                     {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 404, "details": {"causes": [{"field": "x"}]}}):
        assert decode_object(encode_object(document)) == document
    assert schema_of("meta.k8s.io", "v1beta1", "PartialObjectMetadata").ref == "meta_v1.PartialObjectMetadata"
