"""Which representation of an object the client accepts (the object, a Table, or its metadata only) and in which encoding. Pure."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kubeapi import errors
from kubeapi.protobuf import MEDIA_TYPE as PROTOBUF

Representation = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`kind` empty: the object itself. `version` is that of meta.k8s.io."""

    kind: Representation = ""
    version: str = "v1"
    is_protobuf: bool = False

    @property
    def content_type(self) -> str:
        media = PROTOBUF if self.is_protobuf else JSON
        return f"{media};as={self.kind};v={self.version};g=meta.k8s.io" if self.kind else media

    @property
    def watch_content_type(self) -> str:
        """Without what each object is shown as; protobuf's frames are told apart from objects."""
        return f"{PROTOBUF};stream=watch" if self.is_protobuf else JSON


def negotiate(accept: str, *, for_list: bool = False, has_protobuf: bool = True) -> Accepted:
    """The first of the client's wishes that can be served. Raises NotAcceptable."""
    if not accept or accept in (JSON, "*/*"):
        return Accepted()
    for wish in accept.split(","):
        media, *parameters = [part.strip() for part in wish.split(";")]
        is_protobuf = media == PROTOBUF and has_protobuf
        if not is_protobuf and media not in (JSON, "*/*", "application/*"):
            continue
        options = dict(part.partition("=")[::2] for part in parameters)
        found = _represented(options.get("as", ""), options, is_protobuf, for_list)
        if found is not None:
            return found
    raise errors.NotAcceptable("only the following media types are accepted: application/json, application/yaml, "
                               "application/vnd.kubernetes.protobuf")


def _represented(kind: str, options: dict[str, str], is_protobuf: bool, for_list: bool) -> Accepted | None:
    if not kind:
        return Accepted(is_protobuf=is_protobuf)
    version = options.get("v", "")
    if options.get("g") != "meta.k8s.io" or version not in ("v1", "v1beta1"):
        return None
    if kind == "Table":                                 # its cells are any JSON: there is no message for them
        return None if is_protobuf else Accepted("Table", version)
    if kind == "PartialObjectMetadataList" and for_list:
        return Accepted("PartialObjectMetadataList", version, is_protobuf)
    if kind == "PartialObjectMetadata":                 # of one object, or of a watch's
        return Accepted("PartialObjectMetadata", version, is_protobuf)
    return None


def encoding_of(accept: str) -> Accepted:
    """For answers that are no objects of the resource, errors above all: the encoding the client prefers, else JSON."""
    try:
        found = negotiate(accept)
    except errors.NotAcceptable:
        return Accepted()
    return Accepted(is_protobuf=found.is_protobuf)
