"""Finds the container a request means: by the pod's name among this node's pods, then by what the runtime has of it."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeapi.generated.models.core_v1 import Container, Pod
from kubelet.cri import ContainerState, ContainerStatus, SandboxStatus
from kubelet.podruntime import PodRuntime, read_pod_runtime
from kubelet.restarts import container_named
from kubelet.server.requests import HttpError

if TYPE_CHECKING:
    from kubelet.kubelet import Kubelet


@dataclass(frozen=True, slots=True)
class PodTarget:
    kubelet: Kubelet
    pod: Pod
    runtime: PodRuntime

    def sandbox(self) -> SandboxStatus:
        """Raises HttpError where there is none."""
        if self.runtime.ready_sandbox is None:
            raise HttpError(404, f'pod not found ("{self.pod.metadata.name}_{self.pod.metadata.namespace}")')
        return self.runtime.ready_sandbox


@dataclass(frozen=True, slots=True)
class Target(PodTarget):
    container: Container

    def running(self) -> ContainerStatus:
        """Raises HttpError where the container does not run."""
        newest = self.runtime.newest(self.container.name)
        if newest is None or newest.state is not ContainerState.RUNNING:
            raise HttpError(404, f"container not found (\"{self.container.name}\")")
        return newest


async def find_pod(kubelets: Iterable[Kubelet], namespace: str, name: str) -> PodTarget:
    for kubelet in kubelets:
        if pod := kubelet.workers.find(namespace, name):
            return PodTarget(kubelet, pod, await read_pod_runtime(kubelet.runtime, pod.metadata.uid))
    raise HttpError(404, f'pod "{name}" not found in namespace "{namespace}"')


async def find_target(kubelets: Iterable[Kubelet], namespace: str, name: str, container: str) -> Target:
    of_pod = await find_pod(kubelets, namespace, name)
    found = container_named(of_pod.pod, container)
    if found is None:
        raise HttpError(404, f'container "{container}" not found in pod "{name}_{namespace}"')
    return Target(of_pod.kubelet, of_pod.pod, of_pod.runtime, found)
