"""The files the kubelet writes for a pod: /etc/hosts, /etc/hostname, /etc/resolv.conf, and where its things lie on disk."""
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeapi.generated.models.core_v1 import HostAlias, Pod, PodDNSConfig

MANAGED = "# Kubernetes-managed hosts file."
HOST_RESOLV_CONF = Path("/etc/resolv.conf")
MOST_SEARCHES = 32
LONGEST_HOSTNAME, LONGEST_FULL_NAME = 63, 64


@dataclass(frozen=True, slots=True)
class PodDirectory:
    """Everything of one pod but its logs and what the runtime keeps."""

    root: Path
    uid: str

    @property
    def path(self) -> Path:
        return self.root / "pods" / self.uid

    def volume(self, kind: str, name: str) -> Path:
        return self.path / "volumes" / f"kubernetes.io~{kind}" / name

    @property
    def hosts(self) -> Path:
        return self.path / "etc-hosts"

    @property
    def hostname(self) -> Path:
        return self.path / "etc-hostname"

    @property
    def resolv_conf(self) -> Path:
        return self.path / "resolv.conf"

    def termination_log(self, container: str, attempt: int) -> Path:
        return self.path / "containers" / container / f"{attempt}.termination-log"

    def sub_path(self, volume: str, container: str, index: int) -> Path:
        return self.path / "volume-subpaths" / volume / container / str(index)


def log_directory(root: Path, pod: Pod) -> Path:
    return root / "logs" / f"{pod.metadata.namespace}_{pod.metadata.name}_{pod.metadata.uid}"


def logged_pods(root: Path) -> list[tuple[str, str, str]]:
    """(namespace, name, uid) of the pods that logs are there of."""
    try:
        found = [one.split("_") for one in os.listdir(root / "logs")]
    except FileNotFoundError:
        return []
    return [(namespace, name, uid) for namespace, name, uid in (one for one in found if len(one) == 3)]


@dataclass(frozen=True, slots=True)
class ClusterDns:
    servers: tuple[str, ...] = ()
    domain: str = "cluster.local"


def pod_hostname(pod: Pod) -> str:
    return (pod.spec.hostname_override or pod.spec.hostname or pod.metadata.name)[:LONGEST_HOSTNAME].rstrip("-.")


def pod_domain(pod: Pod, domain: str) -> str:
    """The domain a pod with a subdomain has, which makes its full name; else ""."""
    if not pod.spec.subdomain or pod.spec.hostname_override:
        return ""
    return f"{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{domain}"


def sandbox_hostname(pod: Pod, domain: str) -> str:
    """What `hostname` says in the pod; "" in the host's network. Raises ValueError where its full name is too long for that."""
    if pod.spec.host_network and not pod.spec.hostname_override:
        return ""
    name, of_pod = pod_hostname(pod), pod_domain(pod, domain)
    if not pod.spec.set_hostname_as_fqdn or not of_pod:
        return name
    full = f"{name}.{of_pod}"
    if len(full) > LONGEST_FULL_NAME:
        raise ValueError(f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
                         f"({LONGEST_FULL_NAME} characters is the max, {len(full)} characters requested)")
    return full


def hosts_file(pod: Pod, pod_ips: Sequence[str], domain: str) -> str:
    lines = [MANAGED, "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback",
             "fe00::0\tip6-localnet", "fe00::0\tip6-mcastprefix", "fe00::1\tip6-allnodes", "fe00::2\tip6-allrouters"]
    name, full = pod_hostname(pod), pod_domain(pod, domain)
    lines += [f"{ip}\t{name}.{full}\t{name}" if full else f"{ip}\t{name}" for ip in pod_ips]
    return "\n".join([*lines, *_aliases(pod.spec.host_aliases)]) + "\n"


def host_network_hosts_file(pod: Pod, node_hosts: str) -> str:
    return "\n".join([MANAGED, node_hosts.rstrip("\n"), *_aliases(pod.spec.host_aliases)]) + "\n"


def _aliases(aliases: Sequence[HostAlias]) -> list[str]:
    if not aliases:
        return []
    return ["", "# Entries added by HostAliases.", *("\t".join([one.ip, *one.hostnames]) for one in aliases)]


def resolv_conf(pod: Pod, dns: ClusterDns, node_conf: str) -> str:
    """By dnsPolicy; a ClusterFirst pod where there is no cluster DNS gets the node's."""
    servers, searches, options = _parse(node_conf)
    policy = pod.spec.dns_policy or "ClusterFirst"
    if policy == "None":
        servers, searches, options = [], [], []
    elif dns.servers and (policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not pod.spec.host_network)):
        own = [f"{pod.metadata.namespace}.svc.{dns.domain}", f"svc.{dns.domain}", dns.domain]
        servers, searches, options = list(dns.servers), [*own, *searches], ["ndots:5"]
    return _render(*_with_config(servers, searches, options, pod.spec.dns_config))


def _parse(text: str) -> tuple[list[str], list[str], list[str]]:
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]: servers.append(address)
            case ["search", *domains]: searches = [one for one in domains if one != "."]
            case ["options", *found]: options = found
    return servers, searches, options


def _with_config(servers: list[str], searches: list[str], options: list[str],
                 config: PodDNSConfig | None) -> tuple[list[str], list[str], list[str]]:
    if config is None:
        return servers, searches, options
    named = {option.partition(":")[0]: option for option in options}
    for option in config.options:
        named[option.name] = f"{option.name}:{option.value}" if option.value else option.name
    return ([*dict.fromkeys([*servers, *config.nameservers])], [*dict.fromkeys([*searches, *config.searches])], list(named.values()))


def _render(servers: list[str], searches: list[str], options: list[str]) -> str:
    lines = [f"search {' '.join(searches[:MOST_SEARCHES])}"] if searches else []
    lines += [f"nameserver {address}" for address in servers[:3]]
    return "\n".join([*lines, *([f"options {' '.join(options)}"] if options else [])]) + "\n"
