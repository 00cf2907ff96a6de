"""What this machine is and has, as the Node says it: read once from /proc, /sys, /etc and the system calls."""
from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kubeapi.generated.models.core_v1 import NodeSystemInfo
from kubeapi.quantity import Format, Quantity
from kubelet import hugepages
from kubelet.eviction.thresholds import MEMORY, NODEFS, EvictionConfig

KUBELET_VERSION = "v1.36.0"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
MOST_PODS = 110
NEVER = EvictionConfig()
NOTHING: Mapping[str, Quantity] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Machine:
    capacity: Mapping[str, str]
    allocatable: Mapping[str, str]
    memory_bytes: int
    info: NodeSystemInfo


def architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def read_machine(root: Path, runtime: tuple[str, str], eviction: EvictionConfig = NEVER,
                 reserved: Mapping[str, Quantity] = NOTHING, most_pods: int = MOST_PODS) -> Machine:
    memory, disk = _memory_bytes(), os.statvfs(root)
    amounts = {"cpu": len(os.sched_getaffinity(0)), "ephemeral-storage": disk.f_frsize * disk.f_blocks // 1024 * 1024, **hugepages.capacity(),
               "memory": memory, "pods": most_pods}
    return Machine({name: _text(name, amount) for name, amount in amounts.items()}, allocatable(amounts, eviction, reserved), memory,
                   system_info(runtime))


def allocatable(capacity: Mapping[str, int], eviction: EvictionConfig, reserved: Mapping[str, Quantity]) -> dict[str, str]:
    """What pods may have: without what is reserved, what hard thresholds keep free, and memory that became huge pages."""
    huge = sum(amount for name, amount in capacity.items() if name.startswith(hugepages.PREFIX))
    kept = {"memory": eviction.hard_amount(MEMORY, capacity["memory"]) + huge,
            "ephemeral-storage": eviction.hard_amount(NODEFS, capacity["ephemeral-storage"])}
    found = {}
    for name, amount in capacity.items():
        left = Quantity.of(amount - kept.get(name, 0)) - reserved.get(name, Quantity(0))
        left = max(left, Quantity(0))
        found[name] = str(left) if name == "cpu" else _text(name, left.value())
    return found


def _text(name: str, amount: int) -> str:
    """As upstream writes it: memory and disks in Ki where that is exact."""
    if name.startswith(hugepages.PREFIX):
        return str(Quantity.of(amount, Format.BINARY_SI))
    return f"{amount // 1024}Ki" if name in ("memory", "ephemeral-storage") and amount % 1024 == 0 else str(amount)


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
