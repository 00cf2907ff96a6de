"""The API server's command line, with upstream's flag names. A value that does not exist is an error."""
from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apiserver.auth.authentication import load_tokens
from apiserver.auth.authorization import MODES, parse_modes
from apiserver.auth.user import User


@dataclass(frozen=True, slots=True)
class Options:
    etcd_servers: tuple[str, ...] = ()              # empty: memory
    etcd_cafile: str = ""
    etcd_certfile: str = ""
    etcd_keyfile: str = ""
    bind_address: str = "0.0.0.0"
    advertise_address: str = ""
    secure_port: int = 6443
    tls_cert_file: str = ""
    tls_private_key_file: str = ""
    client_ca_file: str = ""
    token_auth_file: str = ""
    service_account_issuer: str = "https://kubernetes.default.svc.cluster.local"
    service_account_signing_key_file: str = ""
    service_account_key_files: tuple[str, ...] = ()
    api_audiences: tuple[str, ...] = ()
    service_cluster_ip_range: str = "10.96.0.0/16"
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    kubelet_client_certificate: str = ""
    kubelet_client_key: str = ""
    kubelet_certificate_authority: str = ""
    enable_bootstrap_token_auth: bool = False
    authorization_mode: tuple[str, ...] = ("AlwaysAllow",)
    anonymous_auth: bool = True
    max_long_running_requests_per_user: int = 1000
    default_not_ready_toleration_seconds: int = 300
    default_unreachable_toleration_seconds: int = 300
    verbosity: int = 2

    def tokens(self) -> Mapping[str, User]:
        return load_tokens(Path(self.token_auth_file)) if self.token_auth_file else {}


def parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m apiserver", description="The Kubernetes API over etcd.")
    add = parser.add_argument
    add("--etcd-servers", required=True, type=_words, help="unix:///path, http://host:port or https://host:port, by commas; `memory:`")
    add("--etcd-cafile", default="")
    add("--etcd-certfile", default="")
    add("--etcd-keyfile", default="")
    add("--bind-address", default="0.0.0.0")
    add("--advertise-address", default="", help="where the Service `kubernetes` leads")
    add("--secure-port", type=int, default=6443)
    add("--tls-cert-file", required=True)
    add("--tls-private-key-file", required=True)
    add("--client-ca-file", default="", help="signs client certificates: CN is the user, O its groups")
    add("--token-auth-file", default="", help="token,user,uid[,\"group1,group2\"] a line")
    add("--service-account-issuer", default="https://kubernetes.default.svc.cluster.local")
    add("--service-account-signing-key-file", default="", help="signs the tokens of ServiceAccounts; without it none are issued")
    add("--service-account-key-file", action="append", default=[], dest="service_account_key_files", help="verifies them too; may be repeated")
    add("--api-audiences", type=_words, default=(), help="whom tokens must be for, the issuer unless said otherwise")
    add("--service-cluster-ip-range", type=_network, default="10.96.0.0/16")
    add("--authorization-mode", type=_modes, default=("AlwaysAllow",), help=f"who is asked, in order: {', '.join(MODES)}")
    add("--anonymous-auth", type=_switch, default=True, help="who says nothing of themselves is system:anonymous (never with AlwaysAllow)")
    add("--enable-admission-plugins", type=_words, default=())
    add("--disable-admission-plugins", type=_words, default=())
    add("--kubelet-client-certificate", default="")
    add("--kubelet-client-key", default="")
    add("--kubelet-certificate-authority", default="")
    add("--enable-bootstrap-token-auth", action="store_true", help="Secrets of type bootstrap.kubernetes.io/token let nodes ask for certificates")
    add("--max-long-running-requests-per-user", type=int, default=1000, help="watches, logs and streams open at a time for any but system:masters")
    add("--default-not-ready-toleration-seconds", type=int, default=300, help="how long a pod that says nothing stays on a node not ready")
    add("--default-unreachable-toleration-seconds", type=int, default=300, help="how long it stays on one that is not heard of")
    add("--v", type=int, default=2, dest="verbosity")
    found = vars(parser.parse_args(argv))
    found["service_account_key_files"] = tuple(found["service_account_key_files"])
    found["etcd_servers"] = () if found["etcd_servers"] == ("memory:",) else found["etcd_servers"]
    return Options(**found)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _modes(text: str) -> tuple[str, ...]:
    try:
        return parse_modes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
