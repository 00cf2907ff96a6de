"""`picokube pki`: the certificates and kubeconfigs of a cluster whose components run apart, a directory for each.

    DIRECTORY/authority       both authorities with their keys, and every pair they signed; nobody but this command needs it
    DIRECTORY/COMPONENT       what this component may see: etcd, apiserver, controllers, scheduler, each node, admin

etcd has an authority of its own: whoever has a certificate of the cluster's must not be let into etcd by it. What is still
good is left alone, so that the command may run before every start.
"""
from __future__ import annotations

import ipaddress
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path

from picokube.certificates import Authority, KeyPair, Wanted, serving_names
from picokube.components import ADMIN, USER
from picokube.files import write_atomically
from picokube.kubeconfigs import document, for_component, write

ETCD_CLIENT = Wanted("kube-apiserver-etcd-client", is_client=True)
KUBELET_CLIENT = Wanted("kube-apiserver-kubelet-client", ("system:masters",), is_client=True)
MANAGERS = {"controllers": "system:kube-controller-manager", "scheduler": "system:kube-scheduler"}


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="picokube pki", description="Writes the certificates of a cluster whose components run apart.")
    add = parser.add_argument
    add("--directory", type=Path, required=True, help="where the certificates lie")
    add("--server", required=True, help="the URL by which the components reach the API server")
    add("--public-server", required=True, help="the URL by which users do, for the admin's kubeconfig")
    add("--context", default="picokube", help="what the admin's kubeconfig calls the cluster")
    add("--etcd-name", action="append", default=[], metavar="NAME", help="a host name of a member of etcd")
    add("--serving-name", action="append", default=[], metavar="NAME", help="a host name or address of an API server")
    add("--node", action="append", default=[], type=_node, metavar="NAME=ADDRESS", help="a node and its address")
    add("--service-cluster-ip-range", default="10.96.0.0/16")
    return parser


def _node(text: str) -> tuple[str, str]:
    name, _, address = text.partition("=")
    try:
        return name, str(ipaddress.ip_address(address))
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: write NAME=ADDRESS") from None


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    root: Path = options.directory
    authority, etcd_authority = Authority(root / "authority"), Authority(root / "authority" / "etcd")
    _etcd(root, etcd_authority, options.etcd_name)
    serving = Wanted("kube-apiserver", names=serving_names(options.service_cluster_ip_range, options.serving_name))
    _place(root / "apiserver", authority, {"apiserver": serving, "kubelet-client": KUBELET_CLIENT})
    _put(root / "apiserver", "etcd-client", etcd_authority.issue("client", ETCD_CLIENT))
    write_atomically(root / "apiserver" / "etcd-ca.crt", etcd_authority.pair.certificate_pem)
    write_atomically(root / "apiserver" / "sa.key", authority.service_account_key().read_bytes(), 0o600)
    for name, user in MANAGERS.items():
        _kubeconfig(root / name, authority, options.server, name, Wanted(user, is_client=True))
    for name, address in options.node:
        user, groups = f"system:node:{name}", ("system:nodes",)
        _place(root / name, authority, {"kubelet": Wanted(user, groups, names=(name, address, "127.0.0.1"))}, prefix=f"{name}-")
        _kubeconfig(root / name, authority, options.server, f"{name}-client", Wanted(user, groups, is_client=True))
    admin = document(options.context, options.public_server, authority.pair.certificate_pem, USER, authority.issue("admin", ADMIN))
    _make(root / "admin")
    write(root / "admin" / "kubeconfig", admin)
    return 0


def _etcd(root: Path, authority: Authority, names: list[str]) -> None:
    """Members are clients of each other, and each one's gateway is a client of itself."""
    serving = Wanted("etcd", names=(*names, "localhost", "127.0.0.1"), is_client=True)
    _place(root / "etcd", authority, {"server": serving, "client": ETCD_CLIENT})


def _place(directory: Path, authority: Authority, pairs: dict[str, Wanted], prefix: str = "") -> None:
    """Signs what is wanted and puts it where a component finds it, with the authority's certificate."""
    for name, wanted in pairs.items():
        _put(directory, name, authority.issue(prefix + name, wanted))
    write_atomically(directory / "ca.crt", authority.pair.certificate_pem)


def _put(directory: Path, name: str, pair: KeyPair) -> None:
    _make(directory)
    write_atomically(directory / f"{name}.key", pair.key_pem, 0o600)
    write_atomically(directory / f"{name}.crt", pair.certificate_pem)


def _kubeconfig(directory: Path, authority: Authority, server: str, name: str, wanted: Wanted) -> None:
    _make(directory)
    for_component(authority, directory / "kubeconfig", server, wanted.common_name, authority.issue(name, wanted))
    write_atomically(directory / "ca.crt", authority.pair.certificate_pem)


def _make(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
