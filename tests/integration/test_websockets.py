"""Watches on WebSockets, as browsers open them: one frame an event, a token as a subprotocol; and handshakes where there is nothing to stream."""
from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubeapi.protobuf import MEDIA_TYPE
from tests.cluster import TestCluster, running_cluster

websocket = pytest.importorskip("websocket", reason="websocket-client (the official client's) is not installed")

# The library leaves a refused handshake's connection to the garbage collector.
pytestmark = [pytest.mark.filterwarnings(f"ignore::{name}") for name in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning")]
BEARER = "base64url.bearer.authorization.k8s.io."
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "kubelet,scheduler", name="sockets") as cluster:
        yield cluster


def a_token(cluster: TestCluster) -> str:
    """Of an account that may read namespaces, whatever the mode of authorization."""
    cluster.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": "reader"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]})
    made = cluster.request("POST", f"{NAMESPACES}/default/serviceaccounts/default/token", {})[1]
    return str(made["status"]["token"])


def frames(cluster: TestCluster, path: str, count: int, *, anonymous: bool = False, protocols: tuple[str, ...] = (),
           **headers: str) -> tuple[list[Any], str | None]:
    """The first frames, and the chosen subprotocol. Raises WebSocketBadStatusException."""
    pki = cluster.cluster.pki
    certificate = {} if anonymous else {"certfile": str(pki / "admin.crt"), "keyfile": str(pki / "admin.key")}
    socket = websocket.create_connection(
        cluster.cluster.server.replace("https", "wss") + path, timeout=30, sslopt={"ca_certs": str(pki / "ca.crt"), **certificate},
        subprotocols=list(protocols), header=[f"{name}: {value}" for name, value in headers.items()], suppress_origin=True)
    try:
        return [socket.recv() for _ in range(count)], socket.getsubprotocol()
    finally:
        socket.close()


@pytest.mark.parametrize("path", [f"{NAMESPACES}?watch=true", f"/api/v1/watch{NAMESPACES.removeprefix('/api/v1')}"], ids=["query", "path"])
def test_each_event_is_a_frame(cluster: TestCluster, path: str) -> None:
    found, _ = frames(cluster, path, 4)
    assert {event["object"]["metadata"]["name"] for event in map(json.loads, found)} == {"default", "kube-node-lease", "kube-public", "kube-system"}


def test_one_object_is_watched(cluster: TestCluster) -> None:
    (event,), _ = frames(cluster, f"{NAMESPACES}?watch=true&fieldSelector=metadata.name%3Ddefault", 1)
    assert json.loads(event)["object"]["metadata"]["name"] == "default"


def test_protobuf_comes_in_binary_frames(cluster: TestCluster) -> None:
    (event,), _ = frames(cluster, f"{NAMESPACES}?watch=true&fieldSelector=metadata.name%3Ddefault", 1, Accept=f"{MEDIA_TYPE};stream=watch")
    assert isinstance(event, bytes)
    assert event.startswith(b"\x0a\x05ADDED") and b"k8s\0" in event


def test_a_watch_s_end_closes_the_socket(cluster: TestCluster) -> None:
    (closed,), _ = frames(cluster, f"{NAMESPACES}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone", 1)
    assert not closed


def test_a_token_is_a_subprotocol_that_is_never_chosen(cluster: TestCluster) -> None:
    """Browsers want one of theirs to be chosen, so they offer another beside it."""
    protocol = BEARER + base64.urlsafe_b64encode(a_token(cluster).encode()).decode().rstrip("=")
    found, chosen = frames(cluster, f"{NAMESPACES}?watch=true", 1, anonymous=True, protocols=(protocol, "base64.binary.k8s.io"))
    assert (json.loads(found[0])["type"], chosen) == ("ADDED", "base64.binary.k8s.io")


@pytest.mark.parametrize(("path", "anonymous", "protocol", "code"), [
    pytest.param(f"{NAMESPACES}?watch=true", True, "", 403, id="nobody"),
    pytest.param(f"{NAMESPACES}?watch=true", True, BEARER + "bm9uc2Vuc2U", 401, id="no token"),
    pytest.param(f"{NAMESPACES}?watch=true", True, BEARER + "%%%", 401, id="no base64"),
    pytest.param(f"{NAMESPACES}?watch=true&labelSelector=%28", False, "", 400, id="a bad selector"),
    pytest.param(f"{NAMESPACES}/default", False, "", 200, id="no watch"), pytest.param("/nothing", False, "", 404, id="nothing")])
def test_what_is_no_watch_gets_its_ordinary_answer(cluster: TestCluster, path: str, anonymous: bool, protocol: str, code: int) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        frames(cluster, path, 1, anonymous=anonymous, protocols=(protocol,) if protocol else ())
    assert refused.value.status_code == code
