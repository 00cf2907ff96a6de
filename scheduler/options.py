"""The scheduler's command line, with upstream's flag names."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    kubeconfig: str
    leader_elect: bool = True
    leader_elect_identity: str = ""
    verbosity: int = 2


def parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m scheduler", description="Gives every pending pod a node.")
    parser.add_argument("--kubeconfig", required=True, help="how to reach the API server")
    parser.add_argument("--leader-elect", type=_boolean, nargs="?", const=True, default=True,
                        help="work only while holding the Lease kube-system/kube-scheduler")
    parser.add_argument("--leader-elect-identity", default="",
                        help="who holds the Lease; a name that nobody else has at the same time takes its own Lease over at once "
                             "(default: host and pid)")
    parser.add_argument("--v", type=int, default=2, dest="verbosity", help="log verbosity; 4 and above: debug")
    found = parser.parse_args(argv)
    return Options(found.kubeconfig, found.leader_elect, found.leader_elect_identity, found.verbosity)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"
