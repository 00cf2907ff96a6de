"""When a Service needs a look because of its pods, and how soon after the last one.

Most changes of a pod's status say nothing of its endpoint and are passed over. A Service with many endpoints rests after a look, half a
second after a thousand of them: while a thousand pods start or go, some looks do what a thousand would have done.
"""
from __future__ import annotations

import asyncio

from controllers.endpoints.members import facts, has_address, is_managed, selects
from controllers.references import key_of
from kubeapi.generated.models.core_v1 import Pod, Service
from kubeapi.meta import ObjectKey
from kubeclient.controller import Controller
from kubeclient.informer import Informer

REST_SECONDS = 0.0005               # for each endpoint
SMALL = 50                          # no rest for so few


class Pace:
    """`batch_seconds` is what the flags say: a wait before every look, for more changes to come."""

    def __init__(self, batch_seconds: float) -> None:
        self._batch_seconds = batch_seconds
        self._rests_until: dict[ObjectKey, float] = {}

    def looked(self, key: ObjectKey, endpoints: int) -> None:
        if endpoints <= SMALL:
            self._rests_until.pop(key, None)
        else:
            self._rests_until[key] = self._now() + endpoints * REST_SECONDS

    def wait(self, key: ObjectKey) -> float:
        return max(self._batch_seconds, self._rests_until.get(key, 0.0) - self._now())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def look_at_services_of_pods(controller: Controller, services: Informer[Service], pods: Informer[Pod], pace: Pace) -> None:
    def look(pod: Pod) -> None:
        for service in services.list(pod.metadata.namespace):
            if is_managed(service) and selects(service, pod):
                key = key_of(service)
                if (seconds := pace.wait(key)) > 0:
                    controller.queue.add_after(key, seconds)
                else:
                    controller.queue.add(key)

    def came_or_went(pod: Pod) -> None:
        if has_address(pod):
            look(pod)

    def changed(old: Pod, new: Pod) -> None:
        if facts(old) == facts(new):
            return
        look(new)
        if old.metadata.labels != new.metadata.labels:
            look(old)

    pods.add_handler(came_or_went, changed, came_or_went)
    controller.waits_for(pods)
