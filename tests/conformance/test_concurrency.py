"""Many clients at once, at two API servers, doing random writes on a few objects: nothing is lost, watches are gapless."""
from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kubeapi.catalog import by_plural
from tests.conformance.conftest import APPLY, MERGE, Answer, Api

CONFIG_MAPS = by_plural("", "configmaps")
CLIENTS, STEPS, NAMES = 8, 40, 4
Document = dict[str, Any]


class Client:
    """One thread's writes. Every counter it raised successfully is one more that the object has to show, and what it wrote last
    to the two fields that only it writes is what they hold."""

    def __init__(self, api: Api, number: int, seed: int) -> None:
        self.api, self.number = api, number
        self.chance = random.Random(f"{seed}/{number}")
        self.raised: dict[str, int] = {}            # uid -> how often this client raised that object's counter
        self.own: dict[str, Document] = {}          # uid -> the fields that only this client writes
        self.faults: list[str] = []

    def run(self) -> None:
        for _ in range(STEPS):
            name = f"model-{self.chance.randrange(NAMES)}"
            self.chance.choices((self.create, self.update, self.patch, self.apply, self.delete), (2, 6, 3, 2, 1))[0](name)

    def expect(self, answer: Answer, *codes: int) -> bool:
        if answer.code not in (200, 201, *codes):
            self.faults.append(f"{answer.code}: {answer.raw[:300]!r}")
        return answer.code in (200, 201)

    def create(self, name: str) -> None:
        body = {"metadata": {"name": name, "labels": {"model": "1"}}, "data": {"count": "0"}}
        self.expect(self.api.ask("POST", self.api.path(CONFIG_MAPS), body), 409)

    def update(self, name: str) -> None:
        """Read, add one, write under the version that was read: a lost update would lose a count."""
        found = self.api.get(CONFIG_MAPS, name)
        if not self.expect(found, 404):
            return
        document = found.document
        document["data"]["count"] = str(_count(document) + 1)
        written = self.api.ask("PUT", self.api.path(CONFIG_MAPS, name), document)
        if self.expect(written, 404, 409):
            uid = document["metadata"]["uid"]
            self.raised[uid] = self.raised.get(uid, 0) + 1

    def patch(self, name: str) -> None:
        data = {f"by-{self.number}": str(self.chance.random())}
        self.write_own(self.api.ask("PATCH", self.api.path(CONFIG_MAPS, name), {"data": data}, MERGE), data, 404)

    def apply(self, name: str) -> None:
        data = {f"applied-{self.number}": str(self.chance.random())}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"model": "1"}}, "data": data}
        self.write_own(self.api.ask("PATCH", self.api.path(CONFIG_MAPS, name, fieldManager=f"m{self.number}"), config, APPLY), data, 409)

    def write_own(self, answer: Answer, data: Document, *codes: int) -> None:
        if self.expect(answer, *codes):
            self.own.setdefault(answer.metadata["uid"], {}).update(data)

    def delete(self, name: str) -> None:
        self.expect(self.api.ask("DELETE", self.api.path(CONFIG_MAPS, name)), 404)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_update_is_lost_and_watches_show_every_change(api: Api, other: Api, seed: int) -> None:
    start = api.ask("GET", api.path(CONFIG_MAPS)).metadata["resourceVersion"]
    clients = [Client(Api((api, other)[number % 2]._connect, api.namespace), number, seed) for number in range(CLIENTS)]
    _together([client.run for client in clients])
    assert not [fault for client in clients for fault in client.faults], f"seed {seed}"
    for client in clients:
        client.api.close()
    api.make(CONFIG_MAPS, f"end-{seed}", labels={"model": "1"})
    histories = [_history(one, start, f"end-{seed}") for one in (api, other)]
    assert histories[0] == histories[1], f"seed {seed}: the servers show different histories"
    last = _checked(histories[0])
    listed = api.ask("GET", api.path(CONFIG_MAPS, labelSelector="model=1")).document["items"]
    assert {one["metadata"]["name"]: one["data"] for one in listed if "data" in one and one["metadata"]["name"].startswith("model-")} == last
    counts = _highest_counts(histories[0])
    for uid, count in counts.items():
        assert count == sum(client.raised.get(uid, 0) for client in clients), f"seed {seed}: an update of {uid} was lost"
    shown = {event["object"]["metadata"]["uid"]: event["object"]["data"] for event in histories[0]}
    for uid, own in ((uid, own) for client in clients for uid, own in client.own.items()):
        assert own.items() <= shown[uid].items(), f"seed {seed}: a patch or an apply of {uid} was lost"
    for name in (f"model-{number}" for number in range(NAMES)):
        api.ask("DELETE", api.path(CONFIG_MAPS, name))


def _together(functions: list[Callable[[], None]]) -> None:
    faults: list[BaseException] = []

    def guarded(function: Callable[[], None]) -> None:
        try:
            function()
        except (AssertionError, KeyError, OSError, http.client.HTTPException) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults, faults


def _history(api: Api, start: str, end: str) -> list[Document]:
    events: list[Document] = []
    with api.watching(api.path(CONFIG_MAPS, resourceVersion=start, labelSelector="model=1")) as watch:
        for event in watch:
            if event["object"]["metadata"]["name"] == end:
                return events
            events.append(event)
    raise AssertionError("the watch ended before its time")


def _checked(history: list[Document]) -> dict[str, Document]:
    """The state that the events lead to; each must follow from the one before."""
    state: dict[str, Document] = {}
    version = 0
    for event in history:
        found = event["object"]
        name, now = found["metadata"]["name"], int(found["metadata"]["resourceVersion"])
        assert now > version, "events are not in the order of their versions"
        version = now
        if event["type"] == "ADDED":
            assert name not in state, f"{name} was added twice"
        else:
            assert state[name]["metadata"]["uid"] == found["metadata"]["uid"], f"{name} changed its identity without an end"
        if event["type"] == "DELETED":
            del state[name]
        else:
            state[name] = found
    return {name: one["data"] for name, one in state.items()}


def _highest_counts(history: list[Document]) -> dict[str, int]:
    found: dict[str, int] = {}
    for event in history:
        uid, count = event["object"]["metadata"]["uid"], _count(event["object"])
        assert count - found.get(uid, 0) in (0, 1), "a count went back or skipped: a write was overwritten"
        found[uid] = count
    return found


def _count(config_map: Document) -> int:
    """An object that an apply made has no counter yet."""
    return int(config_map["data"].get("count", "0"))
