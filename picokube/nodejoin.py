"""`picokube node token` and `picokube node join`: a node on another machine.

The token's Secret lets its bearer ask for a kubelet's certificate. Whoever joins reads the cluster's CA from the ConfigMap
kube-public/cluster-info, which is open to all, and believes it only if it has the hash that was told together with the token; the
token is sent only to a server with a certificate of that CA. From then on the node is known by its own certificate, and asks with it
for the one that its kubelet serves with.
"""
from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import sys
from argparse import Namespace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubeapi.times import format_time
from kubeapi.world import REAL_WORLD
from picokube.certificates import Authority, KeyPair
from picokube.cluster import Cluster
from picokube.errors import CannotRun
from picokube.files import write_atomically, write_json
from picokube.kubeconfigs import document, write
from picokube.ready import connection

Document = dict[str, Any]
TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
INFO, SETTINGS = "/api/v1/namespaces/kube-public/configmaps", "/api/v1/namespaces/kube-system/configmaps"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
LIFETIME, ANSWER_SECONDS, SIGN_SECONDS = timedelta(hours=24), 30, 60


def ca_hash(certificate: x509.Certificate) -> str:
    """As kubeadm's --discovery-token-ca-cert-hash: of the public key."""
    key = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(key).hexdigest()}"


# --- token: where the cluster runs

def token(cluster: Cluster) -> int:
    """Makes one, good for a day, and prints what the other machine has to run."""
    authority, settings = Authority(cluster.pki), cluster.settings
    server = f"https://{settings.node_ip}:{settings.port}"
    text = _random_letters(22)
    id, secret = text[:6], text[6:]
    info = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": {
        "server": server, "certificate-authority-data": base64.b64encode(authority.pair.certificate_pem).decode()}}]}
    _put(cluster, INFO, "cluster-info", {"kubeconfig": yaml.safe_dump(info)})
    _put(cluster, SETTINGS, "picokube-node", {
        "cluster-name": cluster.name, "cluster-cidr": settings.pod_cidr, "service-cidr": settings.service_cidr})
    _post(cluster, "/api/v1/namespaces/kube-system/secrets", {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"bootstrap-token-{id}"}, "type": "bootstrap.kubernetes.io/token",
        "stringData": {"token-id": id, "token-secret": secret, "usage-bootstrap-authentication": "true",
                       "expiration": format_time(REAL_WORLD.now() + LIFETIME)}})
    print(f"picokube node join --server {server} --token {id}.{secret} --discovery-token-ca-cert-hash {ca_hash(authority.pair.certificate)}")
    return 0


def _random_letters(count: int) -> str:
    return "".join(LETTERS[byte % len(LETTERS)] for byte in os.urandom(4 * count) if byte < 252)[:count]


def _put(cluster: Cluster, path: str, name: str, data: dict[str, str]) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    _answer(connection(cluster, ANSWER_SECONDS), "PATCH", f"{path}/{name}?fieldManager=picokube&force=true", body,
            {"Content-Type": "application/apply-patch+yaml"})


def _post(cluster: Cluster, path: str, body: Document) -> None:
    _answer(connection(cluster, ANSWER_SECONDS), "POST", path, body)


# --- join: on the other machine

def join(options: Namespace) -> int:
    """Becomes the kubelet. With credentials from an earlier time nothing is asked for again."""
    root = Path(options.root_dir).absolute()
    name = options.node_name or socket.gethostname().lower()
    if not (root / "kubeconfig").exists():
        _bootstrap(options, root, name)
    found = json.loads((root / "cluster.json").read_text())
    ca = yaml.safe_load((root / "kubeconfig").read_text())["clusters"][0]["cluster"]["certificate-authority-data"]
    write_atomically(root / "ca.crt", base64.b64decode(ca))
    arguments = [f"--kubeconfig={root}/kubeconfig", f"--node-name={name}", f"--root-dir={root}", f"--runtime={options.runtime}",
                 f"--port={options.port}", f"--client-ca-file={root}/ca.crt", "--rotate-server-certificates", *(f"--{key}={value}" for key, value in sorted(found.items())), *([f"--node-ip={options.node_ip}"] if options.node_ip else [])]
    print(f"joined as {name}", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "kubelet", *arguments])


def _bootstrap(options: Namespace, root: Path, name: str) -> None:
    url = urlsplit(options.server)
    if url.scheme != "https" or not url.hostname or not TOKEN.fullmatch(options.token):
        raise CannotRun("--server is https://HOST:PORT and --token ID.SECRET, as `picokube node token` prints them")
    certificate = _discover(url.hostname, url.port or 6443, options.discovery_token_ca_cert_hash)
    ca_pem = certificate.public_bytes(serialization.Encoding.PEM)
    pair = _certificate(url.hostname, url.port or 6443, ca_pem, options.token, name)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = document("picokube", options.server, ca_pem, f"system:node:{name}", pair)
    settings = _answer(_connect(url.hostname, url.port or 6443, _trusting(ca_pem)), "GET", f"{SETTINGS}/picokube-node", None,
                       {"Authorization": f"Bearer {options.token}"})["data"]
    write_json(root / "cluster.json", settings)
    write(root / "kubeconfig", config)


def _discover(host: str, port: int, wanted: str) -> x509.Certificate:
    """The CA that the server says it has, if its key is the one that was promised. Nothing secret is sent."""
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    info = _answer(_connect(host, port, blind), "GET", f"{INFO}/cluster-info")
    cluster = yaml.safe_load(info["data"]["kubeconfig"])["clusters"][0]["cluster"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(cluster["certificate-authority-data"]))
    if ca_hash(certificate) != wanted:
        raise CannotRun(f"the CA of {host}:{port} is {ca_hash(certificate)}, not {wanted}: this is another cluster, or somebody in between")
    return certificate


def _trusting(ca_pem: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca_pem.decode())


def _connect(host: str, port: int, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(host, port, timeout=SIGN_SECONDS + 5, context=context)


def _certificate(host: str, port: int, ca_pem: bytes, token: str, name: str) -> KeyPair:
    """Asks for it and waits until it is signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"), x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{name}")])
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    bearer = {"Authorization": f"Bearer {token}"}
    made = _answer(_connect(host, port, _trusting(ca_pem)), "POST", REQUESTS, {
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"generateName": "node-csr-"},
        "spec": {"request": base64.b64encode(request).decode(), "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                 "usages": ["digital signature", "client auth"]}}, bearer)
    api = _connect(host, port, _trusting(ca_pem))
    try:
        selector = f"fieldSelector=metadata.name%3D{made['metadata']['name']}"
        api.request("GET", f"{REQUESTS}?watch=true&timeoutSeconds={SIGN_SECONDS}&{selector}", headers=bearer)
        answer = api.getresponse()
        while line := answer.readline():
            if certificate := json.loads(line)["object"].get("status", {}).get("certificate"):
                return KeyPair(x509.load_pem_x509_certificate(base64.b64decode(certificate)), key)
    except (OSError, http.client.HTTPException) as error:
        raise CannotRun(f"{host}:{port} stopped answering: {error}") from error
    finally:
        api.close()
    raise CannotRun(f"nobody has signed the request {made['metadata']['name']} in time: `kubectl describe csr {made['metadata']['name']}`")


def _answer(api: http.client.HTTPSConnection, method: str, path: str, body: Document | None = None,
            headers: dict[str, str] | None = None) -> Document:
    try:
        api.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json", **(headers or {})})
        answer = api.getresponse()
        found: Document = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CannotRun(f"{api.host}:{api.port} does not answer: {error}") from error
    finally:
        api.close()
    if answer.status >= 400:
        raise CannotRun(f"{api.host}:{api.port}: {found.get('message', answer.status)}")
    return found
