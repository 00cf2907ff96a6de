"""Pods, sandboxes and containers in few words."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.generated.models.core_v1 import Container, Pod, PodSpec, PodStatus
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubelet.cri import ContainerState, ContainerStatus, SandboxConfig, SandboxState, SandboxStatus
from kubelet.podruntime import PodRuntime

UID = "u1"
SECOND = 10 ** 9


def a_container(name: str = "c", **fields: Any) -> Container:
    return Container.from_wire({"name": name, "image": "app:1", "imagePullPolicy": "IfNotPresent", **fields})


def a_pod(containers: Sequence[Container] = (), init: Sequence[Container] = (), *, name: str = "web", restart: str = "Always",
          uid: str = UID, status: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, **spec: Any) -> Pod:
    found = PodSpec.from_wire({"nodeName": "n1", "restartPolicy": restart, "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", **spec})
    return Pod(metadata=ObjectMeta.from_wire({"name": name, "namespace": "default", "uid": uid, "resourceVersion": "5", "generation": 1,
                                              **(metadata or {})}),
               spec=found.evolve(containers=tuple(containers) or (a_container(),), init_containers=tuple(init)),
               status=PodStatus.from_wire(status or {"phase": "Pending"}))


def a_sandbox(id: str = "s0", attempt: int = 0, *, ready: bool = True, ips: tuple[str, ...] = ("10.0.0.5",), uid: str = UID) -> SandboxStatus:
    config = SandboxConfig("web", "default", uid, attempt, "web", "/logs", "/cgroup")
    return SandboxStatus(id, config, SandboxState.READY if ready else SandboxState.NOT_READY, attempt, ips)


def running(name: str = "c", attempt: int = 0, sandbox: str = "s0", **fields: Any) -> ContainerStatus:
    return ContainerStatus(fields.pop("id", f"{name}{attempt}"), sandbox, name, attempt, ContainerState.RUNNING, SECOND, started_at=SECOND,
                           image="app:1", image_ref="sha256:1", **fields)


def ended(name: str = "c", code: int = 0, attempt: int = 0, sandbox: str = "s0", at: int = 2, **fields: Any) -> ContainerStatus:
    return ContainerStatus(f"{name}{attempt}", sandbox, name, attempt, ContainerState.EXITED, SECOND, started_at=SECOND,
                           finished_at=at * SECOND, exit_code=code, image="app:1", image_ref="sha256:1", **fields)


def created(name: str = "c", attempt: int = 0, sandbox: str = "s0") -> ContainerStatus:
    return ContainerStatus(f"{name}{attempt}", sandbox, name, attempt, ContainerState.CREATED, SECOND)


def lost(name: str = "c", attempt: int = 0, sandbox: str = "s0") -> ContainerStatus:
    return ContainerStatus(f"{name}{attempt}", sandbox, name, attempt, ContainerState.UNKNOWN, SECOND)


def a_runtime(*containers: ContainerStatus, sandboxes: Sequence[SandboxStatus] | None = None) -> PodRuntime:
    return PodRuntime.of([a_sandbox()] if sandboxes is None else sandboxes, containers)
