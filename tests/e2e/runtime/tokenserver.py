"""A token server as docker-registry wants one: it signs (RS256, x5c) who may do what, for those who know the password."""
from __future__ import annotations

import base64
import datetime
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from kubeapi.world import REAL_WORLD

ISSUER, SERVICE = "test-issuer", "test-registry"
PASSWORD = "Basic " + base64.b64encode(b"user:password").decode()


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class TokenServer:
    """`asked`: (scope, whether the password was right) of every request."""

    certificate: Path
    key: rsa.RSAPrivateKey
    realm: str = ""
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def token(self, path: str, *actions: str) -> str:
        now = int(REAL_WORLD.now().timestamp())
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": "user", "nbf": now - 60, "iat": now - 60, "exp": now + 600, "jti": "1",
                  "access": [{"type": "repository", "name": path, "actions": list(actions)}]}
        text = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
        return f"{text}.{encoded(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    @property
    def registry_config(self) -> str:
        return f"auth: {{token: {{realm: '{self.realm}', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {self.certificate}}}}}\n"


@contextmanager
def running_token_server(directory: Path) -> Iterator[TokenServer]:
    directory.mkdir(parents=True, exist_ok=True)
    found = TokenServer(directory / "tokens.crt", rsa.generate_private_key(65537, 2048))
    found.certificate.write_bytes(_certificate(found.key))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (scope,) = parse_qs(urlsplit(self.path).query)["scope"]
            is_known = self.headers.get("Authorization") == PASSWORD
            found.asked.append((scope, is_known))
            data = json.dumps({"token": found.token(scope.split(":")[1], *(["pull"] if is_known else []))}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.realm = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now, day = REAL_WORLD.now(), datetime.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1) \
        .not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)
