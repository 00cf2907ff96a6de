"""kubeconfig files: one for each component, and a context in the user's own.

The user's file is merged into, never rewritten from scratch: what others put there stays. Under sudo it is the sudoer's
file, and stays the sudoer's.
"""
from __future__ import annotations

import base64
import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from picokube.certificates import Authority, KeyPair
from picokube.errors import CannotRun
from picokube.files import write_atomically

Document = dict[str, Any]


def document(context: str, server: str, ca_pem: bytes, user: str, pair: KeyPair) -> Document:
    """A kubeconfig of one context with everything embedded."""
    def embedded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return {
        "apiVersion": "v1", "kind": "Config", "current-context": context, "preferences": {},
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": embedded(ca_pem)}}],
        "users": [{"name": user, "user": {"client-certificate-data": embedded(pair.certificate_pem),
                                          "client-key-data": embedded(pair.key_pem)}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
    }


def write(path: Path, config: Document) -> None:
    write_atomically(path, yaml.safe_dump(config, sort_keys=False), 0o600)


def for_component(authority: Authority, path: Path, server: str, user: str, pair: KeyPair) -> None:
    write(path, document("picokube", server, authority.pair.certificate_pem, user, pair))


def user_file() -> tuple[Path, int, int]:
    """The user's kubeconfig and whom it belongs to: (path, uid, gid)."""
    home, uid, gid = Path.home(), os.geteuid(), os.getegid()
    sudo_uid = os.environ.get("SUDO_UID", "")
    if uid == 0 and sudo_uid.isdigit() and int(sudo_uid):
        account = pwd.getpwuid(int(sudo_uid))
        home, uid, gid = Path(account.pw_dir), account.pw_uid, account.pw_gid
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(named) if named else home / ".kube/config", uid, gid


def add_context(config: Document, *, current: bool = True) -> Path:
    """Puts the context of `config` into the user's file. Raises CannotRun where that file is not a kubeconfig."""
    with _locked_user_file() as (path, existing):
        config = _with_a_user_of_its_own(config, existing)
        for section in ("clusters", "users", "contexts"):
            new = config[section][0]
            kept = [one for one in existing.get(section) or [] if one.get("name") != new["name"]]
            existing[section] = [*kept, new]
        if current or not existing.get("current-context"):
            existing["current-context"] = config["current-context"]
    return path


def _with_a_user_of_its_own(config: Document, existing: Document) -> Document:
    """kubeadm calls its user kubernetes-admin too: what another context uses is not replaced."""
    context, user = config["contexts"][0], config["users"][0]
    if user["name"] not in _used_by_others(existing, context["name"], "user"):
        return config
    name = f"{user['name']}-{context['name']}"
    return {**config, "users": [{**user, "name": name}], "contexts": [{**context, "context": {**context["context"], "user": name}}]}


def _used_by_others(existing: Document, context: str, what: str) -> set[str]:
    return {one.get("context", {}).get(what, "") for one in existing.get("contexts") or [] if one.get("name") != context}


def remove_context(context: str) -> None:
    """With its cluster and its user, where no other context uses them."""
    with _locked_user_file() as (_, existing):
        found: Document = next((one.get("context", {}) for one in existing.get("contexts") or [] if one.get("name") == context), {})
        gone = {"contexts": context, **{section: found.get(what, "") for section, what in (("clusters", "cluster"), ("users", "user"))
                                        if found.get(what, "") not in _used_by_others(existing, context, what)}}
        for section, name in gone.items():
            existing[section] = [one for one in existing.get(section) or [] if one.get("name") != name]
        if existing.get("current-context") == context:
            existing["current-context"] = ""


@contextmanager
def _locked_user_file() -> Iterator[tuple[Path, Document]]:
    path, uid, gid = user_file()
    if not path.parent.exists():
        path.parent.mkdir(parents=True, mode=0o750)
        os.chown(path.parent, uid, gid)
    path = path.resolve()      # a link stays a link: its target is rewritten
    lock = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        existing = _read(path)
        before = yaml.safe_dump(existing)
        yield path, existing
        if yaml.safe_dump(existing) != before:
            write(path, {"apiVersion": "v1", "kind": "Config", **existing})
            os.chown(path, uid, gid)
    finally:
        os.close(lock)


def _read(path: Path) -> Document:
    try:
        loaded = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise CannotRun(f"{path} is not a kubeconfig, so no context is written to it: {error}") from error
    if loaded is not None and not isinstance(loaded, dict):
        raise CannotRun(f"{path} is not a kubeconfig, so no context is written to it")
    return loaded or {}
