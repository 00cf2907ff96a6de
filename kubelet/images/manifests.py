"""Manifests, indexes and configurations as they arrive from strangers: checked here once, and data of known form from here on. Pure."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MOST_LAYERS = 127                     # as docker: overlayfs has to take them all at once
MOST_ENTRIES = 1000                   # of an index
UNKNOWN = -1


class Malformed(ValueError):
    """The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    digest: str
    size: int = UNKNOWN


@dataclass(frozen=True, slots=True)
class Manifest:
    """The lowest layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def size(self) -> int:
        return sum(max(0, one.size) for one in self.layers)


def parsed(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is no JSON document") from error
    if not isinstance(document, dict):
        raise Malformed("it is no JSON object")
    return document


def is_index(document: Mapping[str, Any]) -> bool:
    """One that could be read as both has two meanings, and so none."""
    if "manifests" in document and ("config" in document or "layers" in document):
        raise Malformed("it is an index and a manifest at once")
    return "manifests" in document


def entries(index: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = index.get("manifests")
    if not isinstance(found, list) or not all(isinstance(one, dict) and isinstance(one.get("platform") or {}, dict) for one in found):
        raise Malformed("its list of manifests is none")
    if len(found) > MOST_ENTRIES:
        raise Malformed(f"an index of {len(found)} manifests; {MOST_ENTRIES} are allowed")
    return found


def descriptor(value: Any, what: str, *, needs_size: bool = True) -> Descriptor:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not described")
    digest, size = value.get("digest"), value.get("size", None if needs_size else UNKNOWN)
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise Malformed(f"the digest of {what} is {digest!r:.100}")
    if not isinstance(size, int) or isinstance(size, bool) or (size < 0 and "size" in value):
        raise Malformed(f"the size of {what} is {size!r:.100}")
    return Descriptor(digest, size)


def manifest(document: Mapping[str, Any], *, needs_sizes: bool = True) -> Manifest:
    """`needs_sizes`: where the bytes come from far away, and somebody has to say how many."""
    if "config" not in document:
        raise Malformed("the registry's manifest is of a kind that is not supported (schema version 1?)")
    layers = document.get("layers") or []
    if not isinstance(layers, list):
        raise Malformed("its list of layers is none")
    if len(layers) > MOST_LAYERS:
        raise Malformed(f"{len(layers)} layers; {MOST_LAYERS} are allowed")
    return Manifest(descriptor(document["config"], "the configuration", needs_size=needs_sizes),
                    tuple(descriptor(one, f"layer {number}", needs_size=needs_sizes) for number, one in enumerate(layers, 1)))


# --- configurations

_TEXTS = ("User", "WorkingDir", "StopSignal")
_LISTS = ("Env", "Entrypoint", "Cmd")
_MAPS = ("Labels", "Volumes", "ExposedPorts")


def configuration(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the image asks of its containers, which has the form that the runtime relies on."""
    found = document.get("config") or {}
    if not isinstance(found, dict):
        raise Malformed("the configuration's `config` is no object")
    right: dict[str, bool] = {
        **{name: isinstance(found.get(name) or "", str) for name in _TEXTS},
        **{name: _is_texts(found.get(name) or []) for name in _LISTS},
        **{name: isinstance(found.get(name) or {}, dict) for name in _MAPS}}
    if wrong := [name for name, is_right in right.items() if not is_right]:
        raise Malformed(f"the configuration's {', '.join(wrong)} has a wrong type")
    return dict(found)


def diff_ids(document: Mapping[str, Any], count: int) -> tuple[str, ...]:
    rootfs = document.get("rootfs") or {}
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    ids = tuple(str(one) for one in found) if isinstance(found, list) else ()
    if len(ids) != count or not all(map(DIGEST.fullmatch, ids)):
        raise Malformed("the image's configuration and manifest do not name the same layers")
    return ids


def _is_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) and "\0" not in one for one in value)
