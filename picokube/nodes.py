"""Where the nodes of a cluster live: node 1 on the machine itself, nodes 2..N in a network namespace each."""
from __future__ import annotations

from picokube.cluster import Cluster


def node_namespaces(cluster: Cluster) -> dict[str, tuple[str, str]]:
    """node -> (path of its network namespace, its address), made where they are missing; none for hollow nodes."""
    if cluster.settings.runtime == "hollow" or cluster.settings.nodes == 1:
        return {}
    from kubelet.network import create_node_namespace
    found = {}
    for number in range(2, cluster.settings.nodes + 1):
        space = create_node_namespace(cluster.name, number)
        found[cluster.node_name(number)] = (space.path, space.address)
    return found


def clean_up(cluster: Cluster) -> None:
    """Ends every pod of the cluster and removes every mount, namespace, link, table and cgroup that carries its name."""
    if cluster.settings.runtime == "hollow":
        return
    from kubelet.runc.cleanup import cleanup
    cleanup(cluster.name, [cluster.node_directory(name) for name in cluster.node_names()])
