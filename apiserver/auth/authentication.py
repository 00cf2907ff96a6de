"""From a request to a user: the client certificate of the connection, else a bearer token, else anonymous."""
from __future__ import annotations

import csv
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from apiserver.auth.bootstraptokens import BootstrapTokens
from apiserver.auth.serviceaccounts import ServiceAccountTokens
from apiserver.auth.user import User
from kubeapi import errors

OPEN_TO_ALL = {"/healthz", "/livez", "/readyz", "/version", "/version/"}


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class TokenFileError(ValueError):
    """--token-auth-file is not what upstream documents: token,user,uid[,"group1,group2"]."""


def load_tokens(path: Path) -> dict[str, User]:
    found = {}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row:
                continue
            if len(row) < 3 or not row[0]:
                raise TokenFileError(f"{path} line {number}: expected token,user,uid and optional groups")
            groups = tuple(filter(None, row[3].split(","))) if len(row) > 3 else ()
            found[row[0]] = User(row[1], (*groups, "system:authenticated"), row[2])
    return found


class Authenticator:
    def __init__(self, tokens: Mapping[str, User], accounts: ServiceAccountTokens | None = None,
                 bootstrap: BootstrapTokens | None = None, *, anonymous: bool = False) -> None:
        """`anonymous`: who says nothing of themselves is let in; what they may is for authorization to say."""
        self._anonymous = anonymous
        self._tokens = {token.encode(): user for token, user in tokens.items()}
        self._accounts, self._bootstrap = accounts, bootstrap

    def user(self, peer: Mapping[str, Any] | None, authorization: str, path: str) -> User:
        """`peer` is the verified client certificate as ssl tells it. Raises Unauthorized."""
        if peer:
            return _of_subject(peer.get("subject", ()))
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token:
            user = self.of_token(token.strip())
            if user is None:
                raise errors.Unauthorized("Unauthorized")
            return user
        if self._anonymous or path in OPEN_TO_ALL or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return ANONYMOUS
        raise errors.Unauthorized("Unauthorized")

    def of_token(self, token: str) -> User | None:
        return self._of_file(token) or self._of_account(token) or (self._bootstrap.of_token(token) if self._bootstrap is not None else None)

    def reviewed(self, token: str, audiences: Sequence[str]) -> tuple[User, list[str]] | None:
        """Whose it is, and for which of the wanted audiences it is good. Tokens of a file are good for this server only."""
        if self._accounts is not None and (found := self._accounts.of_token(token, audiences)) is not None:
            return found
        user, own = self._of_file(token), self._accounts.audiences if self._accounts is not None else ()
        return None if user is None else (user, [one for one in audiences if one in own])

    def _of_account(self, token: str) -> User | None:
        found = self._accounts.of_token(token) if self._accounts is not None else None
        return found[0] if found is not None else None

    def _of_file(self, token: str) -> User | None:
        """Compares with every known token to the end: the time it takes tells nothing."""
        given, found = token.encode(), None
        for known, user in self._tokens.items():
            if hmac.compare_digest(known, given):
                found = user
        return found


@lru_cache(1024)                        # asked for with every request of a connection
def _of_subject(subject: Sequence[Sequence[tuple[str, str]]]) -> User:
    """The common name is the user, organizations are its groups. Who has several names is nobody: others may have read another."""
    pairs = [pair for part in subject for pair in part]
    names = [value for key, value in pairs if key == "commonName"]
    if len(names) != 1 or not names[0]:
        raise errors.Unauthorized("Unauthorized")
    return User(names[0], (*(value for key, value in pairs if key == "organizationName"), "system:authenticated"))
