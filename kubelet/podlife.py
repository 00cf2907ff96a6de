"""The life of one pod on this node: brought to be what its spec says, ended, and removed without trace.

`sync` reads what the runtime has, asks `compute_actions` what comes next, does it, and asks again until nothing is left
to do. All it remembers between two calls (why something waits, back-offs) may be lost: the truth is the runtime's.
"""
from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kubeapi.generated.models.core_v1 import ContainerStateWaiting, Pod, PodStatus
from kubelet.actions import Actions, compute_actions, is_resized
from kubelet.admission import refusal
from kubelet.allocation import GRANT, grant_text
from kubelet.api import FRESH_SECONDS
from kubelet.backoff import BackOff
from kubelet.containerconfig import sandbox_config
from kubelet.containerstatus import Doing, Observed
from kubelet.cri import ContainerState, ContainerStatus, CriError
from kubelet.eviction.manager import EVICTED
from kubelet.logs import termination_message
from kubelet.podfiles import log_directory, sandbox_hostname
from kubelet.podruntime import PodRuntime, read_pod_runtime
from kubelet.podstatus import held_back, pod_status
from kubelet.podworkers import TERMINAL_PHASES, Next
from kubelet.pulling import go_duration
from kubelet.resources import at_least, container_resources, pod_cgroup, pod_resources
from kubelet.restarts import all_containers, container_named, is_sidecar
from kubelet.surroundings import Surroundings
from kubelet.volumes import VolumeError
from kubelet.volumes.payload import is_of_objects

log = logging.getLogger(__name__)

RETRY_SECONDS, NETWORK_SECONDS = 10.0, 1.0
SANDBOX = ""


class PodKeeper:
    def __init__(self, pod: Pod, node: Surroundings) -> None:
        self._node = node
        self._uid = pod.metadata.uid
        self._crashes = BackOff()
        self._waiting: dict[str, ContainerStateWaiting] = {}
        self._told_backoff: dict[str, str] = {}
        self._messages: dict[str, str] = {}
        self._mount_retries = BackOff(1.0, 120.0)
        self._retry_at: dict[str, float] = {}        # container, or SANDBOX -> when another attempt makes sense
        self._generation = pod.metadata.generation
        self._began = asyncio.get_running_loop().time()
        self._refreshed = 0.0
        self._volumes: dict[str, Path] = {}          # as made with the sandbox a moment ago, for its first containers
        self._ended = Next()
        self._resize_fault = ""
        self._told: tuple[Any, PodStatus] | None = None      # what the last status came of, and that

    # --- while it lives

    async def sync(self, asked: Pod) -> Next:
        pod = asked
        while True:
            if ended := self._over_deadline(pod):
                return ended
            runtime = await read_pod_runtime(self._node.runtime, self._uid)
            if refused := self._refused(pod, runtime):
                return refused
            self._node.allocations.resize(asked)
            pod = self._node.allocations.granted(asked)
            self._node.probes.follow(pod, runtime, self._node.facts().ips)
            actions = compute_actions(pod, runtime, self._node.probes.results(self._uid), self._remaining)
            self._note_backoffs(pod, actions)
            status = self._publish(pod, runtime, is_terminal=pod.status.phase in TERMINAL_PHASES and not runtime.running)
            if status.phase in TERMINAL_PHASES or (actions.stop_everything and pod.status.phase in TERMINAL_PHASES):
                return Next(has_ended=True)
            if actions.is_nothing:
                return Next(_soonest(self._until_deadline(pod), await self._refresh(pod), *actions.backing_off.values()))
            retry = await self._execute(pod, runtime, actions)
            if retry is not None:
                self._publish(pod, await read_pod_runtime(self._node.runtime, self._uid))
                return Next(_soonest(retry, self._until_deadline(pod), *actions.backing_off.values()))

    def _refused(self, pod: Pod, runtime: PodRuntime) -> Next | None:
        if pod.status.phase in TERMINAL_PHASES:
            return None
        found = (refusal(pod, self._node.allowed_unsafe_sysctls) or self._node.pressure(pod)) if runtime.is_empty else None
        found = found or self._node.allocations.admit(pod, runtime)
        if found is None:
            return None
        self._node.api.event(pod, "Warning", found.reason, found.message)
        return Next(has_ended=True, reason=found.reason, message=f"Pod was rejected: {found.message}")

    def _over_deadline(self, pod: Pod) -> Next | None:
        seconds = self._until_deadline(pod)
        if seconds is None or seconds > 0:
            return None
        message = "Pod was active on the node longer than the specified deadline"
        self._node.api.event(pod, "Normal", "DeadlineExceeded", message)
        return Next(has_ended=True, reason="DeadlineExceeded", message=message)

    def _until_deadline(self, pod: Pod) -> float | None:
        began = self._node.statuses.newest(pod).status.start_time
        if pod.spec.active_deadline_seconds is None or began is None:
            return None
        return max(0.0, began.timestamp() + pod.spec.active_deadline_seconds - self._node.world.seconds())

    async def _refresh(self, pod: Pod) -> float | None:
        """Brings files made of ConfigMaps and Secrets up to date; when to do so again."""
        if not any(is_of_objects(one) for one in pod.spec.volumes):
            return None
        now = asyncio.get_running_loop().time()
        if now - self._refreshed >= FRESH_SECONDS:
            await self._prepare_volumes(pod, now - FRESH_SECONDS / 2)
        return FRESH_SECONDS

    # --- what waits, and why

    def _remaining(self, ended: ContainerStatus) -> float:
        return self._crashes.remaining(ended.name, ended.finished_at / 1e9, self._node.world.seconds())

    def _note_backoffs(self, pod: Pod, actions: Actions) -> None:
        self._waiting = {name: why for name, why in self._waiting.items() if name in actions.start or actions.create_sandbox}
        where = f"{pod.metadata.name}_{pod.metadata.namespace}({self._uid})"
        for name in actions.backing_off:
            delay = go_duration(self._crashes.delay(name))
            message = f"back-off {delay} restarting failed container={name} pod={where}"
            self._waiting[name] = ContainerStateWaiting(reason="CrashLoopBackOff", message=message)
            if self._told_backoff.get(name) != message:
                self._told_backoff[name] = message
                self._node.api.event(pod, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}", name)

    def _publish(self, pod: Pod, runtime: PodRuntime, *, is_terminal: bool = False) -> PodStatus:
        """Answers what comes out of what is observed; the API hears of a pod's end only when nothing of it runs any more."""
        node, now = self._node, self._node.world.now()
        pod = node.allocations.granted(pod)
        for container in all_containers(pod):
            for one in runtime.containers.get(container.name, ()):
                if one.state is ContainerState.EXITED and one.id not in self._messages:
                    self._messages[one.id] = termination_message(node.root, self._uid, container, one)
        seen = Observed(runtime, node.probes.results(self._uid), dict(self._waiting), dict(self._messages), node.runtime_name, node.facts().ips,
                        self._resizing(pod, runtime), is_terminal)
        newest = node.statuses.newest(pod)
        if not pod.metadata.resource_version:
            return newest.status                  # an orphan: the API knows nothing of it
        observed = (seen, self._ended, pod.metadata.generation, newest.status)
        if self._told is not None and observed == self._told[0]:
            return self._told[1]                  # mostly nothing has changed
        status = pod_status(newest, seen, now, reason=self._ended.reason, message=self._ended.message,
                            is_disruption=self._ended.is_disruption)
        written = held_back(newest.status, status) if runtime.running else status
        node.statuses.set(pod, written)
        self._told = (seen, self._ended, pod.metadata.generation, written), status
        return status

    def _resizing(self, pod: Pod, runtime: PodRuntime) -> tuple[Doing, ...]:
        """What is told of a resize: that it waits, and that it is under way."""
        found, wish = [], self._node.allocations.wish(self._uid)
        if wish is not None:
            found.append(Doing("PodResizePending", wish.reason, wish.message))
        if self._resize_fault or any(is_resized(one, current) for one in all_containers(pod) if (
                current := runtime.newest(one.name)) is not None and current.state is ContainerState.RUNNING):
            found.append(Doing("PodResizeInProgress", "Error" if self._resize_fault else "", self._resize_fault))
        return tuple(found)

    # --- doing

    async def _execute(self, pod: Pod, runtime: PodRuntime, actions: Actions) -> float | None:
        """How long to wait before another attempt; None where something was done."""
        if pod.metadata.generation != self._generation:
            self._generation = pod.metadata.generation
            self._retry_at.clear()                # what failed may be what was changed
        for kill in actions.kill:
            container = container_named(pod, kill.container.name)
            grace = _grace_seconds(pod) if kill.grace_seconds is None else float(kill.grace_seconds)
            await self._node.stopper.stop(pod, container, kill.container, grace, kill.message)
        if actions.resize or actions.kill or actions.start:
            await self._resize(pod, runtime, actions.resize)
        if actions.create_sandbox:
            return self._until(SANDBOX) or await self._create_sandbox(pod, runtime)
        ready = [name for name in actions.start if not self._until(name)]
        if not ready:
            waits = [self._until(name) for name in actions.start] + ([RETRY_SECONDS] if self._resize_fault else [])
            return None if actions.kill or not waits else min(waits)
        made, self._volumes = self._volumes, {}
        paths = made or await self._prepare_volumes(pod, self._began)
        if paths is None:
            return self._mount_retries.delay("")
        return await self._start(pod, runtime, ready, paths)

    async def _resize(self, pod: Pod, runtime: PodRuntime, resized: Sequence[ContainerStatus]) -> None:
        """The pod's group is as large as it was or will be, whichever is more, while its containers' change."""
        sandbox, wanted, node = runtime.ready_sandbox, pod_resources(pod, self._node.bounds), self._node
        self._resize_fault = ""
        if sandbox is None or (not resized and sandbox.config.resources == wanted):
            return
        try:
            await node.runtime.update_pod_sandbox_resources(sandbox.id, at_least(sandbox.config.resources, wanted))
            for current in resized:
                if (container := container_named(pod, current.name)) is not None:
                    resources = container_resources(pod, container, node.starter.node_memory)
                    await node.runtime.update_container_resources(current.id, resources, {GRANT: grant_text(container.resources)})
            await node.runtime.update_pod_sandbox_resources(sandbox.id, wanted)
        except CriError as error:
            self._resize_fault = error.message

    async def _start(self, pod: Pod, runtime: PodRuntime, names: Sequence[str], paths: Mapping[str, Path]) -> float | None:
        for last in map(runtime.newest, names):
            if last is not None and last.finished_at:
                self._crashes.next(last.name, last.finished_at / 1e9, self._node.world.seconds())
        failures = await self._node.starter.start_all(pod, runtime, names, paths, self._began)
        for name in names:
            self._retry_at.pop(name, None)
            self._waiting.pop(name, None)
        for failure in failures:
            self._waiting[failure.name] = ContainerStateWaiting(reason=failure.reason, message=failure.message)
            self._try_again(failure.name, failure.retry_seconds)
        return min((one.retry_seconds for one in failures), default=None)

    def _try_again(self, what: str, seconds: float) -> float:
        self._retry_at[what] = asyncio.get_running_loop().time() + seconds
        return seconds

    def _until(self, what: str) -> float:
        return max(0.0, self._retry_at.get(what, 0.0) - asyncio.get_running_loop().time())

    async def _create_sandbox(self, pod: Pod, runtime: PodRuntime) -> float | None:
        node = self._node
        if (fault := node.network_fault()) and not pod.spec.host_network:
            node.api.event(pod, "Warning", "NetworkNotReady", f"network is not ready: {fault}")
            return self._try_again(SANDBOX, NETWORK_SECONDS)
        paths = await self._prepare_volumes(pod, self._began)
        if paths is None:
            return self._try_again(SANDBOX, self._mount_retries.delay(""))
        if runtime.sandbox is not None:
            node.api.event(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            for old in runtime.sandboxes:
                await node.runtime.stop_pod_sandbox(old.id)
            for old in runtime.sandboxes[1:]:
                await node.runtime.remove_pod_sandbox(old.id)
        attempt = runtime.sandbox.config.attempt + 1 if runtime.sandbox else 0
        try:
            handler = await node.api.runtime_handler(pod.spec.runtime_class_name) if pod.spec.runtime_class_name else ""
            first_user = await node.user_namespaces.of(self._uid) if pod.spec.host_users is False else 0
            config = sandbox_config(
                pod, attempt, hostname=sandbox_hostname(pod, node.cluster_domain), log_directory=log_directory(node.root, pod),
                cgroup_parent=pod_cgroup(node.cgroup_parent, pod), runtime_handler=handler, bounds=node.bounds, first_user=first_user)
            await node.runtime.run_pod_sandbox(config)
            self._volumes = paths
        except (CriError, ValueError) as error:
            node.api.event(pod, "Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
            return self._try_again(SANDBOX, RETRY_SECONDS)
        return None

    async def _prepare_volumes(self, pod: Pod, not_before: float) -> dict[str, Path] | None:
        now = asyncio.get_running_loop().time()
        try:
            paths = await self._node.volumes.prepare(pod, not_before)
        except VolumeError as error:
            self._mount_retries.next("", now, now)
            self._node.api.event(pod, "Warning", "FailedMount", str(error))
            return None
        self._mount_retries.forget("")
        self._refreshed = now
        return paths

    # --- the end

    async def terminate(self, pod: Pod, grace_seconds: float, ended: Next) -> None:
        """Stops its containers, sidecars after the others and in reverse order, then its sandbox."""
        self._ended = ended
        node = self._node
        node.probes.stop(self._uid)
        runtime = await read_pod_runtime(node.runtime, self._uid)
        self._publish(pod, runtime)
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_seconds
        sidecars = [one.name for one in pod.spec.init_containers if is_sidecar(one)]
        running = [one for one in runtime.running if one.name not in sidecars]
        async with asyncio.TaskGroup() as group:
            for one in running:
                group.create_task(self._stop(pod, one, grace_seconds))
        for name in reversed(sidecars):
            for one in (one for one in runtime.running if one.name == name):
                await self._stop(pod, one, max(1.0, until - loop.time()))
        for sandbox in runtime.sandboxes:
            await node.runtime.stop_pod_sandbox(sandbox.id)
        self._waiting.clear()
        self._publish(pod, await read_pod_runtime(node.runtime, self._uid), is_terminal=True)
        node.allocations.release(self._uid)
        if EVICTED in (ended.reason, pod.status.reason):
            await self._free_disk()

    async def _free_disk(self) -> None:
        """An evicted pod goes so that others have what it held: nothing but its logs is kept until it is deleted."""
        for sandbox in await self._node.runtime.list_pod_sandboxes(self._uid):
            await self._node.runtime.remove_pod_sandbox(sandbox.id)
        await self._node.volumes.tear_down(self._uid)

    async def _stop(self, pod: Pod, container: ContainerStatus, grace_seconds: float) -> None:
        """How it ended is told while others still take their time."""
        await self._node.stopper.stop(pod, container_named(pod, container.name), container, grace_seconds)
        runtime = await read_pod_runtime(self._node.runtime, self._uid)
        if runtime.running:
            self._publish(pod, runtime)

    async def clean_up(self, pod: Pod, *, is_deleted: bool) -> None:
        """Nothing of it is left on the node before the API lets go of it."""
        node = self._node
        if not is_deleted:
            await node.statuses.flush(self._uid)
        await self._free_disk()
        await asyncio.to_thread(node.links.remove, pod)
        if not is_deleted:
            await node.api.finish_deletion(pod)

    async def forget(self, pod: Pod) -> None:
        node = self._node
        node.statuses.forget(self._uid)
        node.probes.stop(self._uid)
        node.allocations.release(self._uid)
        node.puller.forget(self._uid)
        node.user_namespaces.release(self._uid)
        await asyncio.to_thread(shutil.rmtree, log_directory(node.root, pod), True)


def _grace_seconds(pod: Pod) -> float:
    seconds = pod.spec.termination_grace_period_seconds
    return float(30 if seconds is None else seconds)


def _soonest(*waits: float | None) -> float | None:
    return min((one for one in waits if one is not None), default=None)
