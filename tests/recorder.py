"""What a client knows while the cluster under it is killed: every write that was acknowledged, every state the watch showed.

A 2xx is recorded with its resourceVersion; a write answered by an error of the server, or by nothing, may or may not have
happened. Each object has one writer, so its possible states follow from the last acknowledged write and the unknown
ones after it. `faults` collects what must never be seen; an empty list is the proof.
"""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from kubeapi import catalog
from kubeapi.errors import ApiStatusError, Expired, Gone
from kubeapi.world import World
from kubeclient.client import PATCH_TYPES, Client, Document, ResourceClient
from kubeclient.transport import Request, Transport, read_all

ANSWER_SECONDS = 60.0
AGAIN_SECONDS = 0.05
ABSENT = -1                 # the state of an object that is not there; all others are the number last written to it
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
ANNOTATION = "recorder"
SLOWLY_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Answer:
    code: int               # 0: the connection was lost, or never made
    document: Document

    @property
    def is_acknowledged(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_unknown(self) -> bool:
        return self.code == 0 or self.code >= 500


class Asking:
    """Requests sent exactly once each: the outcome of every single one matters."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def ask(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Answer:
        headers = {"Accept": "application/json", **({"Content-Type": content_type} if body is not None else {})}
        request = Request(method, path, headers, b"" if body is None else orjson.dumps(body))
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._transport.open(request) as response:
                return Answer(response.status, orjson.loads(await read_all(response)))
        except (ConnectionError, TimeoutError, orjson.JSONDecodeError):
            return Answer(0, {})

    async def insist(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Document:
        """Until it is acknowledged: for writes that may happen twice."""
        while not (answer := await self.ask(method, path, body, content_type)).is_acknowledged:
            assert answer.is_unknown or answer.code in (409, 429), answer
            await asyncio.sleep(AGAIN_SECONDS)
        return answer.document

    async def patch(self, path: str, body: object) -> Answer:
        return await self.ask("PATCH", path, body, PATCH_TYPES["merge"])


# --- what is written

@dataclass(frozen=True, slots=True)
class Written:
    """A sort of object the recorder writes to: where it is, and where its number stands."""

    collection: str
    body: Callable[[str, int], Document]
    change: Callable[[int], Document]               # a merge patch
    number: Callable[[Document], int]
    subresource: str = ""                           # where changes go
    number_at_creation: bool = True
    is_kept: bool = False                           # somebody else's: only ever changed
    pause_seconds: float = 0.02                     # between two writes: others must come to write, too


def _config_map(name: str, number: int) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": str(number)}}


def _ingress(name: str, number: int) -> Document:
    backend = {"service": {"name": "none", "port": {"number": 80}}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": {"defaultBackend": backend}}


def _host(document: Document) -> int:
    hosts = document.get("status", {}).get("loadBalancer", {}).get("ingress") or [{"hostname": "n0"}]
    return int(hosts[0]["hostname"][1:])


DATA = Written(CONFIG_MAPS, _config_map, lambda n: {"data": {"n": str(n)}}, lambda one: int(one["data"]["n"]))
# No controller of Kubernetes itself writes an Ingress: its status is the recorder's alone.
STATUS = Written(INGRESSES, _ingress, lambda n: {"status": {"loadBalancer": {"ingress": [{"hostname": f"n{n}"}]}}}, _host,
                 subresource="/status", number_at_creation=False)


def annotation_of(collection: str) -> Written:
    """An annotation of an object that others write to at the same time."""
    return Written(collection, lambda name, n: {}, lambda n: {"metadata": {"annotations": {ANNOTATION: str(n)}}},
                   lambda one: int(one["metadata"].get("annotations", {}).get(ANNOTATION, "0")), is_kept=True,
                   pause_seconds=SLOWLY_SECONDS)


@dataclass
class History:
    """One object: its possible states now, and the newest revision acknowledged."""

    written: Written
    name: str
    possible: set[int]
    revision: int = 0
    revisions: list[int] = field(default_factory=list)          # every acknowledged one that the watch must have shown

    @property
    def path(self) -> str:
        return f"{self.written.collection}/{self.name}"


class Recorder:
    """Writes for as long as `run` does; `counts` tells how the requests ended."""

    def __init__(self, transport: Transport, world: World) -> None:
        self._asking, self._world = Asking(transport), world
        self.histories: list[History] = []
        self.faults: list[str] = []
        self.counts = {"acknowledged": 0, "unknown": 0, "refused": 0}
        self._number = 0

    def add(self, written: Written, count: int = 1, name: str = "") -> None:
        for number in range(count):
            first = {0} if written.is_kept else {ABSENT}
            self.histories.append(History(written, name or f"recorded-{number:02}", first))

    async def run(self, stop: asyncio.Event) -> None:
        """One writer per object; each ends after its current write when *stop* is set."""
        async with asyncio.TaskGroup() as group:
            for history in self.histories:
                group.create_task(self._write(history, stop))

    async def _write(self, history: History, stop: asyncio.Event) -> None:
        while not stop.is_set():
            answer = await self._step(history)
            await asyncio.sleep(AGAIN_SECONDS if answer.is_unknown else history.written.pause_seconds)

    async def _step(self, history: History) -> Answer:
        draw = self._world.random.random()
        if draw < 0.15:
            return await self._look(history)
        self._number += 1
        if history.written.is_kept or (draw < 0.85 and history.possible != {ABSENT}):
            return await self._change(history, self._number)
        if history.possible == {ABSENT} or draw < 0.9:
            return await self._create(history, self._number)
        return await self._delete(history)

    async def _create(self, history: History, number: int) -> Answer:
        written = history.written
        answer = await self._asking.ask("POST", written.collection, written.body(history.name, number))
        return self._record(history, answer, number if written.number_at_creation else 0)

    async def _change(self, history: History, number: int) -> Answer:
        answer = await self._asking.patch(history.path + history.written.subresource, history.written.change(number))
        return self._record(history, answer, number)

    async def _delete(self, history: History) -> Answer:
        return self._record(history, await self._asking.ask("DELETE", history.path), ABSENT)

    def _record(self, history: History, answer: Answer, state: int) -> Answer:
        if answer.is_unknown:
            self.counts["unknown"] += 1
            history.possible.add(state)
        elif answer.is_acknowledged:
            self.counts["acknowledged"] += 1
            if state == ABSENT and ABSENT in history.possible and len(history.possible) == 1:
                self.faults.append(f"{history.path}: deleted though it was not there")
            history.possible = {state}
            if state != ABSENT:
                self._advance(history, int(answer.document["metadata"]["resourceVersion"]), "acknowledged", is_write=True)
        else:
            self.counts["refused"] += 1
            self._judge_refusal(history, answer)
        return answer

    def _judge_refusal(self, history: History, answer: Answer) -> None:
        if answer.code == 404 and ABSENT not in history.possible:
            self.faults.append(f"{history.path}: not found, but only {history.possible} is possible: {answer.document.get('message')}")
        if answer.code == 409 and history.possible == {ABSENT}:
            self.faults.append(f"{history.path}: there already, but it was deleted")
        if answer.code not in (404, 409, 429):
            self.faults.append(f"{history.path}: refused with {answer.code}: {answer.document.get('message')}")

    def _advance(self, history: History, revision: int, how: str, *, is_write: bool) -> None:
        if revision < history.revision or (is_write and revision == history.revision):
            self.faults.append(f"{history.path}: {how} at revision {revision} after {history.revision}")
        history.revision = max(history.revision, revision)
        if is_write:
            history.revisions.append(revision)

    async def _look(self, history: History) -> Answer:
        """A read is consistent: never older than what was acknowledged before it."""
        answer = await self._asking.ask("GET", history.path)
        if answer.code == 404:
            self._judge(history, ABSENT)
        elif answer.is_acknowledged:
            self._judge(history, history.written.number(answer.document))
            self._advance(history, int(answer.document["metadata"]["resourceVersion"]), "read", is_write=False)
        return answer

    def _judge(self, history: History, state: int) -> None:
        if state not in history.possible:
            self.faults.append(f"{history.path}: is {state}, but only {sorted(history.possible)} is possible")

    async def verify(self) -> list[str]:
        """Looks at every object once more, when all is quiet; everything that was ever wrong."""
        for history in self.histories:
            while (await self._look(history)).is_unknown:
                await asyncio.sleep(AGAIN_SECONDS)
        return self.faults


# --- what is watched

class Follower:
    """A watch from a list on, taken up again behind the last event; `seen` and `relisted` are for subclasses."""

    def __init__(self, api: ResourceClient[Document], label_selector: str = "") -> None:
        self._api, self._selector = api, label_selector
        self.faults: list[str] = []
        self._changed = asyncio.Event()

    def seen(self, type: str, document: Document) -> None: ...

    def relisted(self, documents: Sequence[Document], revision: int) -> None: ...

    async def run(self) -> None:
        """Runs until cancelled."""
        version = ""
        while True:
            try:
                if not version:
                    page = await self._api.list_documents(label_selector=self._selector)
                    self.relisted(page.items, int(page.resource_version))
                    version = page.resource_version
                    self._tell()
                async with self._api.watch(resource_version=version, label_selector=self._selector) as events:
                    async for event in events:
                        if event.type != "BOOKMARK":
                            self.seen(event.type, event.object)
                        version = event.resource_version
                        self._tell()
            except (Expired, Gone):
                version = ""
            except (ApiStatusError, ConnectionError, TimeoutError):
                await asyncio.sleep(AGAIN_SECONDS)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Judged anew after every event."""
        while not is_so():
            await self._changed.wait()


class Revisions(Follower):
    """The revisions the watch shows of each object: each once, in order, and none left out but over a relist."""

    def __init__(self, api: ResourceClient[Document]) -> None:
        super().__init__(api)
        self.shown: dict[str, list[int]] = {}
        self._newest = 0
        self._gaps: list[tuple[int, int]] = []

    def seen(self, type: str, document: Document) -> None:
        name, revision = document["metadata"]["name"], int(document["metadata"]["resourceVersion"])
        if revision <= self._newest:
            self.faults.append(f"{type} {name} at revision {revision} after {self._newest}")
        self._newest = max(self._newest, revision)
        self.shown.setdefault(name, []).append(revision)

    def relisted(self, documents: Sequence[Document], revision: int) -> None:
        if revision < self._newest:
            self.faults.append(f"a list at revision {revision} after {self._newest}")
        self._gaps.append((self._newest, revision))
        self._newest = revision

    def has_seen(self, name: str, revision: int) -> bool:
        return revision in self.shown.get(name, ()) or any(start < revision <= end for start, end in self._gaps)

    def missing(self, histories: Sequence[History]) -> list[str]:
        """Acknowledged writes that no event told of."""
        return [f"{one.path}: the watch left out revision {revision}" for one in histories for revision in one.revisions
                if not self.has_seen(one.name, revision)]


    async def until_complete(self, histories: Sequence[History]) -> None:
        await self.until(lambda: not self.missing(histories))


class PodCount(Follower):
    """How many pods of a Deployment live at each event; more than `most` is a fault."""

    def __init__(self, api: ResourceClient[Document], label_selector: str, most: int) -> None:
        super().__init__(api, label_selector)
        self.most, self.highest = most, 0
        self.there: set[str] = set()                    # uids, of those that are on their way out too
        self._alive: dict[str, str] = {}                # uid -> name

    def seen(self, type: str, document: Document) -> None:
        uid = document["metadata"]["uid"]
        (self.there.discard if type == "DELETED" else self.there.add)(uid)
        if type != "DELETED" and _is_active(document):
            self._alive[uid] = document["metadata"]["name"]
        else:
            self._alive.pop(uid, None)
        self._judge(f"{type} {document['metadata']['name']} at revision {document['metadata']['resourceVersion']}")

    def relisted(self, documents: Sequence[Document], revision: int) -> None:
        self.there = {one["metadata"]["uid"] for one in documents}
        self._alive = {one["metadata"]["uid"]: one["metadata"]["name"] for one in documents if _is_active(one)}
        self._judge(f"a list at revision {revision}")

    def _judge(self, when: str) -> None:
        self.highest = max(self.highest, len(self._alive))
        if len(self._alive) > self.most:
            self.faults.append(f"{len(self._alive)} pods, more than {self.most}, after {when}: {sorted(self._alive.values())}")


def _is_active(pod: Document) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")


class Rollout(Follower):
    """Rolls a Deployment over and over; `done` counts the rolls that were seen through."""

    def __init__(self, client: Client, transport: Transport, name: str) -> None:
        super().__init__(client.documents(catalog.by_plural("apps", "deployments"), namespace="default"))
        self._asking, self._name = Asking(transport), name
        self._deployment: Document = {}
        self.done = 0

    def seen(self, type: str, document: Document) -> None:
        if document["metadata"]["name"] == self._name:
            self._deployment = document

    def relisted(self, documents: Sequence[Document], revision: int) -> None:
        for document in documents:
            self.seen("LISTED", document)

    @property
    def _status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self._deployment.get("status", {})
        return status

    @property
    def is_midway(self) -> bool:
        return self._is_observed and 0 < self._status.get("updatedReplicas", 0) < self._deployment["spec"]["replicas"]

    @property
    def is_complete(self) -> bool:
        wanted = self._deployment["spec"]["replicas"] if self._deployment else 0
        return self._is_observed and all(self._status.get(name) == wanted for name in ("replicas", "updatedReplicas", "availableReplicas"))

    @property
    def _is_observed(self) -> bool:
        return bool(self._deployment) and self._status.get("observedGeneration", 0) == self._deployment["metadata"]["generation"]

    async def roll(self, stop: asyncio.Event) -> None:
        """Until *stop* is set and the last roll is complete."""
        path = f"/apis/apps/v1/namespaces/default/deployments/{self._name}"
        await self.until(lambda: self.is_complete)
        while not stop.is_set():
            template = {"metadata": {"annotations": {"roll": str(self.done)}}}
            patched = await self._asking.insist("PATCH", path, {"spec": {"template": template}}, PATCH_TYPES["merge"])
            await self._until_complete(patched["metadata"]["generation"])
            self.done += 1
            self._tell()

    async def _until_complete(self, generation: int) -> None:
        await self.until(lambda: self._deployment["metadata"]["generation"] >= generation and self.is_complete)

    async def until_done(self, count: int) -> None:
        await self.until(lambda: self.done >= count)
