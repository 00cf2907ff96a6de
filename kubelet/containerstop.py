"""Ends one container: its preStop hook, then the signal, within the grace period together."""
from __future__ import annotations

import asyncio
import logging

from kubeapi.generated.models.core_v1 import Container, Pod
from kubelet.api import KubeApi
from kubelet.cri import ContainerStatus, RuntimeService
from kubelet.lifecyclehooks import HookError, run_hook

log = logging.getLogger(__name__)

LEAST_SECONDS = 1.0


class ContainerStopper:
    def __init__(self, runtime: RuntimeService, api: KubeApi) -> None:
        self._runtime, self._api = runtime, api
        self._told: set[str] = set()

    async def stop(self, pod: Pod, container: Container | None, running: ContainerStatus, grace_seconds: float, message: str = "") -> None:
        """May be called again for the same container, with less grace: users are told once, the hook runs once."""
        first = running.id not in self._told
        until = asyncio.get_running_loop().time() + grace_seconds
        if first:
            self._told.add(running.id)
            if container is not None:
                self._api.event(pod, "Normal", "Killing", message or f"Stopping container {running.name}", running.name)
                await self._pre_stop(pod, container, running, grace_seconds)
        await self._runtime.stop_container(running.id, max(LEAST_SECONDS, until - asyncio.get_running_loop().time()))
        self._told.discard(running.id)

    async def _pre_stop(self, pod: Pod, container: Container, running: ContainerStatus, grace_seconds: float) -> None:
        if container.lifecycle is None or container.lifecycle.pre_stop is None:
            return
        ip = pod.status.pod_ip or "127.0.0.1"
        try:
            async with asyncio.timeout(grace_seconds):
                await run_hook(self._runtime, container.lifecycle.pre_stop, pod, container, running.id, ip, grace_seconds)
        except TimeoutError:
            return                                # it may take the grace period, no more
        except HookError as error:
            log.info("%s", error)
            self._api.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", container.name)
