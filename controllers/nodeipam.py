"""Gives every node its share of the cluster's pod addresses (spec.podCIDR). A share is never given twice."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from kubeapi.generated.models.core_v1 import Node
from kubeapi.meta import ObjectKey
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

NODE_MASK = 24


class NodeIpamReconciler:
    """One worker: two shares are never chosen at once."""

    def __init__(self, client: Client, recorder: EventRecorder, nodes: Informer[Node], cluster_cidr: str, node_mask: int = NODE_MASK) -> None:
        self._client, self._recorder, self._nodes = client, recorder, nodes
        self._cluster = ipaddress.ip_network(cluster_cidr)
        self._node_mask = node_mask
        self._given: dict[str, str] = {}        # node -> a share written but not yet seen in the cache

    async def reconcile(self, key: ObjectKey) -> Result:
        node = self._nodes.get(key)
        if node is None or node.spec.pod_cidr:
            self._given.pop(key.name, None)
            return DONE
        taken = {one.spec.pod_cidr for one in self._nodes.list() if one.spec.pod_cidr}
        share = self._given.get(key.name) or first_free(self._cluster, self._node_mask, taken | set(self._given.values()))
        if share is None:
            self._recorder.event(node, "Warning", "CIDRNotAvailable", f"Node {key.name} status is now: CIDRNotAvailable")
            return Result(requeue_after=60.0)
        patch = {"metadata": {"uid": node.metadata.uid}, "spec": {"podCIDR": share, "podCIDRs": [share]}}
        self._given[key.name] = share
        await self._client.resource(Node).patch(key.name, patch, type="strategic")
        return DONE


def first_free(cluster: ipaddress.IPv4Network | ipaddress.IPv6Network, mask: int, taken: Iterable[str]) -> str | None:
    """The lowest share nobody has; None when the cluster's range is used up."""
    avoid = set(taken)
    return next((str(share) for share in cluster.subnets(new_prefix=max(mask, cluster.prefixlen)) if str(share) not in avoid), None)


def node_ipam_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, cluster_cidr: str, node_mask: int) -> Controller:
    nodes = factory.informer(Node)
    controller = Controller("nodeipam", NodeIpamReconciler(client, recorder.of("cidrAllocator"), nodes, cluster_cidr, node_mask), workers=1)
    return controller.watches(nodes, lambda node: [ObjectKey("", node.metadata.name)])
