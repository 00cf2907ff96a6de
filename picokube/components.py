"""What a cluster runs: one entry per process, with its command line and what must be ready before it starts."""
from __future__ import annotations

import socket
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from picokube import etcd
from picokube.certificates import Authority, Wanted, serving_names
from picokube.cluster import Cluster
from picokube.errors import CannotRun
from picokube.files import write_json
from picokube.kubeconfigs import document, for_component

CONTROL_PLANE = ("etcd", "apiserver", "controllers", "scheduler")
LONGEST_SOCKET_PATH = 107              # of Linux
NAMES = (*CONTROL_PLANE, "kubelet")
USER = "kubernetes-admin"
# The machine is its user's: a disk that others filled to nine tenths is no reason to throw out images and pods, as it is on a node.
KUBELET_CONFIG = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "imageGCHighThresholdPercent": 100,
                  "evictionHard": {"memory.available": "100Mi", "nodefs.available": "500Mi", "imagefs.available": "500Mi"}}
ADMIN = Wanted(USER, ("system:masters",), is_client=True)


@dataclass(frozen=True, slots=True)
class Component:
    """`module` is imported and its main(argv) called in a fork of the warm parent; "" means argv is executed
    in the cluster's run directory."""

    name: str
    module: str
    argv: tuple[str, ...]
    after: str = ""                 # starts when this one is ready
    netns: str = ""                 # the network namespace it runs in; "" is the host's


def plan(cluster: Cluster, authority: Authority, node_namespaces: dict[str, tuple[str, str]]) -> list[Component]:
    """Everything to run, in the order of starting. `node_namespaces`: node -> (namespace's path, its address)."""
    settings = cluster.settings
    found: list[Component] = []
    if not settings.etcd_servers and "etcd" not in settings.without:
        found.append(Component("etcd", "", tuple(etcd.command(cluster, etcd.require_binary()))))
    found.append(_apiserver(cluster, authority))
    found += [_manager(cluster, authority, name) for name in ("controllers", "scheduler")]
    found += _kubelets(cluster, authority, node_namespaces)
    return [_with_extra_arguments(one, settings.component_args) for one in found if _kind(one) not in settings.without]


def _kind(component: Component) -> str:
    return component.name.partition("-")[0]


def _apiserver(cluster: Cluster, authority: Authority) -> Component:
    pki, settings = cluster.pki, cluster.settings
    own_etcd = not settings.etcd_servers
    servers = f"unix://{cluster.etcd_socket}" if own_etcd else settings.etcd_servers
    tls = {"cafile": settings.etcd_cafile, "certfile": settings.etcd_certfile, "keyfile": settings.etcd_keyfile}
    bind = "127.0.0.1" if settings.runtime == "hollow" else "0.0.0.0"
    return Component("apiserver", "apiserver.main", (
        f"--etcd-servers={servers}", *(f"--etcd-{name}={path}" for name, path in tls.items() if path and not own_etcd),
        f"--secure-port={settings.port}", f"--bind-address={bind}",
        f"--advertise-address={settings.node_ip}",
        f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={authority.certificate_path}", f"--service-account-signing-key-file={authority.service_account_key()}",
        f"--service-cluster-ip-range={settings.service_cidr}",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={authority.certificate_path}", "--enable-bootstrap-token-auth",
        "--authorization-mode=Node,RBAC",
    ))


def _manager(cluster: Cluster, authority: Authority, name: str) -> Component:
    # The supervisor starts no second one before the first has ended, so the next one need not wait for the Lease to expire.
    identity = f"{socket.gethostname()}_{cluster.name}_{zlib.crc32(str(cluster.data).encode()):08x}"
    arguments = [f"--kubeconfig={cluster.kubeconfig(name)}", "--leader-elect=true", f"--leader-elect-identity={identity}"]
    if name == "controllers":
        arguments += [f"--cluster-cidr={cluster.settings.pod_cidr}", f"--root-ca-file={authority.certificate_path}",
                      f"--cluster-signing-cert-file={authority.certificate_path}", f"--cluster-signing-key-file={cluster.pki}/ca.key"]
    elif len(str(cluster.scheduler_socket)) <= LONGEST_SOCKET_PATH:
        arguments.append(f"--debug-address=unix:{cluster.scheduler_socket}")
    return Component(name, f"{name}.main", tuple(arguments), after="apiserver")


def _kubelets(cluster: Cluster, authority: Authority, namespaces: dict[str, tuple[str, str]]) -> list[Component]:
    settings = cluster.settings
    names = cluster.node_names()
    common: tuple[str, ...] = (f"--client-ca-file={authority.certificate_path}", f"--runtime={settings.runtime}", f"--cluster-name={cluster.name}",
                               f"--service-cidr={settings.service_cidr}", f"--cluster-cidr={settings.pod_cidr}")
    common += () if settings.runtime == "hollow" else (f"--config={cluster.kubelet_config}",)
    if settings.runtime == "hollow":
        names = names[:1]
    found = []
    for name in names:
        netns, address = namespaces.get(name, ("", settings.node_ip))
        port = 10250 if netns else settings.kubelet_port
        arguments: tuple[str, ...] = (f"--kubeconfig={cluster.kubeconfig(f'kubelet-{name}')}", f"--node-name={name}", f"--node-ip={address}",
                     f"--port={port}", f"--root-dir={cluster.node_directory(name)}",
                     f"--tls-cert-file={cluster.pki}/kubelet-{name}.crt", f"--tls-private-key-file={cluster.pki}/kubelet-{name}.key")
        if settings.runtime == "hollow":
            arguments += (f"--hollow-nodes={settings.nodes}",)
        found.append(Component(f"kubelet-{name}", "kubelet.main", arguments + common, after="apiserver", netns=netns))
    return found


def _with_extra_arguments(component: Component, extra: Sequence[str]) -> Component:
    """Adds the --component-arg values meant for this one: `apiserver=--v=4`."""
    mine = tuple(value for name, _, value in (one.partition("=") for one in extra) if name in (component.name, _kind(component)))
    return Component(component.name, component.module, component.argv + mine, component.after, component.netns) if mine else component


def check_extra_arguments(extra: Sequence[str]) -> None:
    for one in extra:
        name, _, value = one.partition("=")
        if name.partition("-")[0] not in NAMES or not value.startswith("--"):
            raise CannotRun(f"--component-arg {one!r}: write COMPONENT=--flag=value with a component of {', '.join(NAMES)}")


def check_without(names: Sequence[str]) -> None:
    for one in names:
        if one not in NAMES:
            raise CannotRun(f"--without {one!r}: the components are {', '.join(NAMES)}")


def prepare_credentials(cluster: Cluster, authority: Authority, node_addresses: dict[str, str]) -> None:
    """Certificates and kubeconfigs of every component and of the admin."""
    settings = cluster.settings
    addresses = [settings.node_ip, *node_addresses.values()]
    authority.issue("apiserver", Wanted("kube-apiserver", names=serving_names(settings.service_cidr, addresses)))
    authority.issue("apiserver-kubelet-client", Wanted("kube-apiserver-kubelet-client", ("system:masters",), is_client=True))
    for name, user in (("controllers", "system:kube-controller-manager"), ("scheduler", "system:kube-scheduler")):
        pair = authority.issue(name, Wanted(user, is_client=True))
        for_component(authority, cluster.kubeconfig(name), cluster.server, user, pair)
    for name in cluster.node_names()[:1 if settings.runtime == "hollow" else None]:
        address = node_addresses.get(name, settings.node_ip)
        authority.issue(f"kubelet-{name}", Wanted(f"system:node:{name}", ("system:nodes",),
                                                  names=tuple(dict.fromkeys((name, address, "127.0.0.1")))))
        user = f"system:node:{name}"
        groups = ("system:masters",) if settings.runtime == "hollow" and settings.nodes > 1 else ("system:nodes",)     # one client for all
        pair = authority.issue(f"kubelet-{name}-client", Wanted(user, groups, is_client=True))
        server = f"https://{settings.node_ip}:{settings.port}" if name in node_addresses else cluster.server
        for_component(authority, cluster.kubeconfig(f"kubelet-{name}"), server, user, pair)
    for_component(authority, cluster.kubeconfig("admin"), cluster.server, USER, authority.issue("admin", ADMIN))


def prepare_kubelet_config(cluster: Cluster) -> None:
    """Its own, where `--component-arg kubelet=--config=FILE` names no other."""
    if cluster.settings.runtime != "hollow":
        write_json(cluster.kubelet_config, KUBELET_CONFIG)


def admin_context(cluster: Cluster, authority: Authority) -> dict[str, object]:
    """What goes into the user's kubeconfig."""
    user = USER if cluster.context == cluster.name else f"{USER}-{cluster.name}"
    return document(cluster.context, cluster.server, authority.pair.certificate_pem, user, authority.issue("admin", ADMIN))
