"""From a kubeconfig user to what goes on the wire: headers, and the client certificate."""
from __future__ import annotations

import os

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.http1 import Headers


def headers_of(user: Document) -> Headers:
    """Authorization and impersonation."""
    headers: Headers = {}
    token = user.get("token") or _read(user.get("tokenFile", ""))
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user.get("username"):
        from binascii import b2a_base64
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        headers["Authorization"] = "Basic " + b2a_base64(pair, newline=False).decode()
    for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if user.get(key):
            headers[header] = user[key]
    if user.get("as-groups"):
        headers["Impersonate-Group"] = list(user["as-groups"])
    return headers


def _read(path: str) -> str:
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise CommandError(f"unable to read {path}: {os.strerror(error.errno or 0).lower()}") from None


def with_plugin(user: Document) -> Document:
    """*user* with what its exec credential plugin answered, if it has one."""
    plugin = user.get("exec")
    if not plugin:
        return user
    import json
    import subprocess
    environment = dict(os.environ)
    environment |= {entry["name"]: entry["value"] for entry in plugin.get("env") or []}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps({
        "kind": "ExecCredential", "apiVersion": plugin["apiVersion"], "spec": {"interactive": False}})
    try:
        answer = subprocess.run([plugin["command"], *(plugin.get("args") or [])], env=environment, stdout=subprocess.PIPE, check=True)
        status = json.loads(answer.stdout)["status"]
    except FileNotFoundError:
        raise CommandError(f"exec: executable {plugin['command']} not found") from None
    except (subprocess.CalledProcessError, ValueError, KeyError) as error:
        raise CommandError(f"getting credentials: exec: executable {plugin['command']} failed: {error}") from None
    found = {"token": status.get("token", "")}
    for field, key in (("clientCertificateData", "client-certificate-pem"), ("clientKeyData", "client-key-pem")):
        if status.get(field):
            found[key] = status[field]
    return {**user, **found}


def pem(document: Document, name: str) -> bytes:
    """The PEM that a cluster or user names, inline or by file; b"" if it names none."""
    if inline := document.get(f"{name}-pem"):
        return str(inline).encode()
    if encoded := document.get(f"{name}-data"):
        from binascii import Error, a2b_base64
        try:
            return a2b_base64(encoded)
        except Error as error:
            raise CommandError(f"unable to decode {name}-data: {error}") from None
    if path := document.get(name):
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise CommandError(f"unable to read {name} {path} due to open {path}: {os.strerror(error.errno or 0).lower()}") from None
    return b""
