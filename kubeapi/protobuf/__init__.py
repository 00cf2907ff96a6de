"""Kubernetes' protobuf form of the built-in kinds: documents to messages and back, driven by the same Schemas as JSON.

    envelope    `k8s\\0`, then runtime.Unknown: which kind it is, and the message
    encode      a document as its message          decode      a message as its document
    wire        varints and keys

The differences to JSON are Go's: an embedded struct is a message of its own here and flat there, a list in a map is a
message with `items`, times are Timestamps, quantities messages with one string.
"""
from kubeapi.protobuf.envelope import MEDIA_TYPE, decode_envelope, decode_object, encode_object, encode_watch_event, envelope
from kubeapi.protobuf.wire import ProtobufError

__all__ = ["MEDIA_TYPE", "ProtobufError", "decode_envelope", "decode_object", "encode_object", "encode_watch_event", "envelope"]
