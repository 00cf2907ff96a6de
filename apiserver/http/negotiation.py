"""Which representation of an object the client accepts: the object, a Table, or its metadata only. Pure."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kubeapi import errors

Representation = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`kind` empty: the object itself. `version` is that of meta.k8s.io."""

    kind: Representation = ""
    version: str = "v1"
    content_type: str = JSON


def negotiate(accept: str, *, for_list: bool) -> Accepted:
    """The first of the client's wishes that can be served. Raises NotAcceptable."""
    if not accept:
        return Accepted()
    for wish in accept.split(","):
        media, *parameters = [part.strip() for part in wish.split(";")]
        options = dict(part.partition("=")[::2] for part in parameters)
        kind = options.get("as", "")
        if media not in (JSON, "*/*", "application/*"):
            continue
        if not kind:
            return Accepted()
        if options.get("g") == "meta.k8s.io" and options.get("v") in ("v1", "v1beta1"):
            if kind == "Table":
                return Accepted("Table", options["v"], f"{JSON};as=Table;v={options['v']};g=meta.k8s.io")
            if kind == "PartialObjectMetadataList" and for_list:
                return Accepted("PartialObjectMetadataList", options["v"], f"{JSON};as={kind};v={options['v']};g=meta.k8s.io")
            if kind == "PartialObjectMetadata":         # of one object, or of a watch's
                return Accepted("PartialObjectMetadata", options["v"], f"{JSON};as={kind};v={options['v']};g=meta.k8s.io")
    raise errors.NotAcceptable("only the following media types are accepted: application/json, application/yaml, "
                               "application/vnd.kubernetes.protobuf")
