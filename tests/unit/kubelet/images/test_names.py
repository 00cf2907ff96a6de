from __future__ import annotations

import pytest

from kubelet.cri import CriError
from kubelet.images.hosts import is_local
from kubelet.images.names import is_image_id, parse
from kubelet.images.platform import choose

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(("name", "expected"), [
    ("nginx", "docker.io/library/nginx:latest"),
    ("nginx:1.25", "docker.io/library/nginx:1.25"),
    ("bitnami/nginx", "docker.io/bitnami/nginx:latest"),
    ("docker.io/nginx", "docker.io/library/nginx:latest"),
    ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
    ("localhost/a/b:1", "localhost/a/b:1"),
    ("localhost:5000/a", "localhost:5000/a:latest"),
    ("[::1]:5000/a", "[::1]:5000/a:latest"),
    ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"),
    ("Upper.example/a", "Upper.example/a:latest"),
    (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
    (f"nginx:1@{DIGEST}", f"docker.io/library/nginx:1@{DIGEST}"),
    ("a__b-c/e--f.g", "docker.io/a__b-c/e--f.g:latest"),
])
def test_names_get_their_defaults(name: str, expected: str) -> None:
    assert str(parse(name)) == expected


@pytest.mark.parametrize("name", ["", "Nginx", "a b", "a:", "a:b:c", "a@sha256:1", "a@md5:" + "a" * 32, "-a", "a/", "/a", "a//b", "a..b",
                                  "a:" + "t" * 129, "x/" + "a" * 256, "http://a/b", "a_-b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(CriError, match="invalid reference format") as caught:
        parse(name)
    assert caught.value.reason == "InvalidImageName"


def test_docker_hub_is_served_elsewhere() -> None:
    assert parse("nginx").host == "registry-1.docker.io" and parse("example.com/a").host == "example.com"


def test_ids() -> None:
    assert is_image_id(DIGEST) and is_image_id("a" * 64) and not is_image_id("a" * 63) and not is_image_id("nginx")


@pytest.mark.parametrize(("registry", "expected"), [
    ("localhost", True), ("localhost:5000", True), ("127.0.0.1:5000", True), ("127.8.8.8", True), ("[::1]:5000", True),
    ("example.com", False), ("10.0.0.1:5000", False), ("localhost.example.com", False)])
def test_only_this_machine_is_spoken_to_without_tls(registry: str, expected: bool) -> None:
    assert is_local(registry) is expected


def entry(architecture: str, variant: str = "", system: str = "linux") -> dict[str, object]:
    return {"platform": {"architecture": architecture, "os": system, **({"variant": variant} if variant else {})}, "digest": f"{architecture}/{variant}"}


@pytest.mark.parametrize(("machine", "offered", "expected"), [
    pytest.param("x86_64", [entry("arm64"), entry("amd64")], "amd64/", id="architecture"),
    pytest.param("x86_64", [entry("amd64", system="windows")], None, id="system"),
    pytest.param("x86_64", [entry("amd64", "v3"), entry("amd64")], "amd64/", id="plain-first"),
    pytest.param("aarch64", [entry("arm64", "v8")], "arm64/v8", id="arm64-variant"),
    pytest.param("armv7l", [entry("arm", "v6"), entry("arm", "v7")], "arm/v7", id="best-variant"),
    pytest.param("armv6l", [entry("arm", "v7")], None, id="too-new"),
    pytest.param("x86_64", [{"digest": "attestation"}], None, id="no-platform"),
])
def test_the_manifest_of_a_machine(machine: str, offered: list[dict[str, object]], expected: str | None) -> None:
    chosen = choose(offered, machine)
    assert (chosen["digest"] if chosen else None) == expected
