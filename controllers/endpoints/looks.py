"""When a Service needs a look because of its pods, and how soon after the last one.

Most changes of a pod's status say nothing of its endpoint and are passed over. A Service rests half a second after a look at a
thousand endpoints.
"""
from __future__ import annotations

from controllers.endpoints.members import facts, has_address, is_managed, selects
from controllers.pace import Pace
from controllers.references import key_of
from kubeapi.generated.models.core_v1 import Pod, Service
from kubeclient.controller import Controller
from kubeclient.informer import Informer

REST_SECONDS = 0.0005               # for each endpoint


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
