"""ServiceAccount tokens over HTTP: asked for, used, reviewed, refused."""
from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import TestCluster, running_cluster

ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", name="tokens") as cluster:
        yield cluster


def ask(cluster: TestCluster, token: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    context = ssl.create_default_context(cafile=str(cluster.cluster.pki / "ca.crt"))
    request = urllib.request.Request(cluster.cluster.server + path, None if body is None else json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def issued(cluster: TestCluster, account: str = ACCOUNT, **spec: Any) -> str:
    code, made = cluster.request("POST", f"{account}/token", {"spec": spec})
    assert code == 201, made
    return str(made["status"]["token"])


def test_a_token_speaks_for_its_account(cluster: TestCluster) -> None:
    code, answer = ask(cluster, issued(cluster), WHOAMI, {})
    assert (code, answer["status"]["userInfo"]["username"]) == (201, "system:serviceaccount:default:default")
    assert ask(cluster, issued(cluster), "/apis/apps/v1")[0] == 200


def test_what_a_request_says_of_itself(cluster: TestCluster) -> None:
    code, made = cluster.request("POST", f"{ACCOUNT}/token", {})
    assert (code, made["kind"], made["spec"]["expirationSeconds"]) == (201, "TokenRequest", 3600)
    assert made["spec"]["audiences"] == ["https://kubernetes.default.svc.cluster.local"]
    assert made["status"]["expirationTimestamp"] > made["metadata"]["creationTimestamp"]


@pytest.mark.parametrize(("account", "spec", "code", "words"), [
    (ACCOUNT, {"expirationSeconds": 10}, 422, "may not specify a duration less than 10 minutes"),
    (ACCOUNT, {"expirationSeconds": 1 << 40}, 422, "may not specify a duration larger than 2^32 seconds"),
    (ACCOUNT.replace("accounts/default", "accounts/none"), {}, 404, 'serviceaccounts "none" not found'),
    (ACCOUNT, {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}, 404, 'pods "none" not found'),
    (ACCOUNT, {"boundObjectRef": {"kind": "Deployment", "apiVersion": "apps/v1", "name": "d"}}, 400,
     "cannot bind token to object of type apps/v1, Kind=Deployment")])
def test_requests_that_are_refused(cluster: TestCluster, account: str, spec: dict[str, Any], code: int, words: str) -> None:
    refused, answer = cluster.request("POST", f"{account}/token", {"spec": spec})
    assert (refused, words in answer["message"]) == (code, True), answer


def test_a_pods_token_dies_with_it(cluster: TestCluster) -> None:
    pods = "/api/v1/namespaces/default/pods"
    pod = cluster.request("POST", pods, {"metadata": {"name": "bound"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})[1]
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "bound"}
    refused, why = cluster.request("POST", f"{ACCOUNT}/token", {"spec": {"boundObjectRef": {**reference, "uid": "other"}}})
    assert (refused, "does not match the UID in record" in why["message"]) == (409, True)
    token = issued(cluster, boundObjectRef={**reference, "uid": pod["metadata"]["uid"]})
    assert ask(cluster, token, WHOAMI, {})[1]["status"]["userInfo"]["extra"]["authentication.kubernetes.io/pod-name"] == ["bound"]
    cluster.request("DELETE", f"{pods}/bound?gracePeriodSeconds=0")
    assert ask(cluster, token, WHOAMI, {})[0] == 401


def test_a_deleted_account_s_token_is_nobody_s(cluster: TestCluster) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    cluster.request("POST", accounts, {"metadata": {"name": "brief"}})
    token = issued(cluster, f"{accounts}/brief")
    assert ask(cluster, token, WHOAMI, {})[0] == 201
    cluster.request("DELETE", f"{accounts}/brief")
    cluster.request("POST", accounts, {"metadata": {"name": "brief"}})
    assert ask(cluster, token, WHOAMI, {})[0] == 401


@pytest.mark.parametrize(("issue", "review", "good"), [({}, {}, True), ({"audiences": ["vault"]}, {}, False),
                                                       ({"audiences": ["vault"]}, {"audiences": ["vault", "x"]}, True)])
def test_reviews_tell_whose_a_token_is_and_for_whom(cluster: TestCluster, issue: dict[str, Any], review: dict[str, Any], good: bool) -> None:
    code, answer = cluster.request("POST", REVIEWS, {"spec": {"token": issued(cluster, **issue), **review}})
    assert (code, answer["status"].get("authenticated", False)) == (201, good)
    if review:
        assert answer["status"]["audiences"] == ["vault"]


def test_another_audience_s_token_is_refused(cluster: TestCluster) -> None:
    assert ask(cluster, issued(cluster, audiences=["vault"]), "/api/v1/namespaces")[0] == 401


def test_others_find_the_keys(cluster: TestCluster) -> None:
    token = issued(cluster)
    code, found = ask(cluster, token, "/.well-known/openid-configuration")
    assert (code, found["issuer"]) == (200, "https://kubernetes.default.svc.cluster.local")
    code, keys = ask(cluster, token, "/" + found["jwks_uri"].split("/", 3)[3])
    assert (code, [key["alg"] for key in keys["keys"]]) == (200, ["ES256"])
