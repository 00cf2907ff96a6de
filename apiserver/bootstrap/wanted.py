"""The objects that are always there: namespaces, the Service `kubernetes` with its endpoints, two PriorityClasses. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
PRIORITIES = {
    "system-cluster-critical": (2_000_000_000, "Pods the cluster cannot do without; they may move to another node."),
    "system-node-critical": (2_000_001_000, "Pods a node cannot do without; nothing may take their place."),
}


def namespaces() -> list[Document]:
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]


def priority_classes() -> list[Document]:
    return [{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value,
             "description": description} for name, (value, description) in PRIORITIES.items()]


def kubernetes_service(service_cidr: str, secure_port: int) -> Document:
    """It has the first address of the range, which the API server's certificate names."""
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "clusterIP": str(ipaddress.ip_network(service_cidr)[1]), "sessionAffinity": "None",
                 "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": secure_port}]},
    }


def kubernetes_endpoints(addresses: Sequence[str], secure_port: int) -> Document:
    return {
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": one} for one in sorted(addresses)],
                     "ports": [{"name": "https", "port": secure_port, "protocol": "TCP"}]}],
    }


def kubernetes_endpoint_slice(addresses: Sequence[str], secure_port: int) -> Document:
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in sorted(addresses)],
        "ports": [{"name": "https", "port": secure_port, "protocol": "TCP"}],
    }


def advertised(address: str, node_address: str) -> str:
    """Endpoints may not be loopback addresses: a cluster without a network advertises nothing."""
    chosen = address or node_address
    return "" if ipaddress.ip_address(chosen).is_loopback or ipaddress.ip_address(chosen).is_unspecified else chosen
