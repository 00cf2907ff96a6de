"""Starts containers: image, configuration, create, start, postStart; each failure has its reason and its event."""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kubeapi.generated.models.core_v1 import Container, Pod
from kubelet.api import KubeApi
from kubelet.containerconfig import container_config
from kubelet.credentialproviders import CredentialProviders
from kubelet.credentials import config_of, parse_config, registry_auths
from kubelet.cri import ContainerConfig, ContainerState, ContainerStatus, CriError, Image, Mount, RegistryAuth, RuntimeService
from kubelet.environment import ConfigError, References, environment, references, service_variables
from kubelet.fieldrefs import NodeFacts
from kubelet.images.names import parse as parse_image_name
from kubelet.lifecyclehooks import HookError, run_hook
from kubelet.loglinks import LogLinks
from kubelet.logs import files_of
from kubelet.podfiles import (
    HOST_RESOLV_CONF,
    ClusterDns,
    PodDirectory,
    host_network_hosts_file,
    hosts_file,
    log_directory,
    pod_hostname,
    resolv_conf,
)
from kubelet.podruntime import PodRuntime
from kubelet.pulling import ImagePuller, PullError, Tell
from kubelet.restarts import container_named, statuses_of
from kubelet.volumes import VolumeManager

RETRY_SECONDS = 10.0
HOOK_SECONDS = 600.0
KEPT_ATTEMPTS = 2                      # the newest and the one before: lastState and `logs --previous`


@dataclass(frozen=True, slots=True)
class StartFailure:
    name: str
    reason: str
    message: str
    retry_seconds: float


class ContainerStarter:
    def __init__(self, root: Path, runtime: RuntimeService, api: KubeApi, puller: ImagePuller, volumes: VolumeManager,
                 facts: Callable[[], NodeFacts], dns: ClusterDns, node_memory: int, links: LogLinks, *,
                 writes_files: bool = True, providers: CredentialProviders | None = None) -> None:
        self._root, self._runtime, self._api, self._puller, self._volumes = root, runtime, api, puller, volumes
        self._facts, self._dns, self.node_memory, self._links, self._writes_files = facts, dns, node_memory, links, writes_files
        self._providers = providers or CredentialProviders()
        self._turn = asyncio.Lock()

    async def start_all(self, pod: Pod, runtime: PodRuntime, names: Sequence[str], paths: Mapping[str, Path],
                        not_before: float) -> list[StartFailure]:
        """Side by side; but what comes after a container with a postStart hook waits for that, as it would if all came one by one."""
        failures: list[StartFailure] = []
        for batch in _batches([one for one in map(partial(container_named, pod), names) if one is not None]):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._start(pod, container, runtime, paths, not_before)) for container in batch]
            failures += [failure for failure in (task.result() for task in tasks) if failure is not None]
        return failures

    async def _start(self, pod: Pod, container: Container, runtime: PodRuntime, paths: Mapping[str, Path],
                     not_before: float) -> StartFailure | None:
        def tell(type: str, reason: str, message: str) -> None:
            self._api.event(pod, type, reason, message, container.name)

        def failure(reason: str, message: str, retry_seconds: float = RETRY_SECONDS, told: str = "") -> StartFailure:
            tell("Warning", "Failed", f"Error: {told or message}")
            return StartFailure(container.name, reason, message, retry_seconds)

        sandbox = runtime.ready_sandbox
        if sandbox is None:
            return None
        try:
            image = await self._image(pod, container, sandbox.config.runtime_handler, not_before, tell)
        except PullError as error:
            return failure(error.reason, error.message, error.retry_seconds, told=error.reason)
        attempt = _next_attempt(pod, container, runtime)
        try:
            config = await self._config(pod, container, attempt, image, runtime, paths, not_before, tell)
        except ConfigError as error:
            return failure("CreateContainerConfigError", str(error))
        try:
            await self._remove_old(pod, container, runtime)
            container_id = await self._runtime.create_container(sandbox.id, config)
        except CriError as error:
            return failure("CreateContainerError", error.message)
        tell("Normal", "Created", "Container created")
        if self._writes_files:
            async with self._turn:
                await asyncio.to_thread(self._links.add, pod, container.name, container_id, attempt)
        try:
            await self._runtime.start_container(container_id)
        except CriError as error:
            return failure("RunContainerError", error.message, 0.0)
        tell("Normal", "Started", "Container started")
        return await self._post_start(pod, container, container_id, runtime, tell)

    async def _image(self, pod: Pod, container: Container, handler: str, not_before: float, tell: Tell) -> Image:
        return await self._puller.ensure(pod.metadata.uid, container, lambda: self._auths(pod, container, not_before, tell), tell, handler)

    async def _auths(self, pod: Pod, container: Container, not_before: float, tell: Tell) -> list[RegistryAuth]:
        """Those of the pod's secrets first, then the node's own, then what its plugins know."""
        try:
            repository = parse_image_name(container.image).repository
        except CriError:
            return []                              # the puller says so
        wanted = [one.name for one in pod.spec.image_pull_secrets if one.name]
        node_config = await asyncio.to_thread(_read, self._root / "config.json")
        of_plugins = await self._providers.configs(repository)
        if not wanted and not node_config and not of_plugins:
            return []
        configs = await self._api.read_configs(pod.metadata.namespace, References(secrets=frozenset(wanted)), not_before)
        if missing := [name for name in wanted if configs.secrets.get(name) is None]:
            tell("Warning", "FailedToRetrieveImagePullSecret", f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
                 "attempting to pull the image may not succeed.")
        found = [config_of(secret) for name in wanted if (secret := configs.secrets.get(name)) is not None]
        return registry_auths(repository, [*found, parse_config(node_config or "{}"), *of_plugins])

    async def _config(self, pod: Pod, container: Container, attempt: int, image: Image, runtime: PodRuntime, paths: Mapping[str, Path],
                      not_before: float, tell: Tell) -> ContainerConfig:
        wanted = references(container)
        configs = await self._api.read_configs(pod.metadata.namespace, wanted, not_before)
        variables = environment(pod, container, configs, self._facts(), runtime.ips, service_variables(pod, self._api.services()),
                                lambda message: tell("Warning", "InvalidEnvironmentVariableNames", message))
        mounts = await self._volumes.mounts(pod, container, paths, variables) if container.volume_mounts else []
        if self._writes_files:
            async with self._turn:
                mounts += await asyncio.to_thread(self._write_files, pod, container, attempt, runtime.ips, mounts)
        return container_config(pod, container, attempt, image, variables, mounts, self.node_memory, target_id=_target_id(pod, container, runtime))

    def _write_files(self, pod: Pod, container: Container, attempt: int, ips: Sequence[str], mounts: Sequence[Mount]) -> list[Mount]:
        """/etc/hosts and its like, where the container does not bring its own; and the file for its last words."""
        directory = PodDirectory(self._root, pod.metadata.uid)
        directory.path.mkdir(parents=True, exist_ok=True)
        taken = {one.container_path.rstrip("/") for one in mounts}
        found = []
        for path, where, text in (("/etc/hosts", directory.hosts, self._hosts(pod, ips)),
                                  ("/etc/hostname", directory.hostname, f"{pod_hostname(pod)}\n"),
                                  ("/etc/resolv.conf", directory.resolv_conf, resolv_conf(pod, self._dns, _read(HOST_RESOLV_CONF)))):
            if path in taken or (path == "/etc/hostname" and pod.spec.host_network):
                continue
            if not _holds(where, text.encode()):
                where.write_text(text)
                where.chmod(0o644)
            found.append(Mount(path, str(where)))
        if container.termination_message_path:
            last_words = directory.termination_log(container.name, attempt)
            last_words.parent.mkdir(parents=True, exist_ok=True)
            last_words.touch()
            last_words.chmod(0o666)
            found.append(Mount(container.termination_message_path, str(last_words)))
        (log_directory(self._root, pod) / container.name).mkdir(parents=True, exist_ok=True)
        return found

    def _hosts(self, pod: Pod, ips: Sequence[str]) -> str:
        if pod.spec.host_network:
            return host_network_hosts_file(pod, _read(Path("/etc/hosts")))
        return hosts_file(pod, ips, self._dns.domain)

    async def _remove_old(self, pod: Pod, container: Container, runtime: PodRuntime) -> None:
        """Those that nobody can ask for any more, with their logs."""
        attempts = runtime.containers.get(container.name, ())
        stale = [one for one in attempts if one.state is ContainerState.CREATED]
        ended = [one for one in attempts if one.state is not ContainerState.CREATED]
        for old in [*stale, *ended[KEPT_ATTEMPTS - 1:]]:
            await self._runtime.remove_container(old.id)
            if self._writes_files:
                await asyncio.to_thread(self._remove_log, pod, old)

    def _remove_log(self, pod: Pod, old: ContainerStatus) -> None:
        self._links.remove(pod, old.name, old.id)
        if old.state is not ContainerState.CREATED:           # one that never ran has its successor's number
            for file in files_of(Path(old.log_path)):
                file.unlink(missing_ok=True)

    async def _post_start(self, pod: Pod, container: Container, container_id: str, runtime: PodRuntime, tell: Tell) -> StartFailure | None:
        hook = container.lifecycle.post_start if container.lifecycle else None
        if hook is None:
            return None
        try:
            async with asyncio.timeout(HOOK_SECONDS):
                await run_hook(self._runtime, hook, pod, container, container_id, next(iter(runtime.ips), "127.0.0.1"), HOOK_SECONDS)
        except (HookError, TimeoutError) as error:
            tell("Warning", "FailedPostStartHook", "PostStartHook failed")
            tell("Normal", "Killing", "FailedPostStartHook")
            await self._runtime.stop_container(container_id, float(pod.spec.termination_grace_period_seconds or 0))
            return StartFailure(container.name, "PostStartHookError", str(error), 0.0)
        return None


def _batches(containers: Sequence[Container]) -> list[list[Container]]:
    """Each but the last ends with a container that has a postStart hook."""
    found: list[list[Container]] = [[]]
    for container in containers:
        found[-1].append(container)
        if container.lifecycle is not None and container.lifecycle.post_start is not None:
            found.append([])
    return [batch for batch in found if batch]


def _target_id(pod: Pod, container: Container, runtime: PodRuntime) -> str:
    """The container whose processes an ephemeral one is to see; "" for all others. Raises ConfigError where it does not run."""
    target = next((one.target_container_name for one in pod.spec.ephemeral_containers if one.name == container.name), "")
    if not target:
        return ""
    found = runtime.in_sandbox(target)
    if found is None or found.state is not ContainerState.RUNNING:
        raise ConfigError(f"unable to find target container {target}")
    return found.id


def _next_attempt(pod: Pod, container: Container, runtime: PodRuntime) -> int:
    """One more than the last, also where the runtime has forgotten it and only the status remembers."""
    attempts = [one.attempt for one in runtime.containers.get(container.name, ()) if one.state is not ContainerState.CREATED]
    if attempts:
        return max(attempts) + 1
    known = next((one for one in statuses_of(pod) if one.name == container.name and one.container_id), None)
    return known.restart_count + 1 if known else 0


def _holds(path: Path, content: bytes) -> bool:
    """Read no further than that: the container may have written whatever it likes, and as much."""
    try:
        with path.open("rb") as file:
            return file.read(len(content) + 1) == content
    except OSError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
