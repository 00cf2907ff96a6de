"""The pod network of a node: a routed veth per sandbox, no bridge.

Inside, a pod has its address as a /32 and everything goes to 169.254.1.1, which a permanent neighbour entry maps to the
host end of the veth. Outside, the node has a /32 route to the veth. Independent of bridge netfilter, and a packet
between two pods passes the node's forward hook like any other.
"""
from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubelet.cri import CriError
from kubelet.network import firewall, hostports, naming
from kubelet.network.hostports import HostPort
from kubelet.network.ipam import AddressPool
from kubelet.network.netlink import UNREACHABLE, Netlink, Route

GATEWAY = "169.254.1.1"
HOST_HARDWARE_ADDRESS = b"\xee" * 6
LOOPBACK = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """`cluster_cidr` holds the ranges of all nodes; `node_ip` is how other nodes reach this one."""

    cluster: str
    node: str
    directory: Path
    pod_cidr: str
    pool: AddressPool
    source: str

    @classmethod
    def set_up(cls, cluster: str, node: str, directory: Path, pod_cidr: str, *, cluster_cidr: str = "",
               service_cidr: str = "", node_ip: str = "", ports: Sequence[HostPort] = ()) -> PodNetwork:
        """Readies the node (the guard first); safe to repeat."""
        cluster_cidr = cluster_cidr or pod_cidr
        pool = AddressPool(directory / "addresses", pod_cidr)
        has_address = bool(node_ip) and not ipaddress.ip_address(node_ip).is_loopback
        source = node_ip if has_address else pool.node_address
        firewall.apply(firewall.ruleset(cluster, cluster_cidr, service_cidr, source, ports))
        firewall.accept_forwarding(cluster, [cluster_cidr])
        metric = naming.metric(cluster)
        with Netlink() as netlink:
            netlink.set_link(LOOPBACK, is_up=True)
            if not has_address:
                netlink.add_address(LOOPBACK, source, label=naming.address_label(cluster))
            # What no pod has is refused here, as is what no node has: a default route would carry it out of the machine.
            for unused in {pod_cidr, cluster_cidr}:
                netlink.set_route(Route(unused, kind=UNREACHABLE, metric=metric))
            if service_cidr:
                netlink.set_route(Route(service_cidr, device=LOOPBACK, source=source, metric=metric))
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        return cls(cluster, node, directory, pod_cidr, pool, source)

    def attach(self, sandbox_id: str, outside: Netlink, address: str) -> None:
        """Joins the calling thread's network namespace, new and empty, to the node's, which `outside` belongs to."""
        name = naming.link_name(self.cluster, sandbox_id)
        inside_descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            outside.add_veth(name, "eth0", inside_descriptor, address=HOST_HARDWARE_ADDRESS)
        finally:
            os.close(inside_descriptor)
        index = outside.link_index(name)
        outside.set_link(index, is_up=True, alias=naming.alias(self.cluster, self.node, sandbox_id))
        with Netlink() as inside:
            eth0 = socket.if_nametoindex("eth0")
            inside.set_link(LOOPBACK, is_up=True)
            inside.set_link(eth0, is_up=True)
            inside.add_address(eth0, address)
            inside.add_neighbour(eth0, GATEWAY, HOST_HARDWARE_ADDRESS)
            inside.set_route(Route(f"{GATEWAY}/32", device=eth0, protocol=4))
            inside.set_route(Route("0.0.0.0/0", gateway=GATEWAY, device=eth0, protocol=4))
        outside.set_route(Route(f"{address}/32", device=index, source=self.source, metric=naming.metric(self.cluster)))

    def set_host_ports(self, ports: Sequence[HostPort]) -> None:
        """These and no others are translated from now on."""
        firewall.apply(hostports.contents(self.cluster, ports))
        hostports.allow_localhost(ports)

    def set_routes(self, nodes: Mapping[str, tuple[str, str]]) -> None:
        """Routes to the other nodes' pods: node -> (its podCIDR, its address). Routes to nodes not named are removed."""
        set_routes(self.cluster, {name: value for name, value in nodes.items() if name != self.node})


def set_routes(cluster: str, nodes: Mapping[str, tuple[str, str]]) -> None:
    metric = naming.metric(cluster)
    wanted = {pod_cidr: address for pod_cidr, address in nodes.values() if pod_cidr and address}
    with Netlink() as netlink:
        present = {route.destination: route for route in netlink.routes() if route.metric == metric and route.gateway}
        for destination, route in present.items():
            if destination not in wanted:
                netlink.delete_route(route)
        faults = []
        for destination, address in wanted.items():
            if destination in present and present[destination].gateway == address:
                continue
            try:
                _add_route(netlink, destination, address, metric)
            except OSError as error:
                faults.append(f"{destination} via {address}: {error.strerror}")
    if faults:
        raise CriError("NetworkPluginNotReady", f"no route to {'; '.join(faults)}")


def _add_route(netlink: Netlink, destination: str, address: str, metric: int) -> None:
    # A node behind a gateway is asked for on that link all the same: on one machine, the machine itself answers.
    towards = netlink.route_to(address)
    netlink.set_route(Route(destination, gateway=address, device=towards.device, metric=metric, is_onlink=bool(towards.gateway)))


def links_of(cluster: str, netlink: Netlink) -> Iterable[int]:
    prefix = naming.alias_prefix(cluster)
    return [link.index for link in netlink.links() if link.alias.startswith(prefix)]


def tear_down(cluster: str) -> None:
    """Removes every link, route, address and table of the cluster in this network namespace."""
    metric = naming.metric(cluster)
    with Netlink() as netlink:
        for index in links_of(cluster, netlink):
            netlink.delete_link(index)
        for route in netlink.routes():
            if route.metric == metric:
                netlink.delete_route(route)
        for address in netlink.addresses():
            if address.label == naming.address_label(cluster):
                netlink.delete_address(address)
    firewall.remove(cluster)
