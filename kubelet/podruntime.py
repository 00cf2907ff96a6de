"""What the runtime knows of one pod: its sandboxes and the attempts of its containers, the newest first."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kubelet.cri import ContainerState, ContainerStatus, RuntimeService, SandboxState, SandboxStatus


@dataclass(frozen=True, slots=True)
class PodRuntime:
    sandboxes: tuple[SandboxStatus, ...] = ()
    containers: Mapping[str, tuple[ContainerStatus, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, sandboxes: Iterable[SandboxStatus], containers: Iterable[ContainerStatus]) -> PodRuntime:
        attempts: dict[str, tuple[ContainerStatus, ...]] = {}
        for container in sorted(containers, key=lambda one: (one.attempt, one.created_at), reverse=True):
            attempts[container.name] = (*attempts.get(container.name, ()), container)
        return cls(tuple(sorted(sandboxes, key=lambda one: (one.config.attempt, one.created_at), reverse=True)), attempts)

    @property
    def sandbox(self) -> SandboxStatus | None:
        """The newest, ready or not."""
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def ready_sandbox(self) -> SandboxStatus | None:
        return next((one for one in self.sandboxes[:1] if one.state is SandboxState.READY), None)

    @property
    def ips(self) -> tuple[str, ...]:
        return self.ready_sandbox.ips if self.ready_sandbox else ()

    def newest(self, name: str) -> ContainerStatus | None:
        attempts = self.containers.get(name)
        return attempts[0] if attempts else None

    def previous(self, name: str) -> ContainerStatus | None:
        attempts = self.containers.get(name, ())
        return attempts[1] if len(attempts) > 1 else None

    def in_sandbox(self, name: str) -> ContainerStatus | None:
        """The newest attempt, if it belongs to the newest sandbox."""
        newest = self.newest(name)
        return newest if newest and self.sandbox and newest.sandbox_id == self.sandbox.id else None

    @property
    def running(self) -> list[ContainerStatus]:
        return [one for attempts in self.containers.values() for one in attempts if one.state is ContainerState.RUNNING]

    @property
    def is_empty(self) -> bool:
        return not self.sandboxes and not self.containers


async def read_pod_runtime(runtime: RuntimeService, pod_uid: str) -> PodRuntime:
    return PodRuntime.of(await runtime.list_pod_sandboxes(pod_uid), await runtime.list_containers(pod_uid=pod_uid))
