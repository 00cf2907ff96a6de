"""Ports of the node that are a pod's (hostPort): translated on their way in, also from the node itself and from its localhost.

The maps are written whole, from what sandboxes there are: whoever comes back after a crash writes the same again.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kubelet.network import naming


@dataclass(frozen=True, slots=True)
class HostPort:
    """`link` is the node's end of the pod's veth; an empty `host_ip` means all of the node's addresses."""

    protocol: str
    host_ip: str
    host_port: int
    address: str
    port: int
    link: str

    @property
    def key(self) -> str:
        return f"{f'{self.host_ip} . ' if self.host_ip else ''}{self.protocol.lower()} . {self.host_port}"

    @property
    def element(self) -> str:
        return f"{self.key} : {self.address} . {self.port}"


def definitions(cluster: str, source: str) -> str:
    """Of the node's table. `source` is how the node's own localhost appears to pods, which cannot answer to 127.0.0.1."""
    links = naming.link_prefix(cluster)
    return f"""
 map host_ports {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
 map host_ports_of_address {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
 set pods_with_host_ports {{ type ipv4_addr . ipv4_addr; }}
 chain to_host_ports {{
  meta l4proto {{ tcp, udp, sctp }} dnat ip to ip daddr . meta l4proto . th dport map @host_ports_of_address
  meta l4proto {{ tcp, udp, sctp }} dnat ip to meta l4proto . th dport map @host_ports
 }}
 chain host_ports_in {{ type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump to_host_ports; }}
 chain host_ports_out {{ type nat hook output priority -100; policy accept; fib daddr type local jump to_host_ports; }}
 chain host_ports_back {{ type nat hook postrouting priority srcnat; policy accept;
  ip saddr 127.0.0.0/8 oifname "{links}*" snat to {source};
  ip saddr . ip daddr @pods_with_host_ports snat to {source};
 }}
 chain guard_localhost {{ type filter hook prerouting priority raw; policy accept; iifname "{links}*" ip daddr 127.0.0.0/8 drop; }}"""


def contents(cluster: str, ports: Iterable[HostPort]) -> str:
    """What replaces all that the maps had; of two that want the same, the first has it."""
    table = f"ip {naming.table(cluster)}"
    wanted = {port.key: port for port in reversed([one for one in map(_normal, ports) if one is not None])}.values()
    everywhere = [one.element for one in wanted if not one.host_ip]
    somewhere = [one.element for one in wanted if one.host_ip]
    pods = sorted({f"{one.address} . {one.address}" for one in wanted})
    lines = [f"flush map {table} host_ports", f"flush map {table} host_ports_of_address", f"flush set {table} pods_with_host_ports"]
    for name, elements in (("host_ports", everywhere), ("host_ports_of_address", somewhere), ("pods_with_host_ports", pods)):
        if elements:
            lines.append(f"add element {table} {name} {{ {', '.join(elements)} }}")
    return "\n".join(lines) + "\n"


def _normal(port: HostPort) -> HostPort | None:
    """None for an address of IPv6, which pods do not have."""
    if not port.host_ip:
        return port
    address = ipaddress.ip_address(port.host_ip)
    if address.version == 6 and not address.is_unspecified:
        return None
    host_ip = "" if address.is_unspecified else str(address)
    return HostPort(port.protocol, host_ip, port.host_port, port.address, port.port, port.link)


def allow_localhost(ports: Iterable[HostPort]) -> None:
    """Packets from the node's 127.0.0.1 may leave by these links; nothing comes in for it (guard_localhost)."""
    for link in {port.link for port in ports}:
        with suppress(FileNotFoundError):             # the pod has just ended
            Path(f"/proc/sys/net/ipv4/conf/{link}/route_localnet").write_text("1")
