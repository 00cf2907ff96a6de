"""Under which names a node's kubelet may serve: its own name, and the addresses that its Node tells.

A node tells its addresses itself, so what is anybody else's is refused whatever it tells: all that leads to the API server, what
another node has told too, and what every machine calls itself.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from kubeapi.generated.models.core_v1 import Node, Service
from kubeapi.generated.models.discovery_v1 import EndpointSlice
from kubeapi.meta import ObjectKey
from kubeclient.informer import Informer

API_SERVER = ObjectKey("default", "kubernetes")
API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
CLUSTER_DOMAIN = "kubernetes.default.svc."              # with whatever domain


class ServingNames:
    """`servers` are the names by which components reach the API server."""

    def __init__(self, nodes: Informer[Node], services: Informer[Service], slices: Informer[EndpointSlice], servers: Iterable[str] = ()) -> None:
        self._nodes, self._services, self._slices = nodes, services, slices
        self._servers = frozenset(map(plain, servers))

    def are_own(self, node_name: str, wanted: Iterable[str]) -> bool:
        node, names = self._nodes.get(ObjectKey("", node_name)), {plain(one) for one in wanted}
        if node is None or not names or not self._services.get(API_SERVER):
            return False                            # whose they are cannot be told yet
        return names <= told_by(node) and not any(self._is_of_others(one, node) for one in names)

    def _is_of_others(self, name: str, node: Node) -> bool:
        return (_is_of_every_machine(name) or name.startswith(CLUSTER_DOMAIN) or name in self._of_api_server()
                or any(name in told_by(other) for other in self._nodes.list() if other.metadata.name != node.metadata.name))

    def _of_api_server(self) -> set[str]:
        service, slice = self._services.get(API_SERVER), self._slices.get(API_SERVER)
        addresses = [*(service.spec.cluster_ips if service is not None else ()),
                     *(address for one in (slice.endpoints if slice is not None else ()) for address in one.addresses)]
        return {*API_NAMES, *self._servers, *map(plain, addresses)}


def told_by(node: Node) -> set[str]:
    addresses = node.status.addresses if node.status is not None else ()
    return {plain(node.metadata.name), *(plain(one.address) for one in addresses)}


def plain(name: str) -> str:
    """Of one host always the same text."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower().rstrip(".")


def _is_of_every_machine(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost") or "*" in name
    return address.is_loopback or address.is_unspecified or address.is_multicast
