"""The kubeconfig: files merged as client-go merges them, and what they and the flags say about the connection.

The first file to set a value wins; relative paths are relative to the file that names them. Writing (`kubectl config`)
lives in kubectl/configfiles.py.
"""
from __future__ import annotations

import os

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.flags import Flags

LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATHS = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile"), "contexts": ()}
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class ConfigInvalid(CommandError):
    """The kubeconfig contradicts itself; printed as `error: ...` or in upstream's multi-line form."""


def home() -> str:
    return os.environ.get("HOME") or os.path.expanduser("~")


def paths(flags: Flags) -> list[str]:
    """The files to read, in order; --kubeconfig alone, else KUBECONFIG's list, else the default one."""
    if flags.text("kubeconfig"):
        return [flags.text("kubeconfig")]
    listed = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    return list(dict.fromkeys(listed)) or [os.path.join(home(), ".kube", "config")]


def read(path: str) -> Document:
    """One file's document; {} if there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        raise CommandError(f'error loading config file "{path}": open {path}: {reason}') from None
    document = parse(text, path)
    if document is not None and not isinstance(document, dict):
        raise CommandError(f'error loading config file "{path}": the file is not a kubeconfig')
    return document or {}


def parse(text: str, path: str) -> Any:
    """The YAML (or JSON) of a kubeconfig."""
    from kubectl import plainyaml
    try:
        return plainyaml.load(text)
    except plainyaml.Unfamiliar:
        from kubectl import manifests
        try:
            return manifests.parse_one(text)
        except ValueError as error:
            raise CommandError(f'error loading config file "{path}": {error}') from None


def load(files: list[str], explicit: bool = False) -> Document:
    """All files merged; named entries as dicts by name: {"clusters": {name: {...}}, ..., "current-context": str}."""
    merged: Document = {"clusters": {}, "users": {}, "contexts": {}, "current-context": "", "preferences": {}, "extensions": []}
    for path in files:
        if explicit and not os.path.exists(path):
            raise CommandError(f"stat {path}: no such file or directory")
        document = read(path)
        for plural, singular in LISTS.items():
            for entry in document.get(plural) or []:
                value = dict(entry.get(singular) or {})
                for key in _PATHS[plural]:
                    if value.get(key) and not os.path.isabs(value[key]):
                        value[key] = os.path.join(os.path.dirname(os.path.abspath(path)), value[key])
                merged[plural].setdefault(str(entry.get("name", "")), value)
        merged["current-context"] = merged["current-context"] or document.get("current-context") or ""
        merged["preferences"] = merged["preferences"] or document.get("preferences") or {}
        merged["extensions"] = merged["extensions"] or document.get("extensions") or []
    return merged


class ClientConfig:
    """Where the server is, who we are and which namespace is meant."""

    def __init__(self, server: str, cluster: Document, user: Document, namespace: str, namespace_given: bool) -> None:
        self.server, self.cluster, self.user = server.rstrip("/"), cluster, user
        self.namespace = namespace
        self.namespace_given = namespace_given    # by -n: objects of other namespaces are refused


def resolve(flags: Flags) -> ClientConfig:
    """The connection that kubeconfig and flags describe. Raises CommandError."""
    config = load(paths(flags), explicit=bool(flags.text("kubeconfig")))
    chosen = flags.text("context") or config["current-context"]
    context = _named(config, "contexts", chosen, "context")
    cluster_name, user_name = flags.global_text("cluster") or context.get("cluster", ""), flags.global_text("user") or context.get("user", "")
    cluster = dict(config["clusters"].get(cluster_name, {}))
    user = dict(config["users"].get(user_name, {}))
    if flags.global_text("cluster") and flags.global_text("cluster") not in config["clusters"]:
        raise CommandError(f'cluster "{cluster_name}" does not exist')
    if flags.global_text("user") and user_name not in config["users"]:
        raise CommandError(f'auth info "{user_name}" does not exist')
    _override(cluster, user, flags)
    server = cluster.get("server", "")
    if not server and not any(config[plural] for plural in LISTS) and (inside := _in_cluster()):
        return inside if not flags.text("namespace") else ClientConfig(
            inside.server, inside.cluster, {**inside.user, **user}, flags.text("namespace"), True)
    namespace = flags.text("namespace") or context.get("namespace") or "default"
    return ClientConfig(server or "http://localhost:8080", cluster, user, namespace, bool(flags.text("namespace")))


def _named(config: Document, plural: str, name: str, singular: str) -> Document:
    if not name:
        return {}
    if name not in config[plural]:
        raise CommandError(f'{singular} "{name}" does not exist' if singular != "context" or config[plural]
                           else f"context was not found for specified context: {name}")
    found: Document = config[plural][name]
    return found


def _override(cluster: Document, user: Document, flags: Flags) -> None:
    if flags.text("server"):
        cluster["server"] = flags.text("server") if "://" in flags.text("server") else "http://" + flags.text("server")
    if flags.text("certificate-authority"):
        cluster.pop("certificate-authority-data", None)
        cluster["certificate-authority"] = flags.text("certificate-authority")
    if flags.on("insecure-skip-tls-verify"):
        cluster["insecure-skip-tls-verify"] = True
    if flags.text("tls-server-name"):
        cluster["tls-server-name"] = flags.text("tls-server-name")
    for name in ("client-certificate", "client-key"):
        if flags.text(name):
            user.pop(f"{name}-data", None)
            user[name] = flags.text(name)
    for name, key in (("token", "token"), ("username", "username"), ("password", "password"), ("as", "as"), ("as-uid", "as-uid")):
        if flags.text(name):
            user[key] = flags.text(name)
    if flags.text("token"):
        user.pop("exec", None)
        user.pop("tokenFile", None)
    if flags.texts("as-group"):
        user["as-groups"] = flags.texts("as-group")


def _in_cluster() -> ClientConfig | None:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    token = f"{_SERVICE_ACCOUNT}/token"
    if not host or not port or not os.path.exists(token):
        return None
    try:
        with open(f"{_SERVICE_ACCOUNT}/namespace", encoding="utf-8") as file:
            namespace = file.read().strip()
    except OSError:
        namespace = "default"
    address = f"[{host}]" if ":" in host else host
    return ClientConfig(f"https://{address}:{port}", {"certificate-authority": f"{_SERVICE_ACCOUNT}/ca.crt"}, {"tokenFile": token},
                        namespace, False)
