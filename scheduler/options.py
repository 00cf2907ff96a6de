"""The scheduler's command line, with upstream's flag names."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

from scheduler.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Options:
    kubeconfig: str
    leader_elect: bool = True
    leader_elect_identity: str = ""
    verbosity: int = 2
    debug_address: str = ""
    configuration: Configuration = field(default_factory=Configuration)


def parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m scheduler", description="Gives every pending pod a node.")
    parser.add_argument("--config", type=_configuration, default=Configuration(), metavar="FILE",
                        help="a KubeSchedulerConfiguration; where a flag says something else, the flag counts")
    parser.add_argument("--kubeconfig", default="", help="how to reach the API server")
    parser.add_argument("--leader-elect", type=_boolean, nargs="?", const=True, default=None,
                        help="work only while holding the Lease kube-system/kube-scheduler")
    parser.add_argument("--leader-elect-identity", default="",
                        help="who holds the Lease; a name that nobody else has at the same time takes its own Lease over at once "
                             "(default: host and pid)")
    parser.add_argument("--debug-address", type=_address, metavar="HOST:PORT|unix:PATH",
                        help="where to serve /healthz and /debug/attempts (what each plugin said of each node), to anybody who can "
                             "reach it (default: nowhere)")
    parser.add_argument("--v", type=int, default=2, dest="verbosity", help="log verbosity; 4 and above: debug")
    found = parser.parse_args(argv)
    told: Configuration = found.config
    if not (kubeconfig := found.kubeconfig or told.kubeconfig):
        parser.error("--kubeconfig is required, or clientConnection.kubeconfig in the configuration")
    return Options(kubeconfig, told.leader_elect if found.leader_elect is None else found.leader_elect, found.leader_elect_identity,
                   found.verbosity, found.debug_address or "", told)


def _configuration(path: str) -> Configuration:
    from scheduler.configfile import ConfigError, load  # only who has a file needs its schema
    try:
        return load(path)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _address(text: str) -> str:
    if text.startswith("unix:/"):
        return text
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is neither HOST:PORT nor unix:PATH with an absolute path")
    return text


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"
