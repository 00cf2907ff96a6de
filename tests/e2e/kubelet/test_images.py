"""How images get to the node: policies, private registries, mirrors, and what users are told."""
from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kubelet.place import IMAGE, Place, can_run_pods, container
from tests.e2e.runtime.registry import Registry, layer, running_registry

pytestmark = [*can_run_pods, pytest.mark.skipif(shutil.which("docker-registry") is None, reason="needs docker-registry")]
Document = dict[str, Any]
BUSYBOX = Path(shutil.which("busybox") or "/bin/busybox")
JOINED = base64.b64encode(b"user:password").decode()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("protected"), is_protected=True) as found:
        found.push("team/app", "1", content("secret"))
        yield found


def content(text: str) -> list[bytes]:
    """An image whose command prints a text."""
    return [layer({"bin": None, "bin/busybox": BUSYBOX.read_bytes()}), layer({"text": f"{text}\n".encode()})]


def printing(image: str, **fields: Any) -> Document:
    return container("main", "/bin/busybox", "cat", "/text", **fields) | {"image": image}


def printed(place: Place, image: str, name: str = "p", of_pod: Document | None = None, **fields: Any) -> str:
    place.ended(name, printing(image, **fields), **(of_pod or {}))
    return place.log(name).strip()


def waiting(place: Place, *reasons: str) -> str:
    def state(pod: Document) -> Document:
        statuses = pod["status"].get("containerStatuses", [{}])
        return dict(statuses[0].get("state", {}).get("waiting", {}))
    return str(state(place.until("p", lambda pod: state(pod).get("reason") in reasons)).get("message"))


def secret(place: Place, name: str, kind: str, document: Document) -> None:
    key = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}[kind]
    place.create(f"/api/v1/namespaces/{place.namespace}/secrets", {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind,
        "data": {key: base64.b64encode(json.dumps(document).encode()).decode()}})


def test_a_pull_is_told_and_the_node_says_what_it_has(place: Place, registry: Registry) -> None:
    image = f"{registry.name}/told:1"
    digest = registry.push("told", "1", content("hello"))
    assert printed(place, image) == "hello"
    assert place.until_event("Pulling")["message"] == f'Pulling image "{image}"'
    message = place.until_event("Pulled")["message"]
    assert re.fullmatch(rf'Successfully pulled image "{image}" in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: \d+ bytes\.', message)
    assert place.until("p", lambda pod: True)["status"]["containerStatuses"][0]["imageID"] == f"{registry.name}/told@{digest}"
    place.cluster.until(f"/api/v1/nodes?fieldSelector=metadata.name%3D{place.node}", lambda node: any(
        image in one["names"] and f"{registry.name}/told@{digest}" in one["names"] and one["sizeBytes"] > 0
        for one in node["status"].get("images", ())))
    assert printed(place, image, "q", imagePullPolicy="IfNotPresent") == "hello"
    assert "already present on machine" in place.until_event("Pulled", name="q")["message"]


def test_always_takes_what_the_tag_means_now(place: Place, registry: Registry) -> None:
    image = f"{registry.name}/moving:1"
    registry.push("moving", "1", content("old"))
    assert printed(place, image) == "old"
    registry.push("moving", "1", content("new"))
    assert printed(place, image, "kept", imagePullPolicy="IfNotPresent") == "old"
    assert printed(place, image, "fresh", imagePullPolicy="Always") == "new"


def test_latest_is_pulled_always_by_default(place: Place, registry: Registry) -> None:
    registry.push("newest", "latest", content("one"))
    assert printed(place, f"{registry.name}/newest") == "one"
    registry.push("newest", "latest", content("two"))
    assert printed(place, f"{registry.name}/newest", "q") == "two"


@pytest.mark.parametrize(("image", "policy", "reasons", "message"), [
    pytest.param("localhost/none:1", "Never", ("ErrImageNeverPull",), 'Container image "localhost/none:1" is not present with pull policy of Never',
                 id="never"),
    pytest.param("Wrong", "IfNotPresent", ("InvalidImageName",), "repository name must be lowercase", id="name"),
    pytest.param("{registry}/none:1", "IfNotPresent", ("ImagePullBackOff",), 'Back-off pulling image "{registry}/none:1": ErrImagePull: ',
                 id="missing"),
])
def test_what_cannot_be_pulled_says_why(place: Place, registry: Registry, image: str, policy: str, reasons: tuple[str, ...],
                                        message: str) -> None:
    place.pod("p", printing(image.format(registry=registry.name), imagePullPolicy=policy))
    assert message.format(registry=registry.name) in waiting(place, *reasons)
    if "ImagePullBackOff" in reasons:
        name = image.format(registry=registry.name)
        assert place.until_event("BackOff")["message"] == f'Back-off pulling image "{name}"'
        assert place.until_event("Failed", "Failed to pull image")["message"].startswith(f'Failed to pull image "{name}": ')
        assert place.until_event("Failed", "Error: ErrImagePull")["type"] == "Warning"


@pytest.mark.parametrize(("kind", "document"), [
    pytest.param("kubernetes.io/dockerconfigjson", {"auths": {"{registry}": {"auth": JOINED}}}, id="dockerconfigjson"),
    pytest.param("kubernetes.io/dockercfg", {"http://{registry}": {"username": "user", "password": "password"}}, id="dockercfg"),
    pytest.param("kubernetes.io/dockerconfigjson", {"auths": {"{registry}": {"username": "user", "password": "wrong"},
                                                             "{registry}/team": {"auth": JOINED}}}, id="several"),
])
def test_secrets_of_a_pod_open_a_private_registry(place: Place, protected: Registry, kind: str, document: Document) -> None:
    secret(place, "pull", kind, json.loads(json.dumps(document).replace("{registry}", protected.name)))
    image = f"{protected.name}/team/app:1"
    assert printed(place, image, of_pod={"imagePullSecrets": [{"name": "pull"}]}, imagePullPolicy="Always") == "secret"


def test_without_credentials_a_private_registry_stays_closed(place: Place, protected: Registry) -> None:
    place.pod("p", printing(f"{protected.name}/team/app:1", imagePullPolicy="Always"), imagePullSecrets=[{"name": "missing"}])
    assert "authorization failed" in waiting(place, "ErrImagePull", "ImagePullBackOff")
    assert place.until_event("FailedToRetrieveImagePullSecret")["message"] == (
        "Unable to retrieve some image pull secrets (missing); attempting to pull the image may not succeed.")


def test_secrets_of_the_service_account_do_too(place: Place, protected: Registry) -> None:
    secret(place, "pull", "kubernetes.io/dockerconfigjson", {"auths": {protected.name: {"auth": JOINED}}})
    account = f"/api/v1/namespaces/{place.namespace}/serviceaccounts/default"
    code, _ = place.cluster.request("PATCH", account, {"imagePullSecrets": [{"name": "pull"}]}, "application/merge-patch+json")
    assert code == 200
    assert printed(place, f"{protected.name}/team/app:1", imagePullPolicy="Always") == "secret"


def test_the_node_s_own_credentials_do_too(place: Place, protected: Registry) -> None:
    own = place.node_directory / "config.json"
    host, _, port = protected.name.partition(":")
    own.write_text(json.dumps({"auths": {f"{host.rpartition('.')[0]}.*:{port}": {"auth": JOINED}}}))
    try:
        assert printed(place, f"{protected.name}/team/app:1", imagePullPolicy="Always") == "secret"
    finally:
        own.unlink()


def test_a_mirror_stands_for_a_registry(place: Place, registry: Registry) -> None:
    registry.push("far/app", "1", content("mirrored"))
    hosts = place.node_directory / "certs.d" / "registry.invalid"
    hosts.mkdir(parents=True)
    (hosts / "hosts.toml").write_text(f'[host."http://127.0.0.1:1"]\n[host."http://{registry.name}"]\n')
    assert printed(place, "registry.invalid/far/app:1") == "mirrored"
    assert place.until("p", lambda pod: True)["status"]["containerStatuses"][0]["image"] == "registry.invalid/far/app:1"


def test_an_imported_image_needs_no_registry(place: Place) -> None:
    place.running("p", container(image=IMAGE, imagePullPolicy="Never"))
