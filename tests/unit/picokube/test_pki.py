"""What `picokube pki` writes: each component's directory holds what that component needs, and no more."""
from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from picokube.main import main

ARGUMENTS = ["--server", "https://balancer:6443", "--public-server", "https://127.0.0.1:7443", "--etcd-name", "etcd-1",
             "--etcd-name", "etcd-2", "--serving-name", "balancer", "--serving-name", "10.9.8.10", "--node", "node-1=10.9.8.11"]
FILES = {
    "admin": {"kubeconfig"},
    "apiserver": {"ca.crt", "apiserver.crt", "apiserver.key", "kubelet-client.crt", "kubelet-client.key", "etcd-ca.crt",
                  "etcd-client.crt", "etcd-client.key", "sa.key"},
    "controllers": {"ca.crt", "kubeconfig"},
    "etcd": {"ca.crt", "client.crt", "client.key", "server.crt", "server.key"},
    "node-1": {"ca.crt", "kubeconfig", "kubelet.crt", "kubelet.key"},
    "scheduler": {"ca.crt", "kubeconfig"},
}


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def write(directory: Path, *more: str) -> None:
    assert main(["pki", "--directory", str(directory), *ARGUMENTS, *more]) == 0


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def purposes(path: Path) -> set[x509.ObjectIdentifier]:
    return set(certificate(path).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


@pytest.mark.parametrize("component", FILES)
def test_a_component_finds_what_it_needs_and_no_more(pki: Path, component: str) -> None:
    assert {path.name for path in (pki / component).iterdir()} == FILES[component]


def test_only_their_owner_reads_keys_and_kubeconfigs(pki: Path) -> None:
    secret = [*pki.rglob("*.key"), *pki.rglob("kubeconfig")]
    assert len(secret) > 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in pki.iterdir()} == {0o700}


def test_what_is_good_is_left_alone(pki: Path) -> None:
    before = {path: path.read_bytes() for path in pki.rglob("*") if path.is_file()}
    write(pki)
    assert {path: path.read_bytes() for path in pki.rglob("*") if path.is_file()} == before


def test_a_node_more_gets_its_own_and_changes_nothing_else(pki: Path) -> None:
    before = (pki / "node-1" / "kubelet.crt").read_bytes()
    write(pki, "--node", "node-2=10.9.8.12")
    assert (pki / "node-1" / "kubelet.crt").read_bytes() == before
    assert (pki / "node-2" / "kubelet.crt").read_bytes() != before


def test_a_certificate_of_the_cluster_is_nothing_to_etcd(pki: Path) -> None:
    ours, etcds = certificate(pki / "node-1" / "ca.crt"), certificate(pki / "etcd" / "ca.crt")
    assert ours.subject != etcds.subject
    certificate(pki / "apiserver" / "etcd-client.crt").verify_directly_issued_by(etcds)
    certificate(pki / "apiserver" / "apiserver.crt").verify_directly_issued_by(ours)


def test_members_of_etcd_are_servers_and_clients(pki: Path) -> None:
    assert purposes(pki / "etcd" / "server.crt") == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert purposes(pki / "etcd" / "client.crt") == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert purposes(pki / "node-1" / "kubelet.crt") == {ExtendedKeyUsageOID.SERVER_AUTH}


def test_kubeconfigs_name_the_server_their_user_can_reach(pki: Path) -> None:
    def server(component: str) -> str:
        document = yaml.safe_load((pki / component / "kubeconfig").read_text())
        return str(document["clusters"][0]["cluster"]["server"])

    assert {server(one) for one in ("controllers", "scheduler", "node-1")} == {"https://balancer:6443"}
    assert server("admin") == "https://127.0.0.1:7443"


def test_openssl_takes_the_pairs(pki: Path) -> None:
    for path in (one for one in pki.rglob("*.key") if one.name != "sa.key"):      # it signs tokens and has no certificate
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(path.with_suffix(".crt"), path)


@pytest.mark.parametrize("node", ["node-1", "node-1=", "node-1=x"])
def test_a_node_without_an_address_is_a_usage_error(tmp_path: Path, node: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pki", "--directory", str(tmp_path), *ARGUMENTS, "--node", node])
    assert "NAME=ADDRESS" in capsys.readouterr().err
