"""The selectors of Services, ReplicaSets and their like: which pods are one another's fellows where nobody said how to spread."""
from __future__ import annotations

from kubeapi.labels import Requirement, Selector
from kubeapi.meta import ObjectKey
from scheduler.podinfo import PodInfo


class Workloads:
    def __init__(self) -> None:
        self._services: dict[str, dict[str, Selector]] = {}        # by namespace and name
        self._controllers: dict[tuple[str, ObjectKey], Selector] = {}

    def set_service(self, key: ObjectKey, selector: Selector) -> None:
        """One without a selector selects no pod."""
        services = self._services.setdefault(key.namespace, {})
        if selector.requirements:
            services[key.name] = selector
        else:
            services.pop(key.name, None)

    def remove_service(self, key: ObjectKey) -> None:
        services = self._services.get(key.namespace, {})
        services.pop(key.name, None)
        if not services:
            self._services.pop(key.namespace, None)

    def set_controller(self, kind: str, key: ObjectKey, selector: Selector) -> None:
        self._controllers[kind, key] = selector

    def remove_controller(self, kind: str, key: ObjectKey) -> None:
        self._controllers.pop((kind, key), None)

    def fellows(self, pod: PodInfo) -> Selector | None:
        """What all Services of the pod and its controller together select; None: it belongs to nothing."""
        found: dict[Requirement, None] = {}
        for selector in self._services.get(pod.key.namespace, {}).values():
            if selector.matches(pod.labels):
                found.update(dict.fromkeys(selector.requirements))
        if pod.controller is not None:
            kind, name = pod.controller
            if (own := self._controllers.get((kind, ObjectKey(pod.key.namespace, name)))) is not None:
                found.update(dict.fromkeys(own.requirements))
        return Selector(tuple(found)) if found else None
