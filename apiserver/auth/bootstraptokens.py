"""Bootstrap tokens: ID.SECRET, kept as Secrets bootstrap-token-ID in kube-system, good for a node's first certificate.

A token that has expired, that is being deleted, or whose Secret does not say that it is for authentication, is nobody's.
"""
from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import Any

from apiserver.auth.user import User
from apiserver.registry.store import Store
from kubeapi.meta import ObjectKey
from kubeapi.times import parse_time
from kubeapi.world import World

NAMESPACE, PREFIX, TYPE = "kube-system", "bootstrap-token-", "bootstrap.kubernetes.io/token"
TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
GROUP = "system:bootstrappers"
EXTRA_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class BootstrapTokens:
    def __init__(self, secrets: Store, world: World) -> None:
        self._secrets, self._world = secrets, world

    def of_token(self, token: str) -> User | None:
        match = TOKEN.fullmatch(token)
        if match is None:
            return None
        found = self._secrets.cacher.get(ObjectKey(NAMESPACE, PREFIX + match[1]))
        return self._user(found.document(), *match.groups()) if found is not None else None

    def _user(self, secret: dict[str, Any], id: str, given: str) -> User | None:
        data = secret.get("data") or {}
        right = hmac.compare_digest(_text(data, "token-secret").encode(), given.encode())
        if not right or secret.get("type") != TYPE or "deletionTimestamp" in secret["metadata"]:
            return None
        if _text(data, "token-id") != id or _text(data, "usage-bootstrap-authentication") != "true" or self._has_expired(_text(data, "expiration")):
            return None
        extra = [one for one in _text(data, "auth-extra-groups").split(",") if one]
        if not all(EXTRA_GROUP.fullmatch(one) for one in extra):
            return None
        return User(f"system:bootstrap:{id}", (GROUP, *extra, "system:authenticated"))

    def _has_expired(self, expiration: str) -> bool:
        """One that cannot be read has."""
        if not expiration:
            return False
        try:
            return parse_time(expiration) <= self._world.now()
        except ValueError:
            return True


def _text(data: dict[str, str], name: str) -> str:
    try:
        return base64.b64decode(data.get(name, ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
