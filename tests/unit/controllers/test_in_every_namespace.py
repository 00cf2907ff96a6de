"""What every namespace has, made again whenever it is lost: the ServiceAccount `default` and the ConfigMap kube-root-ca.crt."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from controllers.rootca import read_bundle, root_ca_publisher
from controllers.serviceaccount import service_account_controller
from kubeapi import errors
from kubeapi.generated.models.core_v1 import ConfigMap, Namespace, ServiceAccount
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient, create, update
from tests.unit.controllers.harness import running
from tests.virtualtime import VirtualWorld, run

BUNDLE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
KINDS = [pytest.param(ServiceAccount, "serviceaccounts", "default", id="ServiceAccount"),
         pytest.param(ConfigMap, "configmaps", "kube-root-ca.crt", id="root CA")]


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [service_account_controller(client, factory), root_ca_publisher(client, factory, BUNDLE)]


def a_namespace(name: str = "default", **fields: Any) -> Namespace:
    meta = fields.pop("metadata", {})
    return Namespace.from_wire({"metadata": {"name": name, **meta}, **fields})


def steps(fake: FakeClient, world: VirtualWorld, *changes: Any) -> None:
    async def scenario() -> None:
        async with running(fake, world, make):
            await asyncio.sleep(5)
            for one in changes:
                one()
                await asyncio.sleep(5)

    run(scenario())


def a_fake(*objects: Any) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*objects, world=world), world


@pytest.mark.parametrize(("model", "plural", "name"), KINDS)
def test_every_namespace_has_one(model: Any, plural: str, name: str) -> None:
    fake, world = a_fake(a_namespace("a"), a_namespace("b"))
    steps(fake, world, lambda: fake.add(a_namespace("c")))
    assert sorted((one.metadata.namespace, one.metadata.name) for one in fake.all(model)) == [("a", name), ("b", name), ("c", name)]
    assert [one for one in fake.actions if one.resource == plural] == [create(plural)] * 3


@pytest.mark.parametrize(("model", "plural", "name"), KINDS)
def test_a_lost_one_is_made_again(model: Any, plural: str, name: str) -> None:
    fake, world = a_fake(a_namespace())
    steps(fake, world, lambda: fake.remove(fake.all(model)[0]))
    assert [one for one in fake.actions if one.resource == plural] == [create(plural)] * 2
    assert len(fake.all(model)) == 1


@pytest.mark.parametrize(("model", "plural", "name"), KINDS)
@pytest.mark.parametrize("namespace", [
    pytest.param(a_namespace(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), id="deleted"),
    pytest.param(a_namespace(status={"phase": "Terminating"}), id="Terminating"),
])
def test_a_namespace_that_goes_gets_none(model: Any, plural: str, name: str, namespace: Namespace) -> None:
    fake, world = a_fake(namespace)
    steps(fake, world)
    assert fake.all(model) == []


@pytest.mark.parametrize(("model", "plural", "name"), KINDS)
@pytest.mark.parametrize("refusal", [
    pytest.param(errors.forbidden("it", "", "", "the namespace is being terminated"), id="the namespace is going"),
    pytest.param(errors.not_found("namespaces", "", "default"), id="the namespace is gone"),
    pytest.param(errors.already_exists("it", "", "it"), id="it is there already"),
])
def test_a_refusal_that_time_solves_is_not_tried_again(model: Any, plural: str, name: str, refusal: Exception) -> None:
    fake, world = a_fake(a_namespace())
    fake.server.fail("create", plural, refusal)
    steps(fake, world)
    assert fake.all(model) == []


@pytest.mark.parametrize(("model", "plural", "name"), KINDS)
def test_a_failure_is_tried_again(model: Any, plural: str, name: str) -> None:
    fake, world = a_fake(a_namespace())
    fake.server.fail("create", plural, errors.InternalError("it broke"))
    steps(fake, world)
    assert len(fake.all(model)) == 1


def test_the_root_ca_says_what_it_is() -> None:
    fake, world = a_fake(a_namespace())
    steps(fake, world)
    (found,) = fake.all(ConfigMap)
    assert found.data == {"ca.crt": BUNDLE}
    assert found.metadata.annotations["kubernetes.io/description"].startswith("Contains a CA bundle")


@pytest.mark.parametrize("spoilt", [
    pytest.param({"data": {"ca.crt": "other"}}, id="another certificate"),
    pytest.param({"data": {"ca.crt": BUNDLE, "more": "x"}}, id="more than it should hold"),
    pytest.param({"data": {}}, id="nothing"),
    pytest.param({"data": {"ca.crt": BUNDLE}, "metadata": {"annotations": {"mine": "yes"}}}, id="no description"),
])
def test_a_root_ca_that_was_changed_is_put_right(spoilt: dict[str, Any]) -> None:
    there = {"name": "kube-root-ca.crt", "namespace": "default", "annotations": {"kubernetes.io/description": "d", "mine": "yes"}}
    fake, world = a_fake(a_namespace(), ConfigMap.from_wire({**spoilt, "metadata": {**there, **spoilt.get("metadata", {})}}))
    steps(fake, world)
    assert [one for one in fake.actions if one.resource == "configmaps"] == [update("configmaps")]
    (found,) = fake.all(ConfigMap)
    assert found.data == {"ca.crt": BUNDLE}
    assert found.metadata.annotations["mine"] == "yes" and found.metadata.annotations["kubernetes.io/description"]


def test_other_config_maps_are_nobody_s_business() -> None:
    other = ConfigMap.from_wire({"metadata": {"name": "other", "namespace": "default"}, "data": {"a": "b"}})
    fake, world = a_fake(a_namespace(), other)
    steps(fake, world, lambda: fake.add(other.evolve(data={"a": "c"})))
    assert [one for one in fake.actions if one.resource == "configmaps"] == [create("configmaps")]


def test_a_bundle_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")
    with pytest.raises(ValueError, match="error parsing root-ca-file at"):
        read_bundle(str(tmp_path / "ca.crt"))
    (tmp_path / "ca.crt").write_text(BUNDLE)
    assert read_bundle(str(tmp_path / "ca.crt")) == BUNDLE
