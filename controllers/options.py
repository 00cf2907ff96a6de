"""The controller manager's command line, with upstream's flag names and defaults. Durations are seconds here, Go's there (`40s`)."""
from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from kubeapi.goduration import parse_duration


@dataclass(frozen=True, slots=True)
class Options:
    kubeconfig: str
    leader_elect: bool = True
    leader_elect_identity: str = ""
    cluster_cidr: str = ""
    node_cidr_mask_size: int = 24
    node_monitor_period: float = 5.0
    node_monitor_grace_period: float = 40.0
    node_startup_grace_period: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    unhealthy_zone_threshold: float = 0.55
    large_cluster_size_threshold: int = 50
    terminated_pod_gc_threshold: int = 12500
    root_ca_file: str = ""
    endpoint_updates_batch_period: float = 0.0
    endpointslice_updates_batch_period: float = 0.0
    cluster_signing_cert_file: str = ""
    cluster_signing_key_file: str = ""
    verbosity: int = 2


def parse(argv: Sequence[str]) -> Options:
    return Options(**vars(_parser().parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m controllers", description="The watch-reconcile loops of the cluster.")
    add = parser.add_argument
    add("--kubeconfig", required=True, help="how to reach the API server")
    add("--leader-elect", type=_boolean, nargs="?", const=True, default=True,
        help="work only while holding the Lease kube-system/kube-controller-manager")
    add("--leader-elect-identity", default="",
        help="who holds the Lease; a name that nobody else has at the same time takes its own Lease over at once (default: host and pid)")
    add("--cluster-cidr", type=_network, default="", help="the range of pod addresses; nodes get shares of it")
    add("--node-cidr-mask-size", type=int, default=24, help="how large a node's share is")
    add("--node-monitor-period", type=_period, default=5.0, help="how often nodes are judged; those lost within one period are judged together")
    add("--node-monitor-grace-period", type=_period, default=40.0, help="how long a node may be silent before it is NotReady")
    add("--node-startup-grace-period", type=_period, default=60.0, help="the same for a node that has not yet posted a status")
    add("--node-eviction-rate", type=float, default=0.1, help="lost nodes whose pods are evicted, a second and zone")
    add("--secondary-node-eviction-rate", type=float, default=0.01, help="the same in a zone that is unhealthy and large")
    add("--unhealthy-zone-threshold", type=float, default=0.55, help="the part of a zone's nodes, at least 3, that makes it unhealthy when lost")
    add("--large-cluster-size-threshold", type=int, default=50, help="a zone of up to so many nodes evicts nothing while it is unhealthy")
    add("--terminated-pod-gc-threshold", type=int, default=12500, help="how many pods that have ended are kept; 0: all")
    add("--cluster-signing-cert-file", default="", help="the CA that signs CertificateSigningRequests (default: nobody does)")
    add("--cluster-signing-key-file", default="", help="its key")
    add("--root-ca-file", default="", help="the CA bundle that every namespace gets in the ConfigMap kube-root-ca.crt (default: none does)")
    add("--endpoint-updates-batch-period", type=_duration, default=0.0, help="how long changes of pods are gathered before Endpoints are written")
    add("--endpointslice-updates-batch-period", type=_duration, default=0.0, help="the same for EndpointSlices")
    add("--v", type=int, default=2, dest="verbosity", help="log verbosity; 4 and above: debug")
    return parser


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _network(text: str) -> str:
    """Of the default, too: none."""
    try:
        return str(ipaddress.ip_network(text)) if text else ""
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _period(text: str) -> float:
    if (seconds := _duration(text)) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be greater than 0")
    return seconds
