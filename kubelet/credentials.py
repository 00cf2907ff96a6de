"""Which credentials fit an image: the `auths` of docker's config.json, in Secrets and on the node. Pure.

A key names a registry, with its port if it has one, and the beginning of a path; each label of its host may be a glob.
Several that fit are tried one after another, the most particular first.
"""
from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from kubeapi.generated.models.core_v1 import Secret
from kubelet.cri import RegistryAuth

Entries = Mapping[str, object]                     # registry -> {username, password, auth}
DEFAULT_REGISTRY = "docker.io"
DEFAULT_KEYS = ("index.docker.io", "docker.io", "registry-1.docker.io")


def registry_auths(repository: str, configs: Iterable[Entries]) -> list[RegistryAuth]:
    """`repository`: an image's full name without tag and digest. The configs come in the order in which they are tried."""
    found: list[RegistryAuth] = []
    for entries in configs:
        keyed = [(key_of(registry), entry) for registry, entry in entries.items()]
        for key, entry in sorted(keyed, key=lambda one: one[0], reverse=True):
            if isinstance(entry, dict) and fits(key, repository) and (auth := _auth(entry)) not in found:
                found.append(auth)
    return found


def config_of(secret: Secret) -> Entries:
    """Of both kinds of Secrets for this: kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg."""
    if text := secret.data.get(".dockerconfigjson"):
        return parse_config(text)
    return _object(secret.data.get(".dockercfg") or b"{}")


def parse_config(text: bytes | str) -> Entries:
    """A config.json; nothing where it is none."""
    auths = _object(text).get("auths")
    return auths if isinstance(auths, dict) else {}


def _object(text: bytes | str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def key_of(registry: str) -> str:
    """Host and path; /v1/ and /v2/ are the registry's interface, not a part of names."""
    address = urlsplit(registry if "://" in registry else f"https://{registry}")
    path = address.path
    if path.startswith(("/v1/", "/v2/")) or path in ("/v1", "/v2"):
        path = path[3:]
    return address.netloc + path.rstrip("/")


def fits(key: str, repository: str) -> bool:
    key_host, _, key_path = key.partition("/")
    host, _, path = repository.partition("/")
    if host == DEFAULT_REGISTRY and key_host in DEFAULT_KEYS:
        return path.startswith(key_path)
    (key_name, _, key_port), (name, _, port) = key_host.partition(":"), host.partition(":")
    globs, labels = key_name.split("."), name.split(".")
    return key_port == port and len(globs) == len(labels) and path.startswith(key_path) and all(
        fnmatchcase(label, glob) for glob, label in zip(globs, labels, strict=True))


def _auth(entry: Mapping[str, object]) -> RegistryAuth:
    username, password, auth = (str(entry.get(name) or "") for name in ("username", "password", "auth"))
    if auth and not username:
        try:
            username, _, password = base64.b64decode(auth).decode().rstrip("\0").partition(":")
        except (ValueError, binascii.Error):
            username = ""
    return RegistryAuth(username, password, "" if username else auth, str(entry.get("registrytoken") or ""))
