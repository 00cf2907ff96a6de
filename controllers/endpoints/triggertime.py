"""When what is written now happened in the cluster, so that a reader can tell how long the news took.

For a new Service: its creation. Later: the earliest of the pods' readiness changes since the last look; None if there is none.
"""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from controllers.references import key_of
from kubeapi.generated.models.core_v1 import Pod, Service
from kubeapi.meta import ObjectKey


class TriggerTimes:
    def __init__(self) -> None:
        self._pods: dict[ObjectKey, dict[str, datetime]] = {}
        self._services: dict[ObjectKey, datetime | None] = {}

    def of(self, service: Service, pods: Iterable[Pod]) -> datetime | None:
        key, created = key_of(service), service.metadata.creation_timestamp
        is_known, before = key in self._services, self._pods.get(key, {})
        now = {pod.metadata.name: since for pod in pods if (since := _readiness_changed(pod)) is not None}
        changes = [since for name, since in now.items() if name not in before or since > before[name]]
        if created is not None and created != self._services.get(key):
            changes.append(created)
        self._pods[key], self._services[key] = now, created
        return min(changes, default=None) if is_known else created

    def forget(self, key: ObjectKey) -> None:
        self._pods.pop(key, None)
        self._services.pop(key, None)


def _readiness_changed(pod: Pod) -> datetime | None:
    return next((one.last_transition_time for one in pod.status.conditions if one.type == "Ready"), None)
