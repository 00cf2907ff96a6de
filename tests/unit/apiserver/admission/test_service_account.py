"""Pods find a token of their account where clients look for one."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apiserver.admission.service_account import ROOT_CA, TOKEN_DIRECTORY, ServiceAccount
from apiserver.registry.attributes import Attributes, Document
from kubeapi import errors
from kubeapi.catalog import by_plural
from tests.unit.apiserver.admission.test_admission import FakeObjects
from tests.virtualtime import VirtualWorld

Spec = dict[str, Any]


def admitted(spec: Spec, *, account: Document | None = None, mounts_tokens: bool = True) -> Spec:
    document = {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"containers": [{"name": "c"}], **spec}}
    objects = FakeObjects(("", "serviceaccounts", {"metadata": {"name": "default", "namespace": "ns"}, **(account or {})}))
    plugin = ServiceAccount(objects, mounts_tokens=mounts_tokens, world=VirtualWorld(1))
    asyncio.run(plugin.admit(Attributes("CREATE", by_plural("", "pods"), "ns", "p", obj=document)))
    return dict(document["spec"])


def mounts(spec: Spec) -> list[list[str]]:
    return [[mount["mountPath"] for mount in one.get("volumeMounts", ())] for one in [*spec.get("initContainers", ()), *spec["containers"]]]


def test_every_container_mounts_a_volume_with_token_authority_and_namespace() -> None:
    spec = admitted({"initContainers": [{"name": "i"}], "containers": [{"name": "a", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}, {"name": "b"}]})
    assert mounts(spec) == [[TOKEN_DIRECTORY], ["/v", TOKEN_DIRECTORY], [TOKEN_DIRECTORY]]
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-") and len(volume["name"]) == len("kube-api-access-") + 5
    token, authority, namespace = volume["projected"]["sources"]
    assert token["serviceAccountToken"] == {"expirationSeconds": 3607, "path": "token"}
    assert authority["configMap"] == {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    assert namespace["downwardAPI"]["items"][0]["fieldRef"] == {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    assert {mount["name"] for one in spec["containers"] for mount in one["volumeMounts"]} == {"v", volume["name"]}


@pytest.mark.parametrize(("own", "accounts", "mounted"), [
    (None, None, True), (None, False, False), (None, True, True), (False, None, False), (False, True, False), (True, False, True)])
def test_the_pod_decides_before_its_account(own: bool | None, accounts: bool | None, mounted: bool) -> None:
    spec = admitted({} if own is None else {"automountServiceAccountToken": own},
                    account={} if accounts is None else {"automountServiceAccountToken": accounts})
    assert mounts(spec) == [[TOKEN_DIRECTORY] if mounted else []]
    assert ("volumes" in spec) is mounted


def test_a_container_that_mounts_something_there_is_left_alone() -> None:
    own = {"name": "mine", "mountPath": TOKEN_DIRECTORY}
    spec = admitted({"containers": [{"name": "a", "volumeMounts": [own]}], "volumes": [{"name": "mine", "emptyDir": {}}]})
    assert (spec["containers"][0]["volumeMounts"], [one["name"] for one in spec["volumes"]]) == ([own], ["mine"])


def test_a_server_that_issues_no_tokens_mounts_none() -> None:
    assert mounts(admitted({}, mounts_tokens=False)) == [[]]


def a_picture(**spec: Any) -> Document:
    return {"metadata": {"name": "m", "namespace": "ns", "annotations": {"kubernetes.io/config.mirror": "x"}}, "spec": {"containers": [{"name": "c"}], **spec}}


@pytest.mark.parametrize(("spec", "why"), [
    ({}, ""), ({"volumes": [{"name": "v", "configMap": {"name": "c"}}]}, ""),
    ({"serviceAccountName": "robot"}, "a mirror pod may not reference service accounts"),
    ({"serviceAccount": "robot"}, "a mirror pod may not reference service accounts"),
    ({"imagePullSecrets": [{"name": "s"}]}, "a mirror pod may not reference secrets"),
    ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "a mirror pod may not reference secrets"),
    ({"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}]}, "a mirror pod may not reference secrets"),
    ({"initContainers": [{"name": "i", "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]},
     "a mirror pod may not reference secrets"),
    ({"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s"}}]}]}, "a mirror pod may not reference secrets"),
    ({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
     "a mirror pod may not use ServiceAccountToken volume projections"),
], ids=["plain", "config map", "account", "by its former name", "pull secret", "volume", "projected", "variable", "all variables", "token"])
def test_a_picture_of_a_pod_has_no_account_and_no_secrets(spec: Spec, why: str) -> None:
    document = a_picture(**spec)
    before = dict(document["spec"])
    told = ""
    try:
        asyncio.run(ServiceAccount(FakeObjects(), mounts_tokens=True).admit(Attributes("CREATE", by_plural("", "pods"), "ns", "m", obj=document)))
    except errors.Forbidden as error:
        told = error.message
    assert told == (f'pods "m" is forbidden: {why}' if why else "")
    assert document["spec"] == before
