"""What a node's pods need of the network: addresses, veths, routes to other nodes, and the guard of the service range."""
from kubelet.network.nodes import NodeNamespace, create_node_namespace, delete_node_namespace
from kubelet.network.pods import PodNetwork, set_routes

__all__ = ["NodeNamespace", "PodNetwork", "create_node_namespace", "delete_node_namespace", "set_routes"]
