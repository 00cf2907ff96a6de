"""What a controller has asked for and not yet seen: until the watch shows it, the cache is stale and must not be acted on.

Kept per key: how many creations are awaited, and the uids whose deletion is. An expectation not fulfilled in five minutes
is given up (a watch may have lost it), as upstream does; `seconds_left` is when to look again, since no event will tell.
"""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from controllers.references import controller_key
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.meta import ObjectKey
from kubeclient.informer import Informer

LONGEST_SECONDS = 300.0


@dataclass
class Expected:
    creations: int = 0
    deletions: set[str] = field(default_factory=set)
    since: float = 0.0


class Expectations:
    def __init__(self) -> None:
        self._expected: dict[ObjectKey, Expected] = {}

    def watch(self, pods: Informer[Pod], kind: str) -> None:
        """Observes the pods that owners of this kind control; a pod on its way out counts as gone."""
        def came(pod: Pod) -> None:
            if (key := controller_key(pod, kind)) is not None:
                self.creation_observed(key)

        def gone(pod: Pod) -> None:
            if (key := controller_key(pod, kind)) is not None:
                self.deletion_observed(key, pod.metadata.uid)

        def changed(old: Pod, new: Pod) -> None:
            if new.metadata.deletion_timestamp is not None:
                gone(new)

        pods.add_handler(came, changed, gone)

    def expect_creations(self, key: ObjectKey, count: int) -> None:
        self._of(key).creations += count

    def expect_deletions(self, key: ObjectKey, uids: Iterable[str]) -> None:
        self._of(key).deletions.update(uids)

    def creation_observed(self, key: ObjectKey) -> None:
        """Also called for a creation that failed: it will not be seen."""
        if (expected := self._expected.get(key)) is not None and expected.creations > 0:
            expected.creations -= 1

    def deletion_observed(self, key: ObjectKey, uid: str) -> None:
        if (expected := self._expected.get(key)) is not None:
            expected.deletions.discard(uid)

    def are_satisfied(self, key: ObjectKey) -> bool:
        left = self.seconds_left(key)
        if left is not None and left <= 0:
            del self._expected[key]
        return left is None or left <= 0

    def seconds_left(self, key: ObjectKey) -> float | None:
        """Until what is still expected is given up; None where nothing is."""
        expected = self._expected.get(key)
        if expected is None or (expected.creations <= 0 and not expected.deletions):
            return None
        return expected.since + LONGEST_SECONDS - self._now()

    def forget(self, key: ObjectKey) -> None:
        self._expected.pop(key, None)

    def _of(self, key: ObjectKey) -> Expected:
        expected = self._expected.setdefault(key, Expected())
        expected.since = self._now()
        return expected

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
