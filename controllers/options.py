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
    endpoint_updates_batch_period: float = 0.0
    endpointslice_updates_batch_period: float = 0.0
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
    add("--endpoint-updates-batch-period", type=_duration, default=0.0, help="how long changes of pods are gathered before Endpoints are written")
    add("--endpointslice-updates-batch-period", type=_duration, default=0.0, help="the same for EndpointSlices")
    add("--v", type=int, default=2, dest="verbosity", help="log verbosity; 4 and above: debug")
    return parser


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
