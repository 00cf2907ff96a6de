"""What this machine is and has, as the Node says it: read once from /proc, /etc and the system calls."""
from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kubeapi.generated.models.core_v1 import NodeSystemInfo

KUBELET_VERSION = "v1.36.0"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
MOST_PODS = 110
EVICTION_MEMORY = 100 << 20              # kept free for the node, as upstream's hard eviction threshold
EVICTION_DISK_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Machine:
    capacity: Mapping[str, str]
    allocatable: Mapping[str, str]
    memory_bytes: int
    info: NodeSystemInfo


def architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def read_machine(root: Path, runtime: tuple[str, str]) -> Machine:
    memory = _memory_bytes()
    disk = os.statvfs(root)
    storage = disk.f_frsize * disk.f_blocks
    cpus = len(os.sched_getaffinity(0))
    capacity = {"cpu": str(cpus), "ephemeral-storage": f"{storage // 1024}Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
                "memory": f"{memory // 1024}Ki", "pods": str(MOST_PODS)}
    allocatable = {**capacity, "memory": f"{max(0, memory - EVICTION_MEMORY) // 1024}Ki",
                   "ephemeral-storage": str(storage * (100 - EVICTION_DISK_PERCENT) // 100)}
    return Machine(capacity, allocatable, memory, system_info(runtime))


def hollow_machine() -> Machine:
    memory = 256 << 30
    amounts = {"cpu": "32", "ephemeral-storage": "1000Gi", "memory": f"{memory // 1024}Ki", "pods": str(MOST_PODS)}
    info = NodeSystemInfo(
        architecture=architecture(), boot_id="", container_runtime_version="hollow://1", kernel_version=platform.release(),
        kube_proxy_version="", kubelet_version=KUBELET_VERSION, machine_id="", operating_system="linux", os_image="hollow", system_uuid="")
    return Machine(amounts, amounts, memory, info)


def system_info(runtime: tuple[str, str]) -> NodeSystemInfo:
    machine_id = _first_line("/etc/machine-id")
    return NodeSystemInfo(
        architecture=architecture(), boot_id=_first_line("/proc/sys/kernel/random/boot_id"), container_runtime_version="://".join(runtime),
        kernel_version=platform.release(), kube_proxy_version="", kubelet_version=KUBELET_VERSION, machine_id=machine_id,
        operating_system="linux", os_image=_os_name(), system_uuid=_first_line("/sys/class/dmi/id/product_uuid") or machine_id)


def _memory_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().split("\n", 1)[0].strip()
    except OSError:
        return ""


def _os_name() -> str:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return "Linux"
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return " ".join(shlex.split(values.get("PRETTY_NAME", "Linux")))
