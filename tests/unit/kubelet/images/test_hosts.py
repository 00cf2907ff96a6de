from __future__ import annotations

from pathlib import Path

import pytest

from kubelet.cri import CriError
from kubelet.images.hosts import Endpoint, endpoints
from kubelet.images.names import parse


def configured(directory: Path, registry: str, text: str) -> Path:
    (directory / registry).mkdir()
    (directory / registry / "hosts.toml").write_text(text)
    return directory


def urls(name: str, directory: Path) -> list[tuple[str, str]]:
    return [(one.url, one.namespace) for one in endpoints(parse(name), directory)]


@pytest.mark.parametrize(("name", "url"), [
    ("busybox", "https://registry-1.docker.io/v2"), ("r.example:5000/a", "https://r.example:5000/v2"), ("127.0.0.1:5000/a", "http://127.0.0.1:5000/v2"),
    ("insecure.example/a", "http://insecure.example/v2"),
])
def test_without_configuration_a_registry_is_asked_itself(tmp_path: Path, name: str, url: str) -> None:
    assert endpoints(parse(name), tmp_path, ["insecure.example"]) == [Endpoint(url)]


def test_mirrors_come_first_and_are_told_whom_they_stand_for(tmp_path: Path) -> None:
    configured(tmp_path, "docker.io", '[host."https://mirror.example"]\n[host."http://other.example/hub"]\n')
    assert urls("busybox", tmp_path) == [
        ("https://mirror.example/v2", "docker.io"), ("http://other.example/hub/v2", "docker.io"), ("https://registry-1.docker.io/v2", "")]


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param('server = "https://else.example"', [("https://else.example/v2", "r.example:5000")], id="server"),
    pytest.param('server = "http://r.example:5000"', [("http://r.example:5000/v2", "")], id="plain"),
    pytest.param('[host."https://m.example/hub"]\noverride_path = true', [
        ("https://m.example/hub", "r.example:5000"), ("https://r.example:5000/v2", "")], id="path-as-it-is"),
    pytest.param('[host."https://m.example"]\ncapabilities = ["pull"]', [("https://r.example:5000/v2", "")], id="who-may-not-resolve-tags"),
    pytest.param('[host."https://m.example"]\ncapabilities = ["push"]', [("https://r.example:5000/v2", "")], id="who-only-takes"),
])
def test_configurations(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    assert urls("r.example:5000/a:1", configured(tmp_path, "r.example:5000", text)) == expected


def test_a_digest_may_come_from_whoever_has_it(tmp_path: Path) -> None:
    configured(tmp_path, "_default", '[host."https://m.example"]\ncapabilities = ["pull"]')
    assert urls(f"r.example/a@sha256:{'0' * 64}", tmp_path)[0] == ("https://m.example/v2", "r.example")


def test_certificates_lie_beside_the_file(tmp_path: Path) -> None:
    text = 'ca = "own.crt"\nclient = [["c.crt", "c.key"]]\nskip_verify = true\n[header]\nx-a = ["1", "2"]\n'
    (found,) = endpoints(parse("r.example/a"), configured(tmp_path, "r.example", text))
    place = tmp_path / "r.example"
    assert (found.ca, found.client) == ((f"{place}/own.crt",), ((f"{place}/c.crt", f"{place}/c.key"),))
    assert found.skips_verification and found.headers == {"x-a": "1, 2"}


@pytest.mark.parametrize("text", ["no toml", '[host."ftp://x"]', 'server = "ftp://x"', "host = 5"])
def test_what_cannot_be_used_fails_the_pull(tmp_path: Path, text: str) -> None:
    with pytest.raises(CriError, match=r"hosts\.toml cannot be used"):
        endpoints(parse("r.example/a"), configured(tmp_path, "r.example", text))
