"""Where the nodes of a cluster live: node 1 on the machine itself, nodes 2..N in a network namespace each."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING

from picokube.certificates import Authority
from picokube.cluster import Cluster
from picokube.components import Component, plan, prepare_credentials, prepare_kubelet_config

if TYPE_CHECKING:
    from kubelet.network import NodeNamespace


def node_namespaces(cluster: Cluster) -> dict[str, NodeNamespace]:
    """node -> its network namespace, made where it is missing; none for hollow nodes."""
    if cluster.settings.runtime == "hollow" or cluster.settings.nodes == 1:
        return {}
    from kubelet.network import create_node_namespace
    found = {}
    for number in set(cluster.node_numbers()) - {1}:
        found[cluster.node_name(number)] = create_node_namespace(cluster.name, number)
    return found


def arrange(cluster: Cluster) -> list[Component]:
    """All that is to run, with the namespaces and credentials it needs."""
    namespaces = node_namespaces(cluster)
    placed = reachable(cluster, namespaces)
    authority = Authority(cluster.pki)
    prepare_credentials(placed, authority, {name: space.address for name, space in namespaces.items()})
    prepare_kubelet_config(cluster)
    return plan(placed, authority, {name: (space.path, space.address) for name, space in namespaces.items()})


def reachable(cluster: Cluster, namespaces: Mapping[str, NodeNamespace]) -> Cluster:
    """Without a network of its own the machine is reached by its nodes at its address on their bridge."""
    if not namespaces or not ipaddress.ip_address(cluster.settings.node_ip).is_loopback:
        return cluster
    return cluster.with_settings(node_ip=next(iter(namespaces.values())).gateway)


def clean_up(cluster: Cluster) -> None:
    """Ends every pod of the cluster and removes every mount, namespace, link, table and cgroup that carries its name."""
    if cluster.settings.runtime == "hollow":
        return
    from kubelet.runc.cleanup import cleanup
    cleanup(cluster.name, [cluster.node_directory(name) for name in cluster.node_names()])
