"""What the kubelet refuses to run: a pod that may not be on this node fails at once, in upstream's words. Pure."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kubeapi.generated.models.core_v1 import Pod, PodSecurityContext, SecurityContext
from kubelet.restarts import all_containers

# They concern the pod alone and cannot harm the node.
SAFE_SYSCTLS = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})
APPARMOR = Path("/sys/kernel/security/apparmor/profiles")
SWAPPED = str.maketrans("./", "/.")
OF_NETWORK = ("net.",)
OF_IPC = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: str
    message: str


def refusal(pod: Pod, allowed_unsafe_sysctls: Collection[str] = ()) -> Refusal | None:
    """`allowed_unsafe_sysctls`: names, or their beginnings with a `*`."""
    for sysctl in pod.spec.security_context.sysctls if pod.spec.security_context else ():
        if fault := _sysctl_fault(pod, dotted(sysctl.name), allowed_unsafe_sysctls):
            return Refusal("SysctlForbidden", f"forbidden sysctl: {fault}")
    if any(_wants_apparmor(one) for one in (pod.spec.security_context, *(one.security_context for one in all_containers(pod)))) \
            and not APPARMOR.exists():
        return Refusal("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
    return None


def _wants_apparmor(context: PodSecurityContext | SecurityContext | None) -> bool:
    return context is not None and context.app_armor_profile is not None and context.app_armor_profile.type != "Unconfined"


def _sysctl_fault(pod: Pod, name: str, allowed: Collection[str]) -> str:
    if name not in SAFE_SYSCTLS and not any(_matches(name, pattern) for pattern in allowed):
        return f'"{name}" not allowlisted'
    if pod.spec.host_network and name.startswith(OF_NETWORK):
        return f'"{name}" not allowed with host net enabled'
    if pod.spec.host_ipc and name.startswith(OF_IPC):
        return f'"{name}" not allowed with host ipc enabled'
    return ""


def dotted(name: str) -> str:
    """A sysctl's name with dots between its parts; one that begins a/b has slashes there, and dots within."""
    slash, dot = name.find("/"), name.find(".")
    return name.translate(SWAPPED) if slash >= 0 and (dot < 0 or slash < dot) else name


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
