"""Reads a kubeconfig: which server, whose word to trust, and who we are. Faults are told in plain words."""
from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(ValueError):
    """The kubeconfig cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    server: str
    ca_data: bytes = b""
    client_certificate_data: bytes = b""
    client_key_data: bytes = b""
    token: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    namespace: str = "default"


def load(path: str | Path, context: str | None = None) -> ClientConfig:
    """The config of *context*, or of the file's current one."""
    path = Path(path)
    document = _read(path)
    name = context or document.get("current-context") or ""
    if not name:
        raise KubeconfigError(f"{path}: no current-context is set")
    chosen = _named(path, document, "contexts", "context", name)
    cluster = _named(path, document, "clusters", "cluster", str(chosen.get("cluster", "")))
    user = _named(path, document, "users", "user", str(chosen["user"])) if chosen.get("user") else {}
    if not cluster.get("server"):
        raise KubeconfigError(f'{path}: cluster "{chosen.get("cluster")}" names no server')
    if unsupported := [key for key in ("exec", "auth-provider", "username") if user.get(key)]:
        raise KubeconfigError(f'{path}: user "{chosen.get("user")}" uses {unsupported[0]}, which picokube does not support')
    return ClientConfig(
        server=str(cluster["server"]),
        ca_data=_data(path, cluster, "certificate-authority"),
        client_certificate_data=_data(path, user, "client-certificate"),
        client_key_data=_data(path, user, "client-key"),
        token=_token(path, user),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        insecure_skip_tls_verify=bool(cluster.get("insecure-skip-tls-verify")),
        namespace=str(chosen.get("namespace") or "default"))


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise KubeconfigError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(document, dict):
        raise KubeconfigError(f"{path}: not a kubeconfig")
    return document


def _named(path: Path, document: dict[str, Any], group: str, kind: str, name: str) -> dict[str, Any]:
    for entry in document.get(group) or ():
        if entry.get("name") == name:
            return entry.get(kind) or {}
    raise KubeconfigError(f'{path}: {kind} "{name}" does not exist')


def _data(path: Path, entry: dict[str, Any], field: str) -> bytes:
    """`field-data` (base64) wins over the file that `field` names, relative to the kubeconfig."""
    if embedded := entry.get(f"{field}-data"):
        try:
            return base64.b64decode(embedded, validate=True)
        except (binascii.Error, TypeError) as error:
            raise KubeconfigError(f"{path}: {field}-data is not base64") from error
    return _file(path, str(entry[field])) if entry.get(field) else b""


def _token(path: Path, user: dict[str, Any]) -> str:
    if user.get("token"):
        return str(user["token"])
    return _file(path, str(user["tokenFile"])).decode().strip() if user.get("tokenFile") else ""


def _file(path: Path, name: str) -> bytes:
    try:
        return (path.parent / name).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"{path}: {name}: {error.strerror}") from error
