from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from apiserver.admission.plugins import UnknownPlugin, chain
from apiserver.registry.attributes import Attributes, Document
from kubeapi import errors
from kubeapi.catalog import by_plural

CIDR = "10.96.0.0/24"


class FakeObjects:
    """Other objects, in a dict."""

    def __init__(self, *documents: tuple[str, str, Document]) -> None:
        self.there = {(group, plural, one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for group, plural, one in documents}

    async def get(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        return self.there.get((group, plural, namespace, name))

    get_live = get

    async def list(self, group: str, plural: str, namespace: str = "") -> Sequence[Document]:
        return [one for key, one in self.there.items() if key[:2] == (group, plural)]

    async def create(self, group: str, plural: str, document: Document) -> Document:
        key = (group, plural, "", document["metadata"]["name"])
        if key in self.there:
            raise errors.already_exists(plural, group, document["metadata"]["name"])
        self.there[key] = document
        return document

    async def delete(self, group: str, plural: str, namespace: str, name: str) -> None:
        self.there.pop((group, plural, namespace, name), None)


DEFAULT = ("", "namespaces", {"metadata": {"name": "default"}})
ACCOUNT = ("", "serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}, "imagePullSecrets": [{"name": "s"}]})


def admitted(objects: FakeObjects, plural: str, document: Document, *, operation: Any = "CREATE", group: str = "",
             old: Document | None = None) -> Attributes:
    meta = document["metadata"]
    attributes = Attributes(operation, by_plural(group, plural), meta.get("namespace", ""), meta.get("name", ""), obj=document, old=old)

    async def run() -> None:
        found = chain(objects, CIDR)
        await found.admit(attributes)
        await found.validate(attributes)

    asyncio.run(run())
    return attributes


def a_pod(**spec: Any) -> Document:
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": dict(spec)}


def a_service(name: str = "s", **spec: Any) -> Document:
    return {"metadata": {"name": name, "namespace": "default", "uid": name}, "spec": {"type": "ClusterIP", **spec}}


def test_nothing_is_created_in_a_namespace_that_is_not_there() -> None:
    with pytest.raises(errors.NotFound, match='namespaces "default" not found'):
        admitted(FakeObjects(), "pods", a_pod())


def test_nothing_is_created_in_a_namespace_that_is_going() -> None:
    going = ("", "namespaces", {"metadata": {"name": "default", "deletionTimestamp": "2024-01-01T00:00:00Z"}})
    with pytest.raises(errors.Forbidden, match="because it is being terminated") as refusal:
        admitted(FakeObjects(going), "configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    assert refusal.value.causes[0]["reason"] == "NamespaceTerminating"


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_the_system_s_namespaces_may_not_be_deleted(name: str) -> None:
    with pytest.raises(errors.Forbidden, match="this namespace may not be deleted"):
        admitted(FakeObjects(), "namespaces", {"metadata": {"name": name}}, operation="DELETE")


def test_a_pod_gets_its_account_tolerations_and_priority() -> None:
    spec = (admitted(FakeObjects(DEFAULT, ACCOUNT), "pods", a_pod()).obj or {})["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    assert spec["imagePullSecrets"] == [{"name": "s"}]
    assert [(one["key"], one["tolerationSeconds"]) for one in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 300), ("node.kubernetes.io/unreachable", 300)]
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")


def test_how_long_it_tolerates_lost_nodes_can_be_chosen() -> None:
    pod = a_pod()
    attributes = Attributes("CREATE", by_plural("", "pods"), "default", "p", obj=pod)
    asyncio.run(chain(FakeObjects(DEFAULT, ACCOUNT), CIDR, toleration_seconds=(7, 5)).admit(attributes))
    assert [(one["key"], one["tolerationSeconds"]) for one in pod["spec"]["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 7), ("node.kubernetes.io/unreachable", 5)]


def test_a_pod_whose_account_is_not_there_is_refused() -> None:
    with pytest.raises(errors.Forbidden, match='error looking up service account default/web: serviceaccount "web" not found'):
        admitted(FakeObjects(DEFAULT), "pods", a_pod(serviceAccountName="web"))


@pytest.mark.parametrize("tolerations", [
    pytest.param([{"operator": "Exists"}], id="tolerates everything"),
    pytest.param([{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
                  {"key": "node.kubernetes.io/unreachable", "operator": "Exists"}], id="says so itself"),
])
def test_tolerations_a_pod_has_are_not_added_again(tolerations: list[Document]) -> None:
    attributes = admitted(FakeObjects(DEFAULT, ACCOUNT), "pods", a_pod(tolerations=tolerations))
    assert (attributes.obj or {})["spec"]["tolerations"] == tolerations


@pytest.mark.parametrize(("spec", "classes", "expected"), [
    pytest.param({"priorityClassName": "high"}, [("high", 1000, False)], 1000, id="named"),
    pytest.param({}, [("base", 7, True), ("high", 1000, False)], 7, id="the default"),
    pytest.param({"priorityClassName": "system-node-critical"}, [], 2_000_001_000, id="the system's, even when lost"),
])
def test_priority_comes_from_the_class(spec: Document, classes: list[tuple[str, int, bool]], expected: int) -> None:
    there = [("scheduling.k8s.io", "priorityclasses", {"metadata": {"name": name}, "value": value, "globalDefault": is_default})
             for name, value, is_default in classes]
    assert (admitted(FakeObjects(DEFAULT, ACCOUNT, *there), "pods", a_pod(**spec)).obj or {})["spec"]["priority"] == expected


@pytest.mark.parametrize(("spec", "told"), [
    pytest.param({"priorityClassName": "x"}, "no PriorityClass with name x was found", id="no such class"),
    pytest.param({"priority": 5}, r"the integer value of priority \(5\) must not be provided", id="a number of one's own"),
])
def test_priorities_that_no_class_gives_are_refused(spec: Document, told: str) -> None:
    with pytest.raises(errors.Forbidden, match=told):
        admitted(FakeObjects(DEFAULT, ACCOUNT), "pods", a_pod(**spec))


def test_services_get_addresses_nobody_else_has() -> None:
    objects = FakeObjects(DEFAULT)
    found = [(admitted(objects, "services", a_service(f"s{n}")).obj or {})["spec"]["clusterIP"] for n in range(254)]
    assert len(set(found)) == 254
    with pytest.raises(errors.InternalError, match="failed to allocate a serviceIP: range is full"):
        admitted(objects, "services", a_service("one-too-many"))


@pytest.mark.parametrize(("spec", "expected"), [
    pytest.param({"clusterIP": "10.96.0.10"}, "10.96.0.10", id="asked for"),
    pytest.param({"clusterIP": "None"}, "None", id="headless"),
    pytest.param({"type": "ExternalName"}, None, id="external name"),
])
def test_an_address_may_be_asked_for_or_not_needed(spec: Document, expected: str | None) -> None:
    assert (admitted(FakeObjects(DEFAULT), "services", a_service(**spec)).obj or {})["spec"].get("clusterIP") == expected


def test_an_address_somebody_has_is_refused() -> None:
    objects = FakeObjects(DEFAULT)
    admitted(objects, "services", a_service("a", clusterIP="10.96.0.10"))
    with pytest.raises(errors.Invalid, match="provided IP is already allocated"):
        admitted(objects, "services", a_service("b", clusterIP="10.96.0.10"))
    with pytest.raises(errors.Invalid, match="is not in the valid range"):
        admitted(objects, "services", a_service("b", clusterIP="10.97.0.10"))


def test_an_address_is_given_back_when_the_write_fails() -> None:
    objects = FakeObjects(DEFAULT)
    attributes = admitted(objects, "services", a_service("a", clusterIP="10.96.0.10"))

    async def undo() -> None:
        for each in attributes.undo:
            await each()

    asyncio.run(undo())
    assert (admitted(objects, "services", a_service("b", clusterIP="10.96.0.10")).obj or {})["spec"]["clusterIP"] == "10.96.0.10"


def test_an_address_is_given_back_with_its_service() -> None:
    objects = FakeObjects(DEFAULT)
    service = admitted(objects, "services", a_service("a", clusterIP="10.96.0.10")).obj
    gone = Attributes("DELETE", by_plural("", "services"), "default", "a", old=service)
    asyncio.run(chain(objects, CIDR).deleted(gone))
    assert not [key for key in objects.there if key[1] == "ipaddresses"]


def test_a_plugin_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(UnknownPlugin, match='admission plugin "Foo" does not exist'):
        chain(FakeObjects(), CIDR, enabled=["Foo"])


class BehindObjects(FakeObjects):
    """Its cache has not yet seen that the namespace is going."""

    async def get_live(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        return {"metadata": {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def test_after_a_deletion_the_store_is_asked_and_not_the_cache() -> None:
    found = chain(BehindObjects(("", "namespaces", {"metadata": {"name": "going"}, "status": {"phase": "Active"}})), CIDR)
    config_map = {"metadata": {"name": "c", "namespace": "going"}}

    async def run() -> None:
        await found.admit(Attributes("CREATE", by_plural("", "configmaps"), "going", "c", obj=config_map))
        await found.admit(Attributes("DELETE", by_plural("", "namespaces"), "", "going"))
        with pytest.raises(errors.Forbidden, match="because it is being terminated"):
            await found.admit(Attributes("CREATE", by_plural("", "configmaps"), "going", "c", obj=config_map))

    asyncio.run(run())
