"""Writes pods' statuses: each as a patch of what differs from what the API has, the newest wins, nothing is written twice.

A pod that is merely on its way to run waits a moment before it is written, longer the more of them there are and while others have
more to tell: mostly it runs by then, and one write is enough.
"""
from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from itertools import chain
from typing import Any

from kubeapi.errors import ApiStatusError
from kubeapi.generated.models.core_v1 import Pod, PodStatus
from kubelet.api import KubeApi

Document = dict[str, Any]
log = logging.getLogger(__name__)

WRITERS = 16
PENDING_SECONDS, MOST_PENDING_SECONDS = 1.0, 5.0
RETRY_SECONDS = 1.0
REPLACED_LISTS = ("podIPs", "hostIPs", "resourceClaimStatuses")      # lists that a patch would merge by key


def status_patch(old: PodStatus, new: PodStatus) -> Document:
    """A strategic merge patch; {} where nothing differs."""
    if old == new:
        return {}
    before, after = old.to_wire(), new.to_wire()
    patch: Document = {}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name):
            continue
        patch[name] = after.get(name)
        if name == "conditions":
            patch[name] = _changed_conditions(before.get(name, []), after.get(name, []))
        elif name in REPLACED_LISTS and name in before:
            patch[name] = [*after.get(name, []), {"$patch": "replace"}]
    return patch


def _changed_conditions(before: list[Document], after: list[Document]) -> list[Document]:
    """A field that a condition no longer has is taken away by name, since the server merges condition by condition."""
    known, kept = {one["type"]: one for one in before}, {one["type"] for one in after}
    changed = [{**dict.fromkeys(known.get(one["type"], {})), **one} for one in after if one != known.get(one["type"])]
    return [*changed, *({"$patch": "delete", "type": one["type"]} for one in before if one["type"] not in kept)]


@dataclass(slots=True)
class _Known:
    pod: Pod                            # as the API had it last, here or in an answer to a patch
    wanted: PodStatus | None = None     # not written yet
    is_being_written: bool = False
    is_gone: bool = False
    own_version: str = ""               # of the pod after a write that found nothing unexpected


class StatusManager:
    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._known: dict[str, _Known] = {}
        self._due: OrderedDict[str, None] = OrderedDict()
        self._on_their_way: OrderedDict[str, None] = OrderedDict()       # due, too, when nothing else is
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._written = asyncio.Event()

    def newest(self, pod: Pod) -> Pod:
        """The pod with the newest status known: one that waits to be written, or the answer to the last write."""
        known = self._see(pod)
        return pod.evolve(status=known.wanted or known.pod.status)

    def is_echo(self, pod: Pod) -> bool:
        """Whether this is what the last write made of the pod, and nobody else had changed its status meanwhile."""
        known = self._known.get(pod.metadata.uid)
        return known is not None and known.own_version == pod.metadata.resource_version

    def _see(self, pod: Pod) -> _Known:
        known = self._known.setdefault(pod.metadata.uid, _Known(pod))
        if _version(pod) >= _version(known.pod):
            known.pod = pod
        return known

    def set(self, pod: Pod, status: PodStatus) -> None:
        known = self._see(pod)
        if known.is_gone:
            return
        known.wanted = status
        if status == known.pod.status and not known.is_being_written:
            known.wanted = None
            self._forget_due(pod.metadata.uid)
        elif status.phase == "Pending" and not _says_trouble(status):
            seconds = min(PENDING_SECONDS * (1 + len(self._timers) / WRITERS), MOST_PENDING_SECONDS)
            self._later(pod.metadata.uid, seconds, self._on_their_way)
        else:
            self._now(pod.metadata.uid)

    async def flush(self, uid: str) -> None:
        """Until what was set is written, or the pod is gone."""
        while (known := self._known.get(uid)) is not None and not known.is_gone and (known.wanted or known.is_being_written):
            self._written.clear()
            await self._written.wait()

    def gone(self, uid: str) -> None:
        """The API no longer has the pod: of what becomes of it on the node nobody needs to be told."""
        if known := self._known.get(uid):
            known.is_gone, known.wanted = True, None
            self._forget_due(uid)
            self._written.set()

    def forget(self, uid: str) -> None:
        self._known.pop(uid, None)
        self._forget_due(uid)
        self._written.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(self._write_what_is_due(), name=f"status-{number}")

    # --- when

    def _later(self, uid: str, seconds: float, due: OrderedDict[str, None]) -> None:
        if uid not in self._due and uid not in self._on_their_way and uid not in self._timers:
            self._timers[uid] = asyncio.get_running_loop().call_later(seconds, self._now, uid, due)

    def _now(self, uid: str, due: OrderedDict[str, None] | None = None) -> None:
        self._forget_due(uid)
        (self._due if due is None else due)[uid] = None
        self._wake.set()

    def _forget_due(self, uid: str) -> None:
        self._due.pop(uid, None)
        self._on_their_way.pop(uid, None)
        if timer := self._timers.pop(uid, None):
            timer.cancel()

    # --- writing

    async def _write_what_is_due(self) -> None:
        while True:
            uid = next((one for one in chain(self._due, self._on_their_way) if not self._known[one].is_being_written), "")
            if not uid:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._forget_due(uid)
            await self._write(uid, self._known[uid])
            self._wake.set()

    async def _write(self, uid: str, known: _Known) -> None:
        wanted = known.wanted
        patch = status_patch(known.pod.status, wanted) if wanted is not None else {}
        known.is_being_written = True
        try:
            if patch:
                answer = await self._api.patch_status(known.pod, patch)
                if answer is None:
                    known.is_gone = True
                elif _version(answer) >= _version(known.pod):
                    known.pod = answer
                    known.own_version = answer.metadata.resource_version if answer.status == wanted else ""
            if known.wanted is wanted:
                known.wanted = None
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            log.warning("pod %s/%s: its status was not written: %s", known.pod.metadata.namespace, known.pod.metadata.name, error)
            if uid in self._known:
                self._later(uid, RETRY_SECONDS, self._due)
        finally:
            known.is_being_written = False
            if not known.wanted or known.is_gone:
                self._written.set()


def _version(pod: Pod) -> int:
    text = pod.metadata.resource_version
    return int(text) if text.isdigit() else 0


def _says_trouble(status: PodStatus) -> bool:
    """Whether users should see it at once: something waits for more than its turn."""
    waiting = (one.state.waiting for one in (
        *status.init_container_statuses, *status.container_statuses, *status.ephemeral_container_statuses))
    return any(one is not None and one.reason not in ("ContainerCreating", "PodInitializing") for one in waiting)
