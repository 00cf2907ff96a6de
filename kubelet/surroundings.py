"""What the pods of one node share: the runtime, the API, and whoever starts, stops, probes and writes for them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubeapi.generated.models.core_v1 import Pod
from kubeapi.world import World
from kubelet.admission import Refusal
from kubelet.allocation import Allocations
from kubelet.api import KubeApi
from kubelet.containerstart import ContainerStarter
from kubelet.containerstop import ContainerStopper
from kubelet.cri import RuntimeService
from kubelet.fieldrefs import NodeFacts
from kubelet.loglinks import LogLinks
from kubelet.probes.manager import ProbeManager
from kubelet.pulling import ImagePuller
from kubelet.resources import PodBounds
from kubelet.statusmanager import StatusManager
from kubelet.usernamespaces import UserNamespaces
from kubelet.volumes import VolumeManager


@dataclass(frozen=True, slots=True)
class Surroundings:
    root: Path
    runtime: RuntimeService
    runtime_name: str
    api: KubeApi
    statuses: StatusManager
    volumes: VolumeManager
    probes: ProbeManager
    puller: ImagePuller
    starter: ContainerStarter
    stopper: ContainerStopper
    allocations: Allocations
    links: LogLinks
    user_namespaces: UserNamespaces
    facts: Callable[[], NodeFacts]
    world: World
    cgroup_parent: str
    cluster_domain: str
    allowed_unsafe_sysctls: tuple[str, ...]
    bounds: PodBounds
    pressure: Callable[[Pod], Refusal | None]     # why a new pod may not run here now
    network_fault: Callable[[], str]              # why pods cannot have a network yet, or ""
