"""Tokens of ServiceAccounts: whose they are, for whom they are good, and until when."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apiserver.auth.serviceaccounts import KeyFileError, ServiceAccountTokens, SigningKey, Subject, public_keys
from tests.virtualtime import VirtualWorld, run

ISSUER = "https://kubernetes.default.svc.cluster.local"
Objects = dict[tuple[str, str, str], str]
ACCOUNT: Objects = {("serviceaccounts", "ns", "robot"): "u1"}
ROBOT = Subject("ns", "robot", "u1")
POD = Subject("ns", "robot", "u1", ("pod", "p", "u2"), ("n", "u3"))


def a_key(directory: Path, name: str = "sa.key", kind: str = "ec") -> Path:
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    (directory / name).write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return directory / name


def tokens(path: Path, objects: Objects, *, audiences: tuple[str, ...] = (), issuer: str = ISSUER) -> ServiceAccountTokens:
    def lookup(plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        uid = objects.get((plural, namespace, name))
        return {"metadata": {"uid": uid}} if uid else None
    return ServiceAccountTokens(issuer, audiences, SigningKey(path), [], lookup, VirtualWorld(3))


def play(scenario: Callable[[], None]) -> None:
    async def scene() -> None:
        scenario()
    run(scene())


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_token_tells_its_account_its_pod_and_its_node(tmp_path: Path, kind: str) -> None:
    def scenario() -> None:
        made = tokens(a_key(tmp_path, kind=kind), {**ACCOUNT, ("pods", "ns", "p"): "u2"})
        found = made.of_token(made.issue(POD, (), 3600))
        assert found is not None
        user, audiences = found
        assert (user.name, user.uid, audiences) == ("system:serviceaccount:ns:robot", "u1", [ISSUER])
        assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated")
        assert user.extra["authentication.kubernetes.io/pod-name"] == ("p",)
        assert user.extra["authentication.kubernetes.io/node-uid"] == ("u3",)
        assert user.extra["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")
    play(scenario)


@pytest.mark.parametrize(("subject", "then"), [
    pytest.param(ROBOT, {}, id="the account is gone"), pytest.param(ROBOT, {("serviceaccounts", "ns", "robot"): "other"}, id="another of its name"),
    pytest.param(POD, ACCOUNT, id="the pod is gone"), pytest.param(POD, {**ACCOUNT, ("pods", "ns", "p"): "other"}, id="another pod of its name"),
    pytest.param(Subject("ns", "robot", "u1", ("node", "n", "u3")), ACCOUNT, id="the node is gone"),
    pytest.param(Subject("ns", "robot", "u1", ("secret", "s", "u4")), ACCOUNT, id="the secret is gone")])
def test_a_token_dies_with_what_it_is_bound_to(tmp_path: Path, subject: Subject, then: Objects) -> None:
    def scenario() -> None:
        objects = {**ACCOUNT, ("pods", "ns", "p"): "u2", ("nodes", "", "n"): "u3", ("secrets", "ns", "s"): "u4"}
        made = tokens(a_key(tmp_path), objects)
        token = made.issue(subject, (), 3600)
        assert made.of_token(token) is not None
        objects.clear()
        objects.update(then)
        assert made.of_token(token) is None
    play(scenario)


def test_a_token_ends_on_time(tmp_path: Path) -> None:
    async def scenario() -> list[bool]:
        made = tokens(a_key(tmp_path), ACCOUNT)
        token = made.issue(ROBOT, (), 600)
        found = []
        for _ in range(2):
            found.append(made.of_token(token) is not None)
            await asyncio.sleep(600)
        return found
    assert run(scenario()) == [True, False]


@pytest.mark.parametrize(("issued", "wanted", "good"), [
    ((), (), [ISSUER]), (("vault",), (), None), (("vault",), ("vault",), ["vault"]), (("vault", ISSUER), ("a", "vault"), ["vault"]), ((), ("vault",), None)])
def test_audiences(tmp_path: Path, issued: tuple[str, ...], wanted: tuple[str, ...], good: list[str] | None) -> None:
    def scenario() -> None:
        made = tokens(a_key(tmp_path), ACCOUNT)
        found = made.of_token(made.issue(ROBOT, issued, 3600), wanted)
        assert (found[1] if found else None) == good
    play(scenario)


@pytest.mark.parametrize("forge", [
    pytest.param(lambda token, other: other, id="another server's key"), pytest.param(lambda token, other: token[:-4] + "AAAA", id="another signature"),
    pytest.param(lambda token, other: jwt.encode({"iss": ISSUER, "sub": "system:serviceaccount:ns:robot", "aud": [ISSUER], "exp": 9999999999}, "", algorithm="none"),
                 id="no signature"),
    pytest.param(lambda token, other: jwt.encode({"iss": ISSUER, "aud": [ISSUER], "exp": 9999999999, "sub": "x"}, "secret" * 8, algorithm="HS256",
                                                 headers=jwt.get_unverified_header(token) | {"alg": "HS256"}), id="a symmetric algorithm"),
    pytest.param(lambda token, other: "a.b.c", id="no token"), pytest.param(lambda token, other: "", id="nothing")])
def test_forged_tokens_are_nobodys(tmp_path: Path, forge: Callable[[str, str], str]) -> None:
    def scenario() -> None:
        made, others = tokens(a_key(tmp_path), ACCOUNT), tokens(a_key(tmp_path, "other.key"), ACCOUNT)
        assert made.of_token(forge(made.issue(ROBOT, (), 3600), others.issue(ROBOT, (), 3600))) is None
    play(scenario)


def test_another_issuer_is_not_believed(tmp_path: Path) -> None:
    def scenario() -> None:
        key = a_key(tmp_path)
        assert tokens(key, ACCOUNT).of_token(tokens(key, ACCOUNT, issuer="https://elsewhere").issue(ROBOT, (), 3600)) is None
    play(scenario)


def test_others_verify_with_what_is_published(tmp_path: Path) -> None:
    def scenario() -> None:
        made = tokens(a_key(tmp_path), ACCOUNT)
        token = made.issue(ROBOT, ("vault",), 3600)
        key = jwt.PyJWKSet.from_dict(made.jwks())[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["ES256"], audience="vault", issuer=made.configuration("")["issuer"],
                            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False})
        assert claims["kubernetes.io"]["serviceaccount"] == {"name": "robot", "uid": "u1"}
    play(scenario)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"], ids=["empty", "no PEM", "no key in it"])
def test_files_that_hold_no_key_say_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(content)
    for load in (SigningKey, public_keys):
        with pytest.raises(KeyFileError, match=str(path)):
            load(path)


@pytest.mark.parametrize("going", ["serviceaccounts", "pods"])
def test_a_token_dies_a_minute_after_the_grace_of_what_it_is_bound_to(tmp_path: Path, going: str) -> None:
    """What must still clean up may; what only waits for a finalizer has had its time."""
    async def scenario() -> list[bool]:
        def lookup(plural: str, namespace: str, name: str) -> dict[str, Any] | None:
            uid = {"serviceaccounts": "u1", "pods": "u2"}[plural]
            return {"metadata": {"uid": uid, **({"deletionTimestamp": "2026-01-01T00:00:30Z"} if plural == going else {})}}     # 30 s from the beginning
        made = ServiceAccountTokens(ISSUER, (), SigningKey(a_key(tmp_path)), [], lookup, VirtualWorld(3))
        token, found = made.issue(POD, (), 3600), []
        for seconds in (0, 30, 60, 1):                          # at 0, 30, 90 and 91 s
            await asyncio.sleep(seconds)
            found.append(made.of_token(token) is not None)
        return found
    assert run(scenario()) == [True, True, True, False]
