"""One node's kubelet: its pods' workers and what they share, wired in one place.

Pods come in by `update` and `remove`, from an informer that many hollow nodes may share. What the runtime still has of
pods that the API no longer knows is removed once the informer has synced (`remove_orphans`).
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeapi.generated.models.core_v1 import Node, Pod, PodSpec
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from kubelet import hugepages
from kubelet.allocation import Allocations
from kubelet.api import KubeApi
from kubelet.containerstart import ContainerStarter
from kubelet.containerstop import ContainerStopper
from kubelet.credentialproviders import CredentialProviders, Provider
from kubelet.cri import ImageService, RuntimeService
from kubelet.eviction.manager import EvictionManager
from kubelet.eviction.observe import Observer
from kubelet.eviction.thresholds import EvictionConfig
from kubelet.fieldrefs import NodeFacts
from kubelet.imagegc import ImageCollector, Policy, disk_of
from kubelet.loglinks import LogLinks
from kubelet.nodeagent import NodeAgent
from kubelet.nodeinfo import Machine
from kubelet.nodestatus import NodeIdentity
from kubelet.podfiles import ClusterDns, logged_pods
from kubelet.podlife import PodKeeper
from kubelet.podworkers import PodWorkers
from kubelet.probes.manager import ProbeManager
from kubelet.probes.prober import Prober
from kubelet.pulling import SERIALIZED, ImagePuller
from kubelet.qosgroups import QosGroups
from kubelet.resources import PodBounds
from kubelet.statusmanager import StatusManager
from kubelet.surroundings import Surroundings
from kubelet.usernamespaces import UserNamespaces
from kubelet.volumes import VolumeManager

log = logging.getLogger(__name__)

ORPHAN_GRACE_SECONDS = 2
NO_NETWORK = ("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
              "message:Network plugin returns error: the node has no podCIDR yet")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What differs between nodes, real and hollow ones."""

    identity: NodeIdentity
    machine: Machine
    root: Path
    dns: ClusterDns = ClusterDns()
    cgroup_parent: str = ""
    is_hollow: bool = False
    log_links: Path | None = None
    allowed_unsafe_sysctls: tuple[str, ...] = ()
    lease_seconds: int = 40
    pulls_at_once: int = SERIALIZED
    image_policy: Policy = Policy()
    credential_providers: Sequence[Provider] = ()
    pod_pids_limit: int = 0
    eviction: EvictionConfig = EvictionConfig()


class Kubelet:
    """The parts of one node, in *group*'s care. `statuses` and `api` may be shared with other nodes of this process."""

    def __init__(self, config: NodeConfig, runtime: RuntimeService, images: ImageService, runtime_name: str, *, group: asyncio.TaskGroup,
                 api: KubeApi, statuses: StatusManager, world: World = REAL_WORLD, images_of: Mapping[str, ImageService] | None = None) -> None:
        """`images_of`: handler -> images, of runtimes that have their own."""
        self.config, self.runtime, self.images, self.runtime_name, self._api = config, runtime, images, runtime_name, api
        self._facts = NodeFacts(config.identity.name, (config.identity.ip,), config.machine.allocatable)
        self._pod_cidr = ""
        self._agent: NodeAgent | None = None
        volumes = VolumeManager(config.root, api, self._node_facts, mounts=not config.is_hollow, world=world)
        puller = ImagePuller(images, pulled=self._image_pulled, at_once=config.pulls_at_once, of_handlers=images_of)
        self.collector = ImageCollector(images, runtime, config.image_policy, lambda: disk_of(config.root), self._tell, self._images_changed)
        self._volumes = volumes
        self.evictions = EvictionManager(
            config.eviction, Observer(config.root, runtime, lambda pod: self._qos.processes(pod) if self._qos else 0), lambda: self.workers, self._warn,
            self._wake_agent, self.collector.delete_unused)
        links = LogLinks(config.log_links, config.root)
        links.sweep()
        self._qos = None if config.is_hollow else QosGroups(config.cgroup_parent)
        self._allocations = Allocations(config.machine.allocatable, lambda uid: self.workers.wake(uid), self._granted)
        self._around = Surroundings(
            root=config.root, runtime=runtime, runtime_name=runtime_name, api=api, statuses=statuses, volumes=volumes, puller=puller,
            probes=ProbeManager(group, Prober(runtime), api.event, lambda uid: self.workers.wake(uid)),
            starter=ContainerStarter(config.root, runtime, api, puller, volumes, self._node_facts, config.dns, config.machine.memory_bytes, links,
                                     writes_files=not config.is_hollow, providers=CredentialProviders(config.credential_providers)),
            stopper=ContainerStopper(runtime, api), allocations=self._allocations, links=links,
            user_namespaces=UserNamespaces(config.root, int(config.machine.capacity["pods"])), facts=self._node_facts, world=world,
            cgroup_parent=config.cgroup_parent, bounds=PodBounds(config.pod_pids_limit, tuple(filter(hugepages.size_of, config.machine.capacity))),
            cluster_domain=config.dns.domain, allowed_unsafe_sysctls=config.allowed_unsafe_sysctls, pressure=self.evictions.refusal, network_fault=self.fault)
        self.workers = PodWorkers(group, lambda pod: PodKeeper(pod, self._around))

    def _granted(self) -> None:
        if self._qos is not None:
            self._qos.update(self._allocations.burstable_cpu())

    def _node_facts(self) -> NodeFacts:
        return self._facts

    def _image_pulled(self) -> None:
        self._images_changed()
        self.collector.wake()

    def _tell(self, type: str, reason: str, message: str) -> None:
        if self._agent is not None:
            self._agent.event(type, reason, message)

    def _warn(self, pod: Pod | None, reason: str, message: str) -> None:
        if pod is not None:
            self._api.event(pod, "Warning", reason, message)
        else:
            self._tell("Warning", reason, message)

    def _images_changed(self) -> None:
        if not self.config.is_hollow:
            self._wake_agent()

    def _wake_agent(self) -> None:
        if self._agent is not None:
            self._agent.wake()

    # --- the node

    def fault(self) -> str:
        """Why no pod can run here, or ""."""
        return "" if self._pod_cidr else NO_NETWORK

    async def use_pod_cidr(self, pod_cidr: str) -> None:
        await self.runtime.update_pod_cidr(pod_cidr)
        self._pod_cidr = pod_cidr

    def agent(self, client: Client, recorder: EventRecorder) -> NodeAgent:
        """What keeps the Node and its Lease."""
        self._agent = NodeAgent(client, recorder, self.config.identity, self.config.machine, self.images, self.fault, self.use_pod_cidr,
                                lease_seconds=self.config.lease_seconds, pressure=lambda: self.evictions.conditions)
        return self._agent

    def observe(self, node: Node) -> None:
        if self._agent is not None:
            self._agent.observe(node)

    # --- pods

    def update(self, pod: Pod) -> None:
        self.workers.update(pod, is_echo=self._around.statuses.is_echo(pod))

    def remove(self, pod: Pod) -> None:
        self._allocations.release(pod.metadata.uid)
        self._around.statuses.gone(pod.metadata.uid)
        self.workers.remove(pod)

    async def follow_runtime(self) -> None:
        """What happens to containers wakes their pods' workers."""
        async for event in self.runtime.events():
            self.workers.wake(event.pod_uid)

    async def remove_orphans(self, known: Iterable[str]) -> None:
        """Ends what is left of pods that are not among the *known* uids."""
        kept = set(known)
        orphans = {one.config.uid: Pod(metadata=ObjectMeta(name=one.config.name, namespace=one.config.namespace, uid=one.config.uid),
                                       spec=PodSpec(termination_grace_period_seconds=ORPHAN_GRACE_SECONDS))
                   for one in await self.runtime.list_pod_sandboxes() if one.config.uid not in kept}
        for namespace, name, uid in logged_pods(self.config.root):
            if uid not in kept:
                orphans.setdefault(uid, Pod(metadata=ObjectMeta(name=name, namespace=namespace, uid=uid)))
        for uid in self._volumes.known_pods():
            if uid not in kept:
                orphans.setdefault(uid, Pod(metadata=ObjectMeta(name="unknown", namespace="unknown", uid=uid)))
        for uid, pod in orphans.items():
            if uid not in self.workers:
                log.info("pod %s/%s (%s) is not in the API any more: removing it", pod.metadata.namespace, pod.metadata.name, uid)
                self.workers.remove(pod)
