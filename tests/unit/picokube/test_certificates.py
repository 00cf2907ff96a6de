from __future__ import annotations

import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import NameOID

from kubeapi.world import World
from picokube.certificates import Authority, Wanted, serving_names

ADMIN = Wanted("kubernetes-admin", ("system:masters",), is_client=True)


class LaterWorld(World):
    """The same world, some time later."""

    def __init__(self, later: timedelta) -> None:
        super().__init__()
        self._later = later

    def now(self) -> datetime:
        return super().now() + self._later


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("admin", ADMIN)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.key")} == {0o600}


def test_a_client_certificate_names_its_user_and_groups(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("admin", ADMIN).certificate
    assert [one.value for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["kubernetes-admin"]
    assert [one.value for one in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:masters"]


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    first = Authority(tmp_path).issue("admin", ADMIN)
    assert Authority(tmp_path).issue("admin", ADMIN).certificate_pem == first.certificate_pem


@pytest.mark.parametrize("wanted", [
    pytest.param(Wanted("kubernetes-admin", ("others",), is_client=True), id="other groups"),
    pytest.param(Wanted("kubernetes-admin", ("system:masters",), ("127.0.0.1",)), id="other names"),
])
def test_a_certificate_that_says_something_else_is_made_again(tmp_path: Path, wanted: Wanted) -> None:
    authority = Authority(tmp_path)
    first = authority.issue("admin", ADMIN)
    assert authority.issue("admin", wanted).certificate_pem != first.certificate_pem


def test_a_certificate_near_its_end_is_made_again(tmp_path: Path) -> None:
    first = Authority(tmp_path).issue("admin", ADMIN)
    later = Authority(tmp_path, LaterWorld(timedelta(days=330)))
    assert later.issue("admin", ADMIN).certificate_pem != first.certificate_pem


def test_a_pair_of_which_only_the_key_was_written_is_made_again(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first = authority.issue("admin", ADMIN)
    other = Authority(tmp_path / "other").issue("admin", ADMIN)
    (tmp_path / "admin.key").write_bytes(other.key_pem)
    again = authority.issue("admin", ADMIN)
    assert again.certificate.public_key() == again.key.public_key()
    assert again.certificate_pem != first.certificate_pem


def test_the_api_server_answers_to_upstream_s_names() -> None:
    names = serving_names("10.96.0.0/16", ["192.0.2.7"])
    assert {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
            "127.0.0.1", "10.96.0.1", "192.0.2.7"} == set(names)
