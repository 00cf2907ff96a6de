"""What the runtime remembers on disk of a sandbox and of a container, and how the configurations of the CRI become JSON.

Pods outlive the kubelet that started them, also when it is replaced by another version: what a record says that this version
does not know is left aside, and a field that comes new to a configuration needs a default.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from kubelet.cri import (
    ContainerConfig,
    LinuxResources,
    Mount,
    PortMapping,
    SandboxConfig,
    SecurityContext,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def made(cls: type[T], document: Mapping[str, Any]) -> T:
    """Of the fields that are known here."""
    names = {field.name for field in fields(cls)}
    return cls(**{name: value for name, value in document.items() if name in names})


def sandbox_config(document: Mapping[str, Any]) -> SandboxConfig:
    return made(SandboxConfig, {**document, "resources": made(LinuxResources, document["resources"]),
                                 "port_mappings": tuple(made(PortMapping, one) for one in document["port_mappings"])})


def container_config(document: Mapping[str, Any]) -> ContainerConfig:
    security: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in document["security"].items()}
    return made(ContainerConfig, {
        **document, "command": tuple(document["command"]), "args": tuple(document["args"]), "devices": tuple(document["devices"]),
        "env": tuple((name, value) for name, value in document["env"]), "mounts": tuple(made(Mount, one) for one in document["mounts"]),
        "security": made(SecurityContext, security), "resources": made(LinuxResources, document["resources"])})


def document_of(value: Any) -> Any:
    """For JSON: as `asdict`, but nothing is copied that need not be."""
    if is_dataclass(value):
        return {field.name: document_of(getattr(value, field.name)) for field in fields(value)}
    return [document_of(one) for one in value] if isinstance(value, (tuple, list)) else value


@dataclass(frozen=True, slots=True)
class SandboxRecord:
    id: str
    config: SandboxConfig
    created_at: int
    address: str = ""                # the pod's; empty in the host's network
    is_ready: bool = True

    def to_document(self) -> dict[str, Any]:
        return dict(document_of(self))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return made(cls, {**document, "config": sandbox_config(document["config"])})


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    id: str
    sandbox_id: str
    pod_uid: str
    config: ContainerConfig
    created_at: int
    image: str
    image_ref: str
    log_path: str
    stop_signal: str
    cgroup: str
    runtime: str = ""                # another than runc: its name ...
    binary: str = ""                 # ... and its binary, also where the node's configuration knows it no longer

    def to_document(self) -> dict[str, Any]:
        return dict(document_of(self))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return made(cls, {**document, "config": container_config(document["config"])})
