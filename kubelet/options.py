"""The kubelet's command line, with upstream's flag names where upstream has them."""
from __future__ import annotations

import argparse
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kubeapi.quantity import Quantity, QuantityError
from kubeapi.yamldoc import YamlError, load
from kubelet import configfile
from kubelet.credentialproviders import Provider, read_config
from kubelet.eviction.thresholds import (
    DEFAULT_HARD,
    MONITORING_SECONDS,
    TRANSITION_SECONDS,
    EvictionConfig,
    ThresholdError,
    parse_thresholds,
)
from kubelet.handlers import Handler
from kubelet.handlers import read_config as read_handlers
from kubelet.imagegc import Policy
from kubelet.loglinks import VAR_LOG
from kubelet.nodeinfo import MOST_PODS
from kubelet.pulling import SERIALIZED

LOG_BYTES, LOG_FILES = 10 << 20, 5


class OptionError(ValueError):
    """The options do not go together; the text says why."""


@dataclass(frozen=True, slots=True)
class Options:
    kubeconfig: str
    node_name: str
    hostname: str
    root_dir: Path
    node_ip: str
    port: int = 10250
    tls_cert_file: str = ""
    tls_private_key_file: str = ""
    client_ca_file: str = ""
    rotates_server_certificates: bool = False
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"
    cluster_cidr: str = ""
    service_cidr: str = ""
    cluster_name: str = "picokube"
    runtime: str = "runc"
    hollow_nodes: int = 1
    node_lease_duration_seconds: int = 40
    verbosity: int = 2
    allowed_unsafe_sysctls: tuple[str, ...] = ()
    pulls_at_once: int = SERIALIZED
    image_policy: Policy = Policy()
    credential_providers: tuple[Provider, ...] = ()
    log_links: Path | None = VAR_LOG
    log_bytes: int = LOG_BYTES
    log_files: int = LOG_FILES
    runtime_handlers: tuple[Handler, ...] = ()
    max_pods: int = MOST_PODS
    pod_pids_limit: int = 0
    eviction: EvictionConfig = EvictionConfig()
    reserved: Mapping[str, Quantity] = field(default_factory=dict)

    @property
    def is_hollow(self) -> bool:
        return self.runtime == "hollow"

    def hollow_names(self) -> list[str]:
        """`NAME-1` stands for the first of NAME-1 ... NAME-N."""
        if self.hollow_nodes == 1:
            return [self.node_name]
        stem = re.sub(r"-1$", "", self.node_name)
        return [f"{stem}-{number}" for number in range(1, self.hollow_nodes + 1)]


def parse(argv: Sequence[str]) -> Options:
    """Raises OptionError; argparse exits by itself on what it cannot read."""
    parser = _parser()
    found = parser.parse_args(argv)
    if found.config:
        found = parser.parse_args([*_configured(found.config), *argv])
    hostname = found.hostname_override or found.node_name or socket.gethostname().lower()
    if bool(found.tls_cert_file) != bool(found.tls_private_key_file):
        raise OptionError("--tls-cert-file and --tls-private-key-file go together")
    if found.rotate_server_certificates and not found.client_ca_file:
        raise OptionError("--rotate-server-certificates needs --client-ca-file, the CA that is to sign")
    if found.hollow_nodes > 1 and found.runtime != "hollow":
        raise OptionError("--hollow-nodes needs --runtime=hollow")
    if not 0 <= found.image_gc_low_threshold <= found.image_gc_high_threshold <= 100:
        raise OptionError("--image-gc-low-threshold must not be higher than --image-gc-high-threshold, and both are percents")
    policy = Policy(found.image_gc_high_threshold, found.image_gc_low_threshold, found.minimum_image_ttl_duration, found.image_maximum_gc_age)
    if found.container_log_max_files < 2:
        raise OptionError("--container-log-max-files must be at least 2: one is written, another is full")
    serializes = found.serialize_image_pulls != "false" and found.max_parallel_image_pulls in (0, 1)
    return Options(
        kubeconfig=found.kubeconfig, node_name=found.node_name or hostname, hostname=hostname, root_dir=Path(found.root_dir).absolute(),
        node_ip=found.node_ip or _own_address(), port=found.port, tls_cert_file=found.tls_cert_file,
        tls_private_key_file=found.tls_private_key_file, client_ca_file=found.client_ca_file,
        rotates_server_certificates=found.rotate_server_certificates and not found.tls_cert_file,
        cluster_dns=tuple(filter(None, found.cluster_dns.split(","))), cluster_domain=found.cluster_domain.rstrip("."),
        cluster_cidr=found.cluster_cidr or "", service_cidr=found.service_cidr or "", cluster_name=found.cluster_name, runtime=found.runtime,
        allowed_unsafe_sysctls=tuple(filter(None, found.allowed_unsafe_sysctls.split(","))),
        hollow_nodes=found.hollow_nodes, node_lease_duration_seconds=found.node_lease_duration_seconds, verbosity=found.verbosity,
        pulls_at_once=SERIALIZED if serializes else found.max_parallel_image_pulls, image_policy=policy,
        credential_providers=_credential_providers(found.image_credential_provider_config, found.image_credential_provider_bin_dir),
        log_links=Path(found.log_links_dir).absolute() if found.log_links_dir else None, log_bytes=found.container_log_max_size,
        log_files=found.container_log_max_files, runtime_handlers=_runtime_handlers(found.runtime_handlers_config), max_pods=found.max_pods,
        pod_pids_limit=max(0, found.pod_max_pids), eviction=_eviction(found), reserved=_reserved(found))


def _runtime_handlers(config: str) -> tuple[Handler, ...]:
    try:
        return read_handlers(Path(config)) if config else ()
    except ValueError as error:
        raise OptionError(f"--runtime-handlers-config: {error}") from error


def _configured(path: str) -> list[str]:
    try:
        return configfile.arguments(load(Path(path).read_bytes()))
    except (OSError, ValueError, YamlError) as error:
        raise OptionError(f"--config {path}: {error}") from error


def _eviction(found: argparse.Namespace) -> EvictionConfig:
    try:
        thresholds = parse_thresholds(found.eviction_hard, found.eviction_soft,
                                      {signal: _seconds(text) for signal, text in found.eviction_soft_grace_period.items()},
                                      found.eviction_minimum_reclaim)
    except (ThresholdError, argparse.ArgumentTypeError) as error:
        raise OptionError(f"--eviction-...: {error}") from error
    return EvictionConfig(thresholds, found.eviction_pressure_transition_period, found.eviction_max_pod_grace_period, found.housekeeping_interval)


def _reserved(found: argparse.Namespace) -> dict[str, Quantity]:
    """By Kubernetes' components and by the system, together."""
    amounts: dict[str, Quantity] = {}
    try:
        for name, text in (*found.kube_reserved.items(), *found.system_reserved.items()):
            if name not in ("cpu", "memory", "ephemeral-storage", "pid"):
                raise OptionError(f"cannot reserve {name!r}: only cpu, memory, ephemeral-storage and pid")
            amounts[name] = amounts.get(name, Quantity(0)) + Quantity.parse(text)
    except QuantityError as error:
        raise OptionError(f"--kube-reserved, --system-reserved: {error}") from error
    return amounts


def _credential_providers(config: str, directory: str) -> tuple[Provider, ...]:
    if bool(config) != bool(directory):
        raise OptionError("--image-credential-provider-config and --image-credential-provider-bin-dir go together")
    try:
        return read_config(Path(config), Path(directory)) if config else ()
    except ValueError as error:
        raise OptionError(f"--image-credential-provider-config: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kubelet", description="Runs the pods of one node, or of many hollow ones.",
                                     allow_abbrev=False)
    add = parser.add_argument
    add("--kubeconfig", required=True, help="how to reach the API server")
    add("--node-name", default="", help="the Node's name (default: this machine's)")
    add("--hostname-override", default="", help="the label kubernetes.io/hostname and the Hostname address")
    add("--root-dir", default="/var/lib/picokube/kubelet", help="where pods, volumes, logs and images lie")
    add("--node-ip", type=_address, default=None, help="the address other nodes reach this one by")
    add("--port", type=_port, default=10250, help="of the kubelet's own HTTPS server; 0: any free one")
    add("--tls-cert-file", default="", help="the server's certificate (default: none, and no server)")
    add("--tls-private-key-file", default="")
    add("--rotate-server-certificates", action="store_true",
        help="ask the cluster for the server's certificate, and again before it ends, where --tls-cert-file gives none")
    add("--client-ca-file", default="", help="whose client certificates may use the server")
    add("--cluster-dns", default="", help="addresses of the cluster's DNS, by comma (default: pods get the node's)")
    add("--cluster-domain", default="cluster.local")
    add("--cluster-cidr", type=_network, default=None, help="the range of all pods' addresses")
    add("--service-cidr", type=_network, default=None, help="the range of services' addresses")
    add("--cluster-name", default="picokube", help="what is made on this machine carries it")
    add("--runtime", choices=("runc", "hollow"), default="runc", help="what runs containers; hollow only pretends")
    add("--runtime-handlers-config", default="", help="what the handlers of RuntimeClasses stand for here (docs/runtime-classes.md)")
    add("--hollow-nodes", type=_count, default=1, help="how many nodes this process pretends to be")
    add("--allowed-unsafe-sysctls", default="", help="sysctls that pods may set besides the safe ones, by comma; may end in *")
    add("--node-lease-duration-seconds", type=_count, default=40, help="how long the node's Lease counts; renewed four times as often")
    add("--serialize-image-pulls", choices=("true", "false"), default="true", help="one image at a time")
    add("--max-parallel-image-pulls", type=int, default=0, help="that many at a time (default: one, or any number if not serialized)")
    add("--image-gc-high-threshold", type=int, default=85, help="percent of the disk at which unused images are deleted ...")
    add("--image-gc-low-threshold", type=int, default=80, help="... until no more than this is used")
    add("--minimum-image-ttl-duration", type=_seconds, default=120.0, help="younger images stay (2m, 90s)")
    add("--image-maximum-gc-age", type=_seconds, default=0.0, help="longer unused images go in any case (default: never)")
    add("--image-credential-provider-config", default="", help="which programs know the passwords of which registries")
    add("--image-credential-provider-bin-dir", default="", help="where those programs lie")
    add("--log-links-dir", default=str(VAR_LOG), help="where pods/ and containers/ have links to the logs; empty: nowhere")
    add("--container-log-max-size", type=_bytes, default=LOG_BYTES, help="a log that is larger is rotated (10Mi)")
    add("--container-log-max-files", type=_count, default=LOG_FILES, help="how many files of a container's log are kept")
    _add_limits(parser)
    add("--config", default="", help="a KubeletConfiguration file; flags win over its fields")
    add("--v", type=int, default=2, dest="verbosity", help="log verbosity; 4 and above: debug")
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--max-pods", type=_count, default=MOST_PODS, help="how many pods the node takes")
    add("--pod-max-pids", type=int, default=-1, help="how many processes a pod may have (-1: as many as the node)")
    add("--kube-reserved", type=_pairs("="), default={}, help="what Kubernetes itself needs of the node: cpu=100m,memory=500Mi")
    add("--system-reserved", type=_pairs("="), default={}, help="what the system needs of it")
    add("--eviction-hard", type=_pairs("<"), default=_pairs("<")(DEFAULT_HARD),
        help=f"when pods are evicted at once (default: {DEFAULT_HARD.replace('%', '%%')})")
    add("--eviction-soft", type=_pairs("<"), default={}, help="when pods are evicted after a grace period (memory.available<1Gi)")
    add("--eviction-soft-grace-period", type=_pairs("="), default={}, help="how long a soft threshold must last (memory.available=90s)")
    add("--eviction-minimum-reclaim", type=_pairs("="), default={}, help="how much more is freed once a threshold is met")
    add("--eviction-max-pod-grace-period", type=int, default=0, help="most seconds a pod evicted by a soft threshold has to end")
    add("--eviction-pressure-transition-period", type=_seconds, default=TRANSITION_SECONDS, help="how long the node's pressure lasts at least")
    add("--housekeeping-interval", type=_seconds, default=MONITORING_SECONDS, help="how often usage is looked at")


def _pairs(between: str) -> Callable[[str], dict[str, str]]:
    def parse(text: str) -> dict[str, str]:
        found = {}
        for one in filter(None, (part.strip() for part in text.split(","))):
            name, separator, value = one.partition(between)
            if not separator or not name or not value or name in found:
                raise argparse.ArgumentTypeError(f"{one!r} is not NAME{between}VALUE, each name once")
            found[name.strip()] = value.strip()
        return found
    return parse


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _seconds(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?|(\d+(\.\d+)?(ms|s|m|h))+", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration")
    units = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return float(sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", text)))


def _bytes(text: str) -> int:
    try:
        found = Quantity.parse(text).value()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount above 0")
    return found


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _own_address() -> str:
    """The address this machine would speak to the world from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
