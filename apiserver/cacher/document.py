"""How an object lies in storage, and how the envelope of each use is joined around it without decoding.

A stored value is JSON that begins `{"apiVersion":"v1","kind":"Pod","metadata":{` and holds no resourceVersion. It is cut
once, behind that brace, into the *head*, which all objects of a kind share, and the *tail*. With the resourceVersion
before the tail it is the *body*, which is what a cache keeps:

    stored value     head + tail
    body             "resourceVersion":"7", + tail
    whole object     head + body
    typed list item  {"metadata":{ + body
"""
from __future__ import annotations

from typing import Any

import orjson

Document = dict[str, Any]

ITEM_HEAD = b'{"metadata":{'
_BRACE = b'"metadata":{'
_FIRST = ("apiVersion", "kind", "metadata")
# A head of all the kinds that exist is far shorter; a later brace belongs to a nested object.
_LONGEST_HEAD = 512


class TooDeep(ValueError):
    """The document is nested more than some 250 levels deep: it could be written, but never shown in a list or a table."""


def encode_for_storage(document: Document) -> bytes:
    """The stored value of a document; its resourceVersion stays behind. The document is not changed. Raises TooDeep."""
    metadata = document.get("metadata") or {}
    if "resourceVersion" in metadata:
        metadata = {name: value for name, value in metadata.items() if name != "resourceVersion"}
    head = {"apiVersion": document.get("apiVersion", ""), "kind": document.get("kind", ""), "metadata": metadata}
    rest = {name: value for name, value in document.items() if name not in _FIRST}
    # The encoder hands out a buffer with slack; a copy through bytearray has none (8,175 B become 2,350 B).
    try:
        return bytes(bytearray(orjson.dumps(head | rest)))
    except orjson.JSONEncodeError as error:
        if "ecursion" in str(error):
            raise TooDeep("json: exceeded max depth") from error
        raise


def split(value: bytes) -> tuple[bytes, bytes]:
    """Head and tail. A value that others wrote in another layout is encoded anew; ValueError where it is no object."""
    if value.startswith(b'{"apiVersion":"') and (at := value.find(_BRACE, 0, _LONGEST_HEAD)) > 0 \
            and value.count(b'"', 0, at) == 8 and value.startswith(b'"kind":"', value.find(b",") + 1):
        cut = at + len(_BRACE)
        return value[:cut], value[cut:]
    document = orjson.loads(value)
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        raise ValueError("the stored value is not a Kubernetes object")
    return split(encode_for_storage(document))


def body_of(tail: bytes, revision: int) -> bytes:
    comma = b"" if tail.startswith(b"}") else b","
    return b'"resourceVersion":"%d"%b%b' % (revision, comma, tail)


def tail_of(body: bytes) -> bytes:
    cut = body.index(b'"', len(b'"resourceVersion":"')) + 1
    return body[cut + 1:] if body.startswith(b",", cut) else body[cut:]


def with_resource_version(value: bytes, revision: int) -> bytes:
    """The stored value as readers see it: `metadata.resourceVersion` is the revision that wrote it."""
    head, tail = split(value)
    return head + body_of(tail, revision)


def item_of(value: bytes, revision: int) -> bytes:
    """The stored value as an item of a typed list: with its resourceVersion, without apiVersion and kind."""
    return ITEM_HEAD + body_of(split(value)[1], revision)
