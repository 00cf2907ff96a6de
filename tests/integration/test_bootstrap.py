"""A machine with nothing but a bootstrap token gets a kubelet's certificate, and is that node from then on."""
from __future__ import annotations

import base64
import http.client
import json
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster import ROOT, TestCluster, running_cluster

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
TOKEN = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}


def ask(cluster: TestCluster, path: str, body: dict[str, Any], *, token: str = "", pair: Path | None = None) -> tuple[int, dict[str, Any]]:
    """As somebody else than the administrator."""
    context = ssl.create_default_context(cafile=str(cluster.cluster.pki / "ca.crt"))
    if pair is not None:
        context.load_cert_chain(pair)
    api = http.client.HTTPSConnection("127.0.0.1", cluster.cluster.settings.port, timeout=60, context=context)
    try:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        api.request("POST", path, json.dumps(body), headers)
        answer = api.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        api.close()


def test_a_bootstrap_token_becomes_a_nodes_certificate(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"), x509.NameAttribute(NameOID.COMMON_NAME, "system:node:new")])
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    csr = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "new"}, "spec": {
        "request": base64.b64encode(request).decode(), "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": ["digital signature", "client auth"], "groups": ["system:masters"]}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token",
              "stringData": TOKEN}
    with running_cluster("--runtime", "hollow") as cluster:
        assert ask(cluster, REQUESTS, csr, token="abcdef.0123456789abcdef")[0] == 401
        assert cluster.request("POST", "/api/v1/namespaces/kube-system/secrets", secret)[0] == 201
        code, made = ask(cluster, REQUESTS, csr, token="abcdef.0123456789abcdef")
        assert (code, made["spec"]["username"], made["spec"]["groups"]) == (
            201, "system:bootstrap:abcdef", ["system:bootstrappers", "system:authenticated"])
        done = cluster.until(f"{REQUESTS}?fieldSelector=metadata.name%3Dnew", lambda one: bool(one.get("status", {}).get("certificate")))
        pair = tmp_path / "pair.pem"
        pair.write_bytes(base64.b64decode(done["status"]["certificate"]) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        _, review = ask(cluster, REVIEWS, REVIEW, pair=pair)
        assert review["status"]["userInfo"]["username"] == "system:node:new"

        assert cluster.request("DELETE", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef")[0] == 200
        assert cluster.request("GET", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef")[0] == 404      # the cache has seen it
        assert ask(cluster, REVIEWS, REVIEW, token="abcdef.0123456789abcdef")[0] == 401


def test_a_machine_joins_and_comes_back_without_the_token(tmp_path: Path) -> None:
    with running_cluster("--runtime", "hollow") as cluster:
        told = cluster.picokube("node", "token")
        assert told.returncode == 0, told.stderr
        arguments = told.stdout.split()[3:]
        arguments[1] = cluster.cluster.server       # this very machine may have no other address
        more = ["--runtime", "hollow", "--port", "0", "--node-name", "far", "--root-dir", str(tmp_path / "far")]

        wrong = [*arguments[:-1], "sha256:" + "0" * 64]
        refused = subprocess.run([sys.executable, "-m", "picokube", "node", "join", *wrong, *more], cwd=ROOT, capture_output=True, text=True,
                                 timeout=60, check=False)
        assert (refused.returncode, "somebody in between" in refused.stderr) == (1, True)
        assert not (tmp_path / "far").exists()

        for command in ([*arguments, *more], ["--server", "x", "--token", "x", "--discovery-token-ca-cert-hash", "x", *more]):
            with (tmp_path / "log").open("wb") as log:
                kubelet = subprocess.Popen([sys.executable, "-m", "picokube", "node", "join", *command], cwd=ROOT, stdout=log, stderr=log)
            try:
                cluster.until("/api/v1/nodes?fieldSelector=metadata.name%3Dfar", is_ready, 40)
            finally:
                kubelet.terminate()
                assert kubelet.wait(30) == 0, (tmp_path / "log").read_text()
            assert cluster.request("DELETE", "/api/v1/nodes/far")[0] == 200
        assert stat.S_IMODE((tmp_path / "far" / "kubeconfig").stat().st_mode) == 0o600


def is_ready(node: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node.get("status", {}).get("conditions", []))
