"""Nodes 2..N of a cluster on one machine: a network namespace each, joined to the machine by a bridge.

They are pinned under /run/netns, so `ip netns exec picokube-NAME-2 ...` looks inside.
"""
from __future__ import annotations

import ipaddress
import os
import socket
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubelet import linux
from kubelet.cri import CriError
from kubelet.network import firewall, naming
from kubelet.network.netlink import Netlink, Route

PINS = Path("/run/netns")
RANGES = "172.30.0.0/16"          # cut into a /24 per cluster


@dataclass(frozen=True, slots=True)
class NodeNamespace:
    path: str
    address: str
    gateway: str                  # the machine's address on the cluster's bridge


def create_node_namespace(cluster: str, index: int) -> NodeNamespace:
    """Makes what is missing of node `index`'s namespace; answers the same for one that is there."""
    if not 2 <= index <= 250:
        raise ValueError(f"node {index}: namespaces are for the nodes 2 to 250")
    path = PINS / f"{naming.namespace_prefix(cluster)}{index}"
    with Netlink() as outside:
        bridge, network = _bridge(cluster, outside)
        space = NodeNamespace(str(path), str(network[index]), str(network[1]))
        if str(path) not in linux.mount_points(PINS):
            _in_thread(lambda: _make(cluster, index, path, space, bridge, outside))
    firewall.apply(firewall.node_network_ruleset(cluster, str(network)))
    firewall.accept_forwarding(cluster, [str(network)])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    return space


def delete_node_namespace(cluster: str, index: int) -> None:
    """Unpins it; the namespace and its links go with the last process in it."""
    _unpin(PINS / f"{naming.namespace_prefix(cluster)}{index}")


def delete_all(cluster: str) -> None:
    for path in PINS.glob(f"{naming.namespace_prefix(cluster)}*"):
        if path.name.removeprefix(naming.namespace_prefix(cluster)).isdigit():
            _unpin(path)


def _unpin(path: Path) -> None:
    linux.unmount(path)
    path.unlink(missing_ok=True)


def _bridge(cluster: str, netlink: Netlink) -> tuple[int, ipaddress.IPv4Network]:
    name = naming.bridge_name(cluster)
    index = netlink.link_index(name)
    if not index:
        netlink.add_bridge(name)
        index = netlink.link_index(name)
        netlink.set_link(index, is_up=True, alias=naming.alias(cluster, "nodes", "bridge"))
    for address in netlink.addresses():
        if address.index == index:
            return index, ipaddress.IPv4Network((address.address, address.prefix_length), strict=False)
    network = _free_network(cluster, netlink)
    netlink.add_address(index, str(network[1]), network.prefixlen)
    return index, network


def _free_network(cluster: str, netlink: Netlink) -> ipaddress.IPv4Network:
    taken = [ipaddress.IPv4Network(route.destination) for route in netlink.routes() if route.destination != "0.0.0.0/0"]
    candidates = list(ipaddress.IPv4Network(RANGES).subnets(new_prefix=24))
    first = zlib.crc32(cluster.encode()) % len(candidates)
    for candidate in candidates[first:] + candidates[:first]:
        if not any(candidate.overlaps(one) for one in taken):
            return candidate
    raise CriError("NetworkPluginNotReady", f"every network of {RANGES} is in use on this machine")


def _make(cluster: str, index: int, path: Path, space: NodeNamespace, bridge: int, outside: Netlink) -> None:
    linux.unshare(linux.CLONE_NEWNET)
    name = f"{naming.link_prefix(cluster)}n{index}"
    if stale := outside.link_index(name):
        outside.delete_link(stale)
    descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        outside.add_veth(name, "eth0", descriptor)
    finally:
        os.close(descriptor)
    outside.set_link(outside.link_index(name), is_up=True, alias=naming.alias(cluster, f"{cluster}-{index}", "node"), master=bridge)
    with Netlink() as inside:
        eth0 = socket.if_nametoindex("eth0")
        inside.set_link(1, is_up=True)
        inside.set_link(eth0, is_up=True)
        inside.add_address(eth0, space.address, 24)
        inside.set_route(Route("0.0.0.0/0", gateway=space.gateway, device=eth0, protocol=4))
    PINS.mkdir(exist_ok=True)
    path.touch()
    linux.bind("/proc/thread-self/ns/net", path)


def _in_thread(function: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
