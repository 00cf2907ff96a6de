from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from kubeapi.catalog import by_plural
from kubeapi.errors import (
    AlreadyExists,
    ApiStatusError,
    Conflict,
    Expired,
    InternalError,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from kubeapi.generated.models.apps_v1 import Deployment
from kubeapi.generated.models.core_v1 import ConfigMap, Node, Pod
from kubeclient.causes import HEADER, Cause, Causes, because_of
from kubeclient.client import REQUEST_SECONDS, REQUESTS_AT_ONCE, TRIES, Client
from kubeclient.fakeserver import Hangs
from kubeclient.testing import Action, FakeClient, create, delete, delete_collection, patch, update, update_status
from kubeclient.transport import TransportError
from tests.unit.kubeclient.objects import a_config, a_fake, a_key, a_pod
from tests.virtualtime import run

NODE = Node.from_wire({"metadata": {"name": "n1"}})
Verb = Callable[[Client], Awaitable[object]]


def later(seconds: int) -> dict[str, int]:
    return {"retryAfterSeconds": seconds}


@pytest.mark.parametrize(("call", "method", "path"), [
    pytest.param(lambda c: c.resource(Pod, "x").get("a"), "GET", "/api/v1/namespaces/x/pods/a", id="core"),
    pytest.param(lambda c: c.resource(Deployment, "x").get("a"), "GET", "/apis/apps/v1/namespaces/x/deployments/a", id="group"),
    pytest.param(lambda c: c.resource(Node).get("a"), "GET", "/api/v1/nodes/a", id="cluster scope"),
    pytest.param(lambda c: c.resource(Node, "x").get("a"), "GET", "/api/v1/nodes/a", id="a namespace means nothing there"),
    pytest.param(lambda c: c.resource(Pod).list(), "GET", "/api/v1/pods", id="all namespaces"),
    pytest.param(lambda c: c.resource(Pod, "x").list(label_selector="a in (b,c)", limit=5), "GET",
                 "/api/v1/namespaces/x/pods?labelSelector=a+in+%28b%2Cc%29&limit=5", id="selectors are encoded"),
    pytest.param(lambda c: c.resource(Pod, "x").in_namespace("y").get("a"), "GET", "/api/v1/namespaces/y/pods/a", id="in_namespace"),
    pytest.param(lambda c: c.resource(Pod, "x").get("a/b?c"), "GET", "/api/v1/namespaces/x/pods/a%2Fb%3Fc", id="names are encoded"),
    pytest.param(lambda c: c.resource(Pod).create(a_pod("b")), "POST", "/api/v1/namespaces/default/pods", id="namespace of the object"),
    pytest.param(lambda c: c.documents(by_plural("", "pods"), namespace="x").get("a"), "GET", "/api/v1/namespaces/x/pods/a", id="documents"),
    pytest.param(lambda c: c.resource(Pod, "default").delete("a"), "DELETE", "/api/v1/namespaces/default/pods/a", id="delete"),
    pytest.param(lambda c: c.resource(Pod, "default").patch("a", {}, subresource="status", fieldManager="me"), "PATCH",
                 "/api/v1/namespaces/default/pods/a/status?fieldManager=me", id="patch parameters"),
])
def test_a_verb_has_its_path(call: Verb, method: str, path: str) -> None:
    fake = a_fake(a_pod())

    async def scenario() -> None:
        with suppress(NotFound):
            await call(fake)
    run(scenario())
    assert [(one.method, one.path) for one in fake.server.requests] == [(method, path)]


def test_what_is_written_is_read_back() -> None:
    fake = a_fake()

    async def scenario() -> None:
        configs = fake.resource(ConfigMap, "default")
        created = await configs.create(a_config(x="1"))
        assert created.metadata.uid
        changed = await configs.update(created.evolve(data={"x": "2"}))
        assert (await configs.get("a")).data == {"x": "2"}
        with pytest.raises(Conflict):
            await configs.update(created)
        with pytest.raises(AlreadyExists):
            await configs.create(a_config())
        patched = await configs.patch("a", {"data": {"y": "3"}})
        assert patched.data == {"x": "2", "y": "3"}
        assert int(patched.metadata.resource_version) > int(changed.metadata.resource_version)
        await configs.delete("a")
        with pytest.raises(NotFound):
            await configs.get("a")
    run(scenario())
    assert fake.actions == [create("configmaps"), update("configmaps"), update("configmaps"), create("configmaps"),
                            patch("configmaps"), delete("configmaps")]


def test_status_is_written_through_its_subresource_only() -> None:
    fake = a_fake(a_pod())

    async def scenario() -> None:
        pods = fake.resource(Pod, "default")
        pod = await pods.get("a")
        running = pod.evolve(status=pod.status.evolve(phase="Running"))
        assert (await pods.update(running)).status.phase == "Pending"
        assert (await pods.update_status(running)).status.phase == "Running"
    run(scenario())
    assert fake.actions == [update("pods"), update_status("pods")]


def test_preconditions_hold() -> None:
    fake = a_fake(a_pod())

    async def scenario() -> None:
        with pytest.raises(Conflict):
            await fake.resource(Pod, "default").delete("a", uid="another", grace_period_seconds=0)
    run(scenario())
    assert fake.writes[0].body == {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "another"}, "gracePeriodSeconds": 0}


def test_a_subresource_is_created_below_its_object() -> None:
    fake = a_fake(a_pod())

    async def scenario() -> None:
        await fake.resource(Pod, "default").create_subresource("a", "binding", {"target": {"name": "n1"}})
    run(scenario())
    assert fake.actions == [Action("create", "pods/binding")]
    pod = fake.find(Pod, "a", "default")
    assert pod is not None and pod.spec.node_name == "n1"


def test_a_collection_is_deleted_by_selector() -> None:
    fake = a_fake(a_pod("a", labels={"app": "x"}), a_pod("b"))
    run(fake.resource(Pod, "default").delete_collection(label_selector="app=x"))
    assert fake.actions == [delete_collection("pods")]
    assert [pod.metadata.name for pod in fake.all(Pod)] == ["b"]


def test_a_list_comes_in_pages() -> None:
    fake = a_fake(*(a_pod(name) for name in "abcde"))

    async def scenario() -> list[list[str]]:
        pods, pages, token = fake.resource(Pod), [], ""
        while True:
            page = await pods.list(limit=2, continue_=token)
            pages.append([pod.metadata.name for pod in page.items])
            if not (token := page.continue_):
                return pages
    assert run(scenario()) == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("error", [
    pytest.param(TooManyRequests("slow down", details=later(3)), id="429"),
    pytest.param(ServiceUnavailable("starting", details=later(3)), id="503"),
    pytest.param(InternalError("hiccup", details=later(3)), id="500 that names a time"),
])
def test_a_refusal_that_names_a_time_is_tried_again_then(error: ApiStatusError) -> None:
    async def scenario() -> float:
        fake = a_fake(a_pod())
        fake.server.fail("get", "pods", error, error)
        await fake.resource(Pod, "default").get("a")
        return asyncio.get_running_loop().time()
    assert run(scenario()) == 6


def test_it_gives_up_after_some_tries() -> None:
    async def scenario() -> FakeClient:
        fake = a_fake(a_pod())
        fake.server.fail("get", "pods", *[TooManyRequests("slow down", details=later(1))] * 100)
        with pytest.raises(TooManyRequests):
            await fake.resource(Pod, "default").get("a")
        return fake
    assert len(run(scenario()).server.requests) == TRIES


def test_a_refusal_that_names_no_time_is_raised_at_once() -> None:
    async def scenario() -> FakeClient:
        fake = a_fake(a_pod())
        fake.server.fail("get", "pods", ServiceUnavailable("down"))
        with pytest.raises(ServiceUnavailable, match="down"):
            await fake.resource(Pod, "default").get("a")
        return fake
    assert len(run(scenario()).server.requests) == 1


@pytest.mark.parametrize("verb", ["get", "watch"])
def test_a_server_that_never_answers_is_given_up(verb: str) -> None:
    async def scenario() -> float:
        fake = a_fake(a_pod())
        fake.server.fail(verb, "pods", Hangs())
        pods = fake.resource(Pod, "default")
        with pytest.raises(TimeoutError):
            if verb == "get":
                await pods.get("a")
            else:
                async with pods.watch():
                    pass
        return asyncio.get_running_loop().time()
    assert run(scenario()) == REQUEST_SECONDS


def test_a_watch_that_has_begun_has_no_deadline() -> None:
    async def scenario() -> str:
        fake = a_fake()
        async with asyncio.TaskGroup() as group, fake.resource(Pod).watch() as events:
            async def later_on() -> None:
                await asyncio.sleep(3600)
                fake.add(a_pod())
            group.create_task(later_on())
            event = await anext(events)
            return f"{event.type} {event.object.metadata.name}"
    assert run(scenario()) == "ADDED a"


def test_an_error_event_is_raised() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod("a"), a_pod("b"))
        fake.server.expire_watches()
        async with fake.resource(Pod).watch(resource_version="1") as events:
            await anext(events)
    with pytest.raises(Expired):
        run(scenario())


def test_a_server_not_reached_is_a_transport_error() -> None:
    fake = a_fake()
    fake.server.is_down = True
    with pytest.raises(TransportError):
        run(fake.resource(Pod).list())


def test_causes_go_along_with_writes_and_not_with_reads() -> None:
    fake = a_fake(a_pod())

    async def scenario() -> None:
        pods = fake.resource(Pod, "default")
        with because_of(Causes.of(Cause("MODIFIED", "replicasets", a_key("web"), "42"))):
            await pods.get("a")
            await pods.patch("a", {})
        await pods.patch("a", {})
    run(scenario())
    assert [one.headers.get(HEADER) for one in fake.server.requests] == [None, "MODIFIED replicasets default/web@42", None]


def test_of_many_requests_a_few_are_under_way_at_once_and_none_gives_up_waiting() -> None:
    fake = a_fake(a_pod())
    fake.server.latency_seconds = REQUEST_SECONDS - 1

    async def scenario() -> float:
        async with asyncio.TaskGroup() as group:
            for _ in range(3 * REQUESTS_AT_ONCE):
                group.create_task(fake.resource(Pod, "default").get("a"))
        return asyncio.get_running_loop().time()

    assert run(scenario()) == 3 * (REQUEST_SECONDS - 1)


def test_what_cannot_wait_does_not_wait_behind_many_others() -> None:
    fake = a_fake(a_pod())
    fake.server.latency_seconds = 1.0

    async def scenario() -> float:
        async with asyncio.TaskGroup() as group:
            for _ in range(3 * REQUESTS_AT_ONCE):
                group.create_task(fake.resource(Pod, "default").get("a"))
            await asyncio.sleep(0)
            await fake.apart().resource(Pod, "default").get("a")
            return asyncio.get_running_loop().time()

    assert run(scenario()) == 1
