"""Who may do what in a whole cluster: pods' accounts, users, nodes, whoever joins; and what the system needs goes on."""
from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from picokube.certificates import Authority, Wanted
from tests.cluster import TestCluster, running_cluster

Document = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS, SECRETS = "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/secrets"
READER = {"metadata": {"name": "reader"}, "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]}


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", name="authz") as cluster:
        yield cluster


class Asker:
    """Somebody with a certificate, a token or nothing."""

    def __init__(self, cluster: TestCluster, pair: Path | None = None, **headers: str) -> None:
        self._port = cluster.cluster.settings.port
        self._context = ssl.create_default_context(cafile=str(cluster.cluster.pki / "ca.crt"))
        if pair is not None:
            self._context.load_cert_chain(pair)
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def ask(self, method: str, path: str, body: Document | None = None, media: str = "application/json") -> tuple[int, Document]:
        api = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=60, context=self._context)
        try:
            api.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": media, **self._headers})
            answer = api.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if "json" in (answer.headers["content-type"] or "") else {"text": data.decode()}
        finally:
            api.close()


@pytest.fixture
def certified(cluster: TestCluster, tmp_path: Path) -> Any:
    def make(user: str, *groups: str) -> Asker:
        pair = Authority(cluster.cluster.pki).issue(f"test-{user}", Wanted(user, groups, is_client=True))
        path = tmp_path / "pair.pem"
        path.write_bytes(pair.certificate_pem + pair.key_pem)
        return Asker(cluster, path)
    return make


def account(cluster: TestCluster, namespace: str = "default", name: str = "default") -> Asker:
    code, made = cluster.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", {})
    assert code == 201, made
    return Asker(cluster, Authorization=f"Bearer {made['status']['token']}")


def made(cluster: TestCluster, path: str, body: Document) -> None:
    code, answer = cluster.request("POST", path, body)
    assert code in (201, 409), answer


def a_binding(name: str, role: str, *subjects: Document) -> Document:
    return {"metadata": {"name": name}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": list(subjects)}


def test_a_pod_s_account_may_nothing_until_it_is_given_something(cluster: TestCluster) -> None:
    robot = account(cluster)
    code, refused = robot.ask("GET", PODS)
    assert (code, refused["reason"]) == (403, "Forbidden")
    assert refused["message"] == ('pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" '
                                  'in the namespace "default"')
    made(cluster, f"{RBAC}/clusterroles", READER)
    made(cluster, f"{RBAC}/namespaces/default/rolebindings", a_binding("robot", "reader", {"kind": "ServiceAccount", "name": "default", "namespace": "default"}))
    assert robot.ask("GET", PODS)[0] == 200
    assert robot.ask("POST", PODS, {"metadata": {"name": "x"}})[0] == 403
    assert robot.ask("GET", "/api/v1/namespaces/kube-system/pods")[0] == 403
    assert robot.ask("GET", "/api/v1/pods")[0] == 403
    assert cluster.request("DELETE", f"{RBAC}/namespaces/default/rolebindings/robot")[0] == 200
    assert robot.ask("POST", PODS, {})[0] == 403


@pytest.mark.parametrize(("path", "code", "words"), [
    ("/version", 200, ""), ("/readyz", 200, ""), ("/healthz/etcd", 403, 'forbidden: User "system:anonymous" cannot get path "/healthz/etcd"'),
    ("/api", 403, 'User "system:anonymous" cannot get path "/api"'), ("/foo", 403, 'User "system:anonymous" cannot get path "/foo"'),
    (PODS, 403, 'pods is forbidden: User "system:anonymous" cannot list resource "pods"'), ("/apis/none.io/v1/things", 403, "things.none.io is forbidden")])
def test_nobody_in_particular(cluster: TestCluster, path: str, code: int, words: str) -> None:
    found, answer = Asker(cluster).ask("GET", path)
    assert (found, words in answer.get("message", "")) == (code, True), answer


def test_a_user_discovers_and_asks_what_it_may(cluster: TestCluster, certified: Any) -> None:
    jane = certified("jane", "devs")
    assert jane.ask("GET", "/apis/apps/v1")[0] == 200
    assert jane.ask("GET", "/openapi/v3")[0] == 200
    assert jane.ask("GET", "/metrics")[0] == 403
    made(cluster, f"{RBAC}/clusterroles", READER)
    made(cluster, f"{RBAC}/namespaces/default/rolebindings", a_binding("devs", "reader", {"kind": "Group", "name": "devs"}))
    reviews = "/apis/authorization.k8s.io/v1"
    for verb, allowed in (("list", True), ("delete", False)):
        code, review = jane.ask("POST", f"{reviews}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": {
            "verb": verb, "resource": "pods", "namespace": "default"}}})
        assert (code, review["status"]["allowed"]) == (201, allowed)
    code, review = jane.ask("POST", f"{reviews}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}})
    assert READER["rules"][0] in review["status"]["resourceRules"]      # type: ignore[index]
    assert review["status"]["incomplete"] is False
    spec = {"user": "jane", "groups": ["devs"], "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
    assert jane.ask("POST", f"{reviews}/subjectaccessreviews", {"spec": spec})[0] == 403
    for path, namespace in (("subjectaccessreviews", ""), ("namespaces/default/localsubjectaccessreviews", "default")):
        code, review = cluster.request("POST", f"{reviews}/{path}", {"metadata": {"namespace": namespace}, "spec": spec})
        assert (code, review["status"]) == (201, {"allowed": True, "reason":
                                                  'RBAC: allowed by RoleBinding "devs/default" of ClusterRole "reader" to Group "devs"'})
    code, review = cluster.request("POST", f"{reviews}/namespaces/kube-system/localsubjectaccessreviews", {"spec": spec})
    assert (code, review["reason"]) == (422, "Invalid")


def test_view_sees_no_secrets_and_admin_gives_what_it_has(cluster: TestCluster, certified: Any) -> None:
    cluster.until(f"{RBAC}/clusterroles?fieldSelector=metadata.name%3Dadmin", lambda role: len(role["rules"]) > 10)
    jane = {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}
    made(cluster, f"{RBAC}/namespaces/kube-public/rolebindings", a_binding("boss", "admin", {**jane, "name": "boss"}))
    boss, path = certified("boss"), f"{RBAC}/namespaces/kube-public/rolebindings"
    assert boss.ask("POST", path, a_binding("jane", "view", jane))[0] == 201
    code, refused = boss.ask("POST", path, a_binding("more", "cluster-admin", jane))
    assert code == 403
    assert 'user "boss" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:' in refused["message"]
    looks = certified("jane")
    assert looks.ask("GET", "/api/v1/namespaces/kube-public/configmaps")[0] == 200
    assert looks.ask("GET", "/api/v1/namespaces/kube-public/secrets")[0] == 403
    assert looks.ask("GET", "/api/v1/namespaces/kube-public")[0] == 200


def test_whoever_impersonates_is_taken_for_who_they_say(cluster: TestCluster, certified: Any, tmp_path: Path) -> None:
    code, refused = Asker(cluster, certified("jane") and tmp_path / "pair.pem", Impersonate_User="system:admin").ask("GET", PODS)
    assert (code, refused["message"].startswith('users "system:admin" is forbidden: User "jane" cannot impersonate resource "users"')) == (403, True)
    certified("root", "system:masters")
    as_jane = Asker(cluster, tmp_path / "pair.pem", Impersonate_User="mary", Impersonate_Group="readers")
    code, review = as_jane.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert review["status"]["userInfo"] == {"username": "mary", "groups": ["readers", "system:authenticated"]}
    assert as_jane.ask("GET", SECRETS)[0] == 403


def test_a_kubelet_has_what_its_pods_need(cluster: TestCluster, certified: Any) -> None:
    made(cluster, SECRETS, {"metadata": {"name": "mine"}})
    made(cluster, SECRETS, {"metadata": {"name": "theirs"}})
    spec = {"nodeName": "other", "containers": [{"name": "c", "image": "i"}], "volumes": [{"name": "v", "secret": {"secretName": "mine"}}]}
    code, pod = cluster.request("POST", PODS, {"metadata": {"name": "of-other"}, "spec": spec})
    assert code == 201, pod
    kubelet = certified("system:node:other", "system:nodes")
    assert kubelet.ask("GET", f"{SECRETS}/mine")[0] == 200
    code, refused = kubelet.ask("GET", f"{SECRETS}/theirs")
    assert (code, refused["message"].endswith("no relationship found between node 'other' and this object")) == (403, True), refused
    assert kubelet.ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dother")[0] == 200
    assert kubelet.ask("GET", "/api/v1/pods")[0] == 403
    assert kubelet.ask("GET", "/api/v1/nodes")[0] == 200
    assert kubelet.ask("POST", "/api/v1/nodes", {"metadata": {"name": "another"}})[0] == 403
    assert kubelet.ask("POST", "/api/v1/nodes", {"metadata": {"name": "other"}})[0] == 201
    token = "/api/v1/namespaces/default/serviceaccounts/default/token"
    code, refused = kubelet.ask("POST", token, {})
    assert (code, "node requested token not bound to a pod" in refused["message"]) == (403, True)
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "of-other", "uid": pod["metadata"]["uid"]}
    assert kubelet.ask("POST", token, {"spec": {"boundObjectRef": bound}})[0] == 201
    assert kubelet.ask("DELETE", f"{PODS}/of-other?gracePeriodSeconds=0")[0] == 200
    assert kubelet.ask("GET", f"{SECRETS}/mine")[0] == 403


def test_a_kubelet_evicts_its_own_pods_only(cluster: TestCluster, certified: Any) -> None:
    """A disruption budget was charged for what was refused afterwards."""
    code, pod = cluster.request("POST", PODS, {"metadata": {"name": "elsewhere", "labels": {"app": "kept"}},
                                               "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "i"}]}})
    assert code == 201, pod
    code, refused = certified("system:node:evictor", "system:nodes").ask("POST", f"{PODS}/elsewhere/eviction", {"metadata": {"name": "elsewhere"}})
    assert (code, 'node "evictor" can only evict pods with spec.nodeName set to itself' in refused["message"]) == (403, True), refused


def test_an_update_that_creates_is_a_creation_too(cluster: TestCluster, certified: Any) -> None:
    made(cluster, f"{RBAC}/clusterroles", {"metadata": {"name": "updater"}, "rules": [
        {"verbs": ["get", "update", "patch"], "apiGroups": ["", "coordination.k8s.io"], "resources": ["services", "leases"]}]})
    made(cluster, f"{RBAC}/namespaces/default/rolebindings", a_binding("updater", "updater", {"kind": "User", "name": "updater"}))
    updater, path = certified("updater"), "/apis/coordination.k8s.io/v1/namespaces/default/leases/new"
    code, refused = updater.ask("PUT", path, {"metadata": {"name": "new"}})
    assert (code, 'leases.coordination.k8s.io "new" is forbidden: User "updater" cannot create resource "leases"' in refused["message"]) == (403, True), refused
    code, refused = updater.ask("PATCH", f"{path}?fieldManager=m", {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "new"}},
                                "application/apply-patch+yaml")
    assert (code, 'cannot create resource "leases"' in refused["message"]) == (403, True), refused
    assert cluster.request("POST", path.rpartition("/")[0], {"metadata": {"name": "new"}})[0] == 201
    assert updater.ask("PATCH", path, {"spec": {"holderIdentity": "me"}}, "application/merge-patch+json")[0] == 200


def test_to_read_is_not_to_run(cluster: TestCluster, certified: Any) -> None:
    made(cluster, f"{RBAC}/clusterroles", {"metadata": {"name": "looker"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods/exec"]}]})
    made(cluster, f"{RBAC}/namespaces/default/rolebindings", a_binding("looker", "looker", {"kind": "User", "name": "looker"}))
    code, refused = certified("looker").ask("GET", f"{PODS}/x/exec?command=sh")
    assert (code, 'User "looker" cannot create resource "pods/exec"' in refused["message"]) == (403, True), refused


def test_roles_that_are_lost_come_back(cluster: TestCluster) -> None:
    path = f"{RBAC}/clusterroles/system:kube-scheduler"
    uid = cluster.request("GET", path)[1]["metadata"]["uid"]
    assert cluster.request("DELETE", path)[0] == 200
    again = cluster.until(f"{RBAC}/clusterroles?fieldSelector=metadata.name%3Dsystem:kube-scheduler", lambda role: role["metadata"]["uid"] != uid)
    assert again["rules"]
    path = f"{RBAC}/clusterrolebindings/system:discovery"
    binding = cluster.request("GET", path)[1]
    assert cluster.request("PUT", path, {**binding, "subjects": []})[0] == 200
    cluster.until(f"{RBAC}/clusterrolebindings?fieldSelector=metadata.name%3Dsystem:discovery", lambda one: one.get("subjects") == binding["subjects"])


def test_the_system_s_own_parts_are_never_refused(cluster: TestCluster) -> None:
    """The audit has a line for every write: none of the system's was forbidden while pods came and went."""
    made(cluster, "/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "d"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"a": "d"}}, "template": {
            "metadata": {"labels": {"a": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    cluster.until("/apis/apps/v1/namespaces/default/deployments?fieldSelector=metadata.name%3Dd",
                  lambda one: one.get("status", {}).get("readyReplicas") == 2)
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}})[0] == 201
    cluster.until("/api/v1/namespaces/going/serviceaccounts", lambda one: one["metadata"]["name"] == "default")
    assert cluster.request("DELETE", "/api/v1/namespaces/going")[0] == 200
    lines = (cluster.cluster.logs / "apiserver.log").read_text().splitlines()
    refused = [line for line in lines if " audit: 403 " in line and " by system:kube-" in line]
    assert not refused


def test_who_may_decide_about_a_signer_s_requests_approves_them_and_no_others(cluster: TestCluster, certified: Any) -> None:
    requests, signers = "/apis/certificates.k8s.io/v1/certificatesigningrequests", ("example.com/ours", "example.org/theirs")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    request = x509.CertificateSigningRequestBuilder(subject).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    for signer in signers:
        made(cluster, requests, {"metadata": {"name": signer.partition("/")[2]}, "spec": {
            "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(), "signerName": signer, "usages": ["client auth"]}})
    made(cluster, f"{RBAC}/clusterroles", {"metadata": {"name": "decider"}, "rules": [
        {"verbs": ["get", "update", "patch"], "apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval"]},
        {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["example.com/*"]}]})
    made(cluster, f"{RBAC}/clusterrolebindings", a_binding("decider", "decider", {"kind": "User", "name": "dora"}))
    dora, decision = certified("dora"), {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "R"}]}}
    code, approved = dora.ask("PATCH", f"{requests}/ours/approval", decision, "application/merge-patch+json")
    assert code == 200, approved
    code, refused = dora.ask("PATCH", f"{requests}/theirs/approval", decision, "application/merge-patch+json")
    assert (code, refused["message"]) == (403, 'certificatesigningrequests.certificates.k8s.io "theirs" is forbidden: '
                                          'user not permitted to approve requests with signerName "example.org/theirs"')
