"""Which representation of an object the client accepts (the object, a Table, or its metadata only) and in which encoding. Pure."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kubeapi import errors
from kubeapi.protobuf import MEDIA_TYPE as PROTOBUF

Representation = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
JSON, YAML = "application/json", "application/yaml"
ACCEPTED = (JSON, YAML, PROTOBUF)


@dataclass(frozen=True, slots=True)
class Accepted:
    """`kind` empty: the object itself. `version` is that of meta.k8s.io."""

    kind: Representation = ""
    version: str = "v1"
    media: str = JSON

    @property
    def is_protobuf(self) -> bool:
        return self.media == PROTOBUF

    @property
    def is_yaml(self) -> bool:
        return self.media == YAML

    @property
    def content_type(self) -> str:
        return f"{self.media};as={self.kind};v={self.version};g=meta.k8s.io" if self.kind else self.media

    @property
    def watch_content_type(self) -> str:
        """Without what each object is shown as; protobuf's frames are told apart from objects."""
        return f"{PROTOBUF};stream=watch" if self.is_protobuf else JSON


@lru_cache(256)                         # clients have few wishes
def negotiate(accept: str, *, for_list: bool = False, for_watch: bool = False) -> Accepted:
    """The client's dearest wish that can be served; YAML cannot be watched. Raises NotAcceptable."""
    if not accept or accept in (JSON, "*/*"):
        return Accepted()
    for wished, options in wishes(accept):
        media = JSON if wished in ("*/*", "application/*") else wished
        if media not in ACCEPTED or (media == YAML and for_watch):
            continue
        found = _represented(options.get("as", ""), options, media, for_list)
        if found is not None:
            return found
    raise errors.NotAcceptable(f"only the following media types are accepted: {', '.join(ACCEPTED)}")


def wishes(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Media types and their parameters, the dearest (by `q`) first."""
    found = []
    for wish in accept.split(","):
        media, *parameters = [part.strip() for part in wish.split(";")]
        options = dict(part.partition("=")[::2] for part in parameters)
        found.append((media, options))
    yield from sorted(found, key=lambda wish: -_quality(wish[1].get("q", "1")))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _represented(kind: str, options: dict[str, str], media: str, for_list: bool) -> Accepted | None:
    if not kind:
        return Accepted(media=media)
    version = options.get("v", "")
    if options.get("g") != "meta.k8s.io" or version not in ("v1", "v1beta1"):
        return None
    if kind == "Table":                                 # its cells are any JSON: there is no message for them
        return None if media == PROTOBUF else Accepted("Table", version, media)
    if kind == "PartialObjectMetadataList" and for_list:
        return Accepted("PartialObjectMetadataList", version, media)
    if kind == "PartialObjectMetadata":                 # of one object, or of a watch's
        return Accepted("PartialObjectMetadata", version, media)
    return None


def encoding_of(accept: str) -> Accepted:
    """For answers that are no objects of the resource, errors above all: the encoding the client prefers, else JSON."""
    try:
        found = negotiate(accept)
    except errors.NotAcceptable:
        return Accepted()
    return Accepted(media=found.media)


@lru_cache(256)
def wants_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named (`*` is not enough, as upstream), not refused by `q=0`, and not less dear than no encoding at all."""
    dear = {coding.lower(): _quality(options.get("q", "1")) for coding, options in wishes(accept_encoding)}
    gzip = dear.get("gzip", 0.0)
    return gzip > 0 and gzip >= dear.get("identity", 0.0)
