"""Endpoints: for every Service with a selector, one object of its name with all addresses, for clients that know no slices."""
from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

from controllers.endpoints.looks import REST_SECONDS, look_at_services_of_pods
from controllers.endpoints.members import HEADLESS, LAST_CHANGE, is_headless, is_managed, members
from controllers.endpoints.subsets import subsets, truncated
from controllers.endpoints.triggertime import TriggerTimes
from controllers.ownwrites import LONGEST_SECONDS, OwnWrites
from controllers.pace import Pace
from controllers.podcontrol import namespace_is_going
from controllers.references import key_of
from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.core_v1 import Endpoints, EndpointSubset, Pod, Service
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import ObjectKey
from kubeapi.times import format_time
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY, MANAGER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"


class EndpointsReconciler:
    """Keys are Services, and Endpoints of the same name."""

    def __init__(self, client: Client, recorder: EventRecorder, services: Informer[Service], pods: Informer[Pod],
                 endpoints: Informer[Endpoints], own: OwnWrites, pace: Pace) -> None:
        self._client, self._recorder, self._services, self._pods, self._endpoints = client, recorder, services, pods, endpoints
        self._own, self._pace, self._trigger_times = own, pace, TriggerTimes()

    async def reconcile(self, key: ObjectKey) -> Result:
        service, there = self._services.get(key), self._endpoints.get(key)
        if service is None:
            self._trigger_times.forget(key)
            self._own.forget(key)
            if there is not None and there.metadata.labels.get(MANAGED_BY) == MANAGER:
                with contextlib.suppress(NotFound):
                    await self._client.resource(Endpoints, key.namespace).delete(key.name, uid=there.metadata.uid)
            return DONE
        if not self._own.are_seen(key):         # the event that shows it brings us back
            return Result(requeue_after=LONGEST_SECONDS)
        if is_managed(service):
            pods = members(service, self._pods)
            self._pace.looked(key, len(pods))
            await self._write(service, there, wanted(service, subsets(service, pods), there, self._trigger_times.of(service, pods)))
        return DONE

    async def _write(self, service: Service, there: Endpoints | None, new: Endpoints) -> None:
        if there is not None and _said(there) == _said(new):
            return
        api = self._client.resource(Endpoints, service.metadata.namespace)
        try:
            self._own.wrote(key_of(service), await (api.create(new) if there is None else api.update(new)))
        except ApiStatusError as error:
            if namespace_is_going(error):
                return
            name = f"{service.metadata.namespace}/{service.metadata.name}"
            if there is None:
                self._recorder.event(new, "Warning", "FailedToCreateEndpoint", f"Failed to create endpoint for service {name}: {error}")
            else:
                self._recorder.event(new, "Warning", "FailedToUpdateEndpoint", f"Failed to update endpoint {name}: {error}")
            raise


def wanted(service: Service, found: Sequence[EndpointSubset], there: Endpoints | None, trigger_time: datetime | None) -> Endpoints:
    meta = there.metadata if there is not None else ObjectMeta(name=service.metadata.name, namespace=service.metadata.namespace)
    kept = truncated(found)
    annotations = {name: value for name, value in meta.annotations.items() if name not in (LAST_CHANGE, OVER_CAPACITY)}
    if trigger_time is not None:
        annotations[LAST_CHANGE] = format_time(trigger_time)
    if kept != tuple(found):
        annotations[OVER_CAPACITY] = "truncated"
    labels = {name: value for name, value in service.metadata.labels.items() if name != HEADLESS}
    labels |= {MANAGED_BY: MANAGER, **({HEADLESS: ""} if is_headless(service) else {})}
    return Endpoints(metadata=meta.evolve(labels=labels, annotations=annotations), subsets=kept)


def _said(endpoints: Endpoints) -> tuple[object, ...]:
    """All that is worth a write: a trigger time alone is not."""
    return endpoints.subsets, endpoints.metadata.labels, endpoints.metadata.annotations.get(OVER_CAPACITY)


def endpoints_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, batch_seconds: float = 0.0) -> Controller:
    services, pods, endpoints = factory.informer(Service), factory.informer(Pod), factory.informer(Endpoints)
    own, pace = OwnWrites(endpoints), Pace(REST_SECONDS, batch_seconds)
    controller = Controller("endpoints", EndpointsReconciler(client, recorder, services, pods, endpoints, own, pace), workers=5)
    controller.watches(services, lambda service: [key_of(service)])
    look_at_services_of_pods(controller, services, pods, pace)

    def changed(one: Endpoints) -> None:
        if own.is_news(key_of(one), one):
            controller.queue.add(key_of(one))

    endpoints.add_handler(changed, lambda old, new: changed(new), lambda one: controller.queue.add(key_of(one)))
    return controller.waits_for(endpoints)
