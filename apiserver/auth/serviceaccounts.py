"""Tokens of ServiceAccounts: JSON Web Tokens bound to an account and, if wanted, to a pod, node or secret.

A token is as good as what it is bound to: with the account or the bound object gone, or a minute past the end of its grace, it
is worth nothing, whatever its expiry says. Upstream: KEP 1205 (bound tokens), KEP 4193 (node and credential ids).
"""
from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apiserver.auth.user import User
from kubeapi.times import seconds_of
from kubeapi.world import World

Document = dict[str, Any]
Lookup = Callable[[str, str, str], Document | None]         # (plural, namespace, name) -> what is there
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
REMEMBERED = 4096
LEEWAY_SECONDS = 60         # of what should be gone already, for those who need the token to clean up
PREFIX = "system:serviceaccount:"
PRIVATE = "kubernetes.io"
EXTRA = "authentication.kubernetes.io/"
# What an account's token can be bound to besides: by kind, the plural it is looked up by.
BOUND = {"pod": "pods", "node": "nodes", "secret": "secrets"}


class KeyFileError(ValueError):
    """A file of keys is not what it should be."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a token is issued for; `bound` is (pod | node | secret, name, uid), and `node` the pod's."""

    namespace: str
    name: str
    uid: str
    bound: tuple[str, str, str] | None = None
    node: tuple[str, str] | None = None


class SigningKey:
    def __init__(self, path: Path) -> None:
        key = _load(path, lambda data: serialization.load_pem_private_key(data, None))
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise KeyFileError(f"{path}: tokens are signed with an RSA or an elliptic curve key")
        self._key, self.public = key, key.public_key()
        self._algorithm, self._id = algorithm_of(self.public), key_id(self.public)

    def sign(self, claims: Document) -> str:
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers={"kid": self._id})


class ServiceAccountTokens:
    """Issues and recognizes them. `lookup` reads the cache."""

    def __init__(self, issuer: str, audiences: Sequence[str], signing: SigningKey | None, public: Sequence[PublicKey], lookup: Lookup,
                 world: World) -> None:
        self.issuer, self.audiences = issuer, tuple(audiences) or (issuer,)
        self._signing, self._lookup, self._world = signing, lookup, world
        keys = [*([signing.public] if signing else []), *public]
        self._keys = {key_id(key): key for key in keys}
        self._verified: OrderedDict[str, Document] = OrderedDict()

    @property
    def can_issue(self) -> bool:
        return self._signing is not None

    def issue(self, subject: Subject, audiences: Sequence[str], seconds: int) -> str:
        assert self._signing is not None
        now = int(self._world.seconds())
        private: Document = {"namespace": subject.namespace, "serviceaccount": {"name": subject.name, "uid": subject.uid}}
        if subject.bound is not None:
            kind, name, uid = subject.bound
            private[kind] = {"name": name, "uid": uid}
        if subject.node is not None:
            private["node"] = {"name": subject.node[0], "uid": subject.node[1]}
        return self._signing.sign({
            "aud": list(audiences) or list(self.audiences), "exp": now + seconds, "iat": now, "nbf": now, "iss": self.issuer,
            "jti": self._world.uid(), "sub": f"{PREFIX}{subject.namespace}:{subject.name}", PRIVATE: private})

    def of_token(self, token: str, audiences: Sequence[str] = ()) -> tuple[User, list[str]] | None:
        """Whose it is, and which of the wanted audiences (this server's unless said otherwise) it is for; None if it is no good."""
        claims = self._claims(token)
        if claims is None or claims["exp"] <= self._world.seconds():
            return None
        given = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        wanted = [one for one in audiences or self.audiences if one in given]
        private = claims.get(PRIVATE) or {}
        if not wanted or not self._is_alive(private):
            return None
        return _user(claims, private), wanted

    def _claims(self, token: str) -> Document | None:
        """Verified once: a signature costs a hundred times what the rest does."""
        known = self._verified.get(token)
        if known is not None:
            self._verified.move_to_end(token)
            return known
        try:
            key = self._keys[jwt.get_unverified_header(token).get("kid", "")]
            claims: Document = jwt.decode(token, key, algorithms=[algorithm_of(key)], issuer=self.issuer, options={
                "verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "aud", "sub", "iss"]})
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None
        self._verified[token] = claims
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return claims

    def _is_alive(self, private: Document) -> bool:
        namespace, account = private.get("namespace", ""), private.get("serviceaccount") or {}
        if not self._is_there("serviceaccounts", namespace, account):
            return False
        return all(self._is_there(plural, namespace if kind != "node" else "", private[kind]) for kind, plural in BOUND.items()
                   if kind in private and not (kind == "node" and "pod" in private))      # a pod's node is told, not bound

    def _is_there(self, plural: str, namespace: str, named: Mapping[str, str]) -> bool:
        found = self._lookup(plural, namespace, named.get("name", ""))
        if found is None or found["metadata"]["uid"] != named.get("uid"):
            return False
        going = found["metadata"].get("deletionTimestamp")      # when its grace ends
        return going is None or seconds_of(going) >= self._world.seconds() - LEEWAY_SECONDS

    def jwks(self) -> Document:
        return {"keys": [_as_jwk(identity, key) for identity, key in self._keys.items()]}

    def configuration(self, jwks_uri: str) -> Document:
        """OpenID Connect discovery: others verify the tokens with it."""
        algorithms = sorted({algorithm_of(key) for key in self._keys.values()})
        return {"issuer": self.issuer, "jwks_uri": jwks_uri, "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": algorithms}


def public_keys(path: Path) -> list[PublicKey]:
    """Of a file with a public or a private key. Raises KeyFileError."""
    def load(data: bytes) -> Any:
        return serialization.load_pem_public_key(data) if b"PUBLIC KEY" in data else serialization.load_pem_private_key(data, None).public_key()
    key = _load(path, load)
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise KeyFileError(f"{path}: tokens are verified with an RSA or an elliptic curve key")
    return [key]


def _load(path: Path, load: Callable[[bytes], Any]) -> Any:
    try:
        return load(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: {error}") from error


def key_id(key: PublicKey) -> str:
    data = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def algorithm_of(key: PublicKey) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return "RS256"
    return {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}[key.curve.name]


def _as_jwk(identity: str, key: PublicKey) -> Document:
    algorithm = jwt.get_algorithm_by_name(algorithm_of(key))
    shown: Document = algorithm.to_jwk(key, as_dict=True)
    return {"use": "sig", "kid": identity, "alg": algorithm_of(key), **{name: value for name, value in shown.items() if name != "key_ops"}}


def _user(claims: Document, private: Document) -> User:
    namespace, account = private["namespace"], private["serviceaccount"]
    extra = {f"{EXTRA}credential-id": (f"JTI={claims['jti']}",)} if claims.get("jti") else {}
    for kind in ("pod", "node"):
        if kind in private:
            extra |= {f"{EXTRA}{kind}-name": (private[kind]["name"],), f"{EXTRA}{kind}-uid": (private[kind]["uid"],)}
    return User(f"{PREFIX}{namespace}:{account['name']}",
                ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"), account["uid"], extra)
