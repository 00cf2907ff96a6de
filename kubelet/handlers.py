"""Which runtime a RuntimeClass's handler stands for on this node: the kubelet's `runtimeHandlers`, read from a file.

    apiVersion: kubelet.picokube.io/v1
    kind: RuntimeHandlers
    runtimeHandlers:
      crun:       {type: crun, path: /usr/bin/crun}                              # another OCI binary under the same shim
      containerd: {type: cri, endpoint: unix:///run/containerd/containerd.sock}  # whatever speaks the CRI
      kata:       {type: cri, endpoint: unix:///run/containerd/containerd.sock, handler: kata}
      pretend:    {type: hollow}

What is not named there: `runc` always is the node's own runtime, and `crun` the binary of that name where there is one.
"""
from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeapi.names import dns1123_label_faults
from kubeapi.yamldoc import YamlError, load
from kubelet.cri import CriError

KIND = ("kubelet.picokube.io/v1", "RuntimeHandlers")
OCI, CRI, HOLLOW = ("runc", "crun"), "cri", "hollow"
# type -> the fields it may have, those it must have
FIELDS = {**dict.fromkeys(OCI, ({"path"}, set[str]())), CRI: ({"endpoint", "handler"}, {"endpoint"}), HOLLOW: (set[str](), set[str]())}


@dataclass(frozen=True, slots=True)
class Handler:
    name: str                          # as RuntimeClasses say
    type: str
    path: str = ""                     # of an OCI runtime's binary
    endpoint: str = ""                 # of a CRI runtime: its socket
    handler: str = ""                  # what that one is to call it; "": its default


def read_config(path: Path) -> tuple[Handler, ...]:
    """Raises ValueError."""
    try:
        document = load(path.read_bytes())
    except (OSError, YamlError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != KIND:
        raise ValueError(f"{path} is no {KIND[1]} of {KIND[0]}")
    entries = document.get("runtimeHandlers")
    if not isinstance(entries, dict) or not entries:
        raise ValueError(f"{path}: runtimeHandlers: Required value: a handler's name and what it stands for")
    return tuple(_handler(name, entry) for name, entry in entries.items())


def _handler(name: Any, entry: Any) -> Handler:
    where = f"runtimeHandlers.{name}"
    if not isinstance(name, str) or dns1123_label_faults(name):
        raise ValueError(f"{where}: Invalid value: {name!r}: a handler's name is a lowercase RFC 1123 label")
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise ValueError(f"{where}: Invalid value: a map of strings, with a type")
    if entry.get("type") not in FIELDS:
        raise ValueError(f"{where}.type: Unsupported value: {entry.get('type')!r}: supported values: {', '.join(FIELDS)}")
    known, required = FIELDS[entry["type"]]
    if unknown := sorted(entry.keys() - known - {"type"}):
        raise ValueError(f"{where}.{unknown[0]}: a handler of type {entry['type']} has no such field")
    if missing := sorted(one for one in required if not entry.get(one)):
        raise ValueError(f"{where}.{missing[0]}: Required value")
    found = Handler(name, entry["type"], entry.get("path", ""), entry.get("endpoint", "").removeprefix("unix://"), entry.get("handler", ""))
    if found.type == CRI and not found.endpoint.startswith("/"):
        raise ValueError(f"{where}.endpoint: Invalid value: {entry['endpoint']!r}: write unix:///path")
    return found


def oci_binaries(handlers: Iterable[Handler]) -> dict[str, tuple[str, str]]:
    """Handler -> (type, binary) of those that the node's own runtime serves."""
    found = {"runc": ("runc", "runc"), **({"crun": ("crun", "crun")} if shutil.which("crun") else {})}
    for one in handlers:
        found.pop(one.name, None)
        if one.type in OCI:
            found[one.name] = one.type, one.path or one.type
    return found


def no_such_handler(name: str) -> CriError:
    return CriError("FailedCreatePodSandBox", f'failed to get sandbox runtime: no runtime for "{name}" is configured')
