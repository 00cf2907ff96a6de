"""EndpointSlices: for every Service with a selector, the addresses of its pods in slices of at most a hundred."""
from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

from controllers.endpoints.looks import REST_SECONDS, look_at_services_of_pods
from controllers.endpoints.members import LAST_CHANGE, families, has_address, is_managed, members
from controllers.endpoints.slices import MANAGED_BY, MANAGER, SERVICE_NAME, ZONE, Plan, endpoint, labels, plan, ports
from controllers.endpoints.triggertime import TriggerTimes
from controllers.ownwrites import LONGEST_SECONDS, OwnWrites
from controllers.pace import Pace
from controllers.podcontrol import namespace_is_going
from controllers.pods import index_by_node
from controllers.references import key_of
from kubeapi.errors import Forbidden, NotFound
from kubeapi.generated.models.core_v1 import Node, Pod, Service
from kubeapi.generated.models.discovery_v1 import EndpointSlice
from kubeapi.meta import ObjectKey
from kubeapi.times import format_time
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory


class EndpointSliceReconciler:
    """Keys are Services."""

    def __init__(self, client: Client, services: Informer[Service], pods: Informer[Pod], nodes: Informer[Node],
                 slices: Informer[EndpointSlice], own: OwnWrites, pace: Pace) -> None:
        self._client, self._services, self._pods, self._nodes, self._slices, self._own = client, services, pods, nodes, slices, own
        self._pace, self._trigger_times = pace, TriggerTimes()

    async def reconcile(self, key: ObjectKey) -> Result:
        service = self._services.get(key)
        if service is None:                     # its slices are its dependents: the garbage collector takes them
            self._trigger_times.forget(key)
            self._own.forget(key)
            return DONE
        if not is_managed(service):
            return DONE
        if not self._own.are_seen(key):         # the event that shows the last one brings us back
            return Result(requeue_after=LONGEST_SECONDS)
        pods = members(service, self._pods)
        self._pace.looked(key, len(pods))
        trigger_time = self._trigger_times.of(service, pods)
        await self._carry_out(service, self._plan(service, pods), trigger_time)
        return DONE

    def _plan(self, service: Service, pods: Sequence[Pod]) -> Plan:
        existing = self._slices.by_index("service", str(key_of(service)))
        found = Plan(delete=[one for one in existing if one.address_type not in families(service)])
        for family in families(service):
            wanted = [(ports(service, pod), endpoint(service, pod, self._node_of(pod), family))
                      for pod in pods if has_address(pod) and self._has_place(service, pod)]
            part = plan(service, family, wanted, [one for one in existing if one.address_type == family])
            found.create += part.create
            found.update += part.update
            found.delete += part.delete
        return found

    def _has_place(self, service: Service, pod: Pod) -> bool:
        """A pod whose node is gone goes too, soon; until then nothing should be sent there."""
        return self._node_of(pod) is not None or service.spec.publish_not_ready_addresses

    def _node_of(self, pod: Pod) -> Node | None:
        return self._nodes.get(ObjectKey("", pod.spec.node_name)) if pod.spec.node_name else None

    async def _carry_out(self, service: Service, found: Plan, trigger_time: datetime | None) -> None:
        key = key_of(service)
        api = self._client.resource(EndpointSlice, service.metadata.namespace)
        if service.metadata.deletion_timestamp is None:
            for each in found.create:
                try:
                    self._own.wrote(key, await api.create(_stamped(each, service, trigger_time)))
                except Forbidden as error:
                    if namespace_is_going(error):
                        return
                    raise
        for each in found.update:
            self._own.wrote(key, await api.update(_stamped(each, service, trigger_time)))
        for each in found.delete:
            with contextlib.suppress(NotFound):
                await api.delete(each.metadata.name, uid=each.metadata.uid)
            self._own.deleted(key, each)


def _stamped(each: EndpointSlice, service: Service, trigger_time: datetime | None) -> EndpointSlice:
    annotations = {name: value for name, value in each.metadata.annotations.items() if name != LAST_CHANGE}
    if trigger_time is not None:
        annotations[LAST_CHANGE] = format_time(trigger_time)
    return each.evolve(metadata=each.metadata.evolve(annotations=annotations, labels=labels(service)))


def service_of(each: EndpointSlice) -> list[ObjectKey]:
    """Of a slice that is ours."""
    name = each.metadata.labels.get(SERVICE_NAME)
    return [ObjectKey(each.metadata.namespace, name)] if name and each.metadata.labels.get(MANAGED_BY) == MANAGER else []


def endpoint_slice_controller(client: Client, factory: InformerFactory, batch_seconds: float = 0.0) -> Controller:
    services = factory.informer(Service)
    pods = factory.informer(Pod, indexers={"node": index_by_node})
    nodes = factory.informer(Node)
    slices = factory.informer(EndpointSlice, indexers={"service": lambda one: [str(key) for key in service_of(one)]})
    own, pace = OwnWrites(slices), Pace(REST_SECONDS, batch_seconds)
    controller = Controller("endpointslice", EndpointSliceReconciler(client, services, pods, nodes, slices, own, pace), workers=5)
    controller.watches(services, lambda service: [key_of(service)]).waits_for(nodes)
    look_at_services_of_pods(controller, services, pods, pace)

    def node_came_or_went(node: Node) -> None:
        touched = {pod.metadata.namespace for pod in pods.by_index("node", node.metadata.name)}
        for service in (one for namespace in touched for one in services.list(namespace)):
            controller.queue.add(key_of(service))

    def node_changed(old: Node, new: Node) -> None:
        if old.metadata.labels.get(ZONE) != new.metadata.labels.get(ZONE):
            node_came_or_went(new)

    def slice_changed(old: EndpointSlice, new: EndpointSlice) -> None:
        for key in dict.fromkeys((*service_of(old), *service_of(new))):
            if own.is_news(key, new):
                controller.queue.add(key)

    def slice_gone(each: EndpointSlice) -> None:
        for key in service_of(each):
            if own.is_news(key, each, is_gone=True):
                controller.queue.add(key)

    nodes.add_handler(node_came_or_went, node_changed, node_came_or_went)
    slices.add_handler(lambda each: slice_changed(each, each), slice_changed, slice_gone)
    return controller.waits_for(slices)
