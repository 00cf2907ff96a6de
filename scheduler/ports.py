"""Ports of the node that pods take for themselves: one holder for each address, protocol and number; no address means all."""
from __future__ import annotations

from typing import NamedTuple

from kubeapi.generated.models.core_v1 import PodSpec

ALL_ADDRESSES = "0.0.0.0"


class HostPort(NamedTuple):
    number: int
    protocol: str
    address: str

    def collides_with(self, other: HostPort) -> bool:
        return ((self.number, self.protocol) == (other.number, other.protocol)
                and (self.address == other.address or ALL_ADDRESSES in (self.address, other.address)))


def host_ports(spec: PodSpec) -> frozenset[HostPort]:
    """Those of containers and sidecars: other init containers have ended when the pod serves."""
    lasting = (*spec.containers, *(one for one in spec.init_containers if one.restart_policy == "Always"))
    return frozenset(HostPort(port.host_port, port.protocol or "TCP", port.host_ip or ALL_ADDRESSES)
                     for container in lasting for port in container.ports if port.host_port > 0)
