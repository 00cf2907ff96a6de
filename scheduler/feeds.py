"""What the scheduler watches besides pods and nodes, and how little of it is kept: of Services and controllers
their selectors, of namespaces their labels."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubeapi.generated.models.apps_v1 import ReplicaSet, StatefulSet
from kubeapi.generated.models.core_v1 import Namespace, ReplicationController, Service
from kubeapi.generated.models.policy_v1 import PodDisruptionBudget
from kubeapi.labels import Selector, from_label_selector, from_set
from kubeapi.meta import ObjectKey
from kubeclient.client import Document
from kubeclient.informer import Informer, InformerFactory
from scheduler.budgets import Budget
from scheduler.workloads import Workloads

Selecting = tuple[ObjectKey, Selector]
Labeled = tuple[str, Mapping[str, str]]


def feed_workloads(factory: InformerFactory, workloads: Workloads) -> Sequence[Informer[Selecting]]:
    services = factory.informer(Service, transform=_by_labels)
    _feed(services, lambda one: workloads.set_service(*one), lambda one: workloads.remove_service(one[0]))
    return [
        services,
        _feed_controllers("ReplicaSet", factory.informer(ReplicaSet, transform=_by_selector), workloads),
        _feed_controllers("StatefulSet", factory.informer(StatefulSet, transform=_by_selector), workloads),
        _feed_controllers("ReplicationController", factory.informer(ReplicationController, transform=_by_labels), workloads),
    ]


def feed_namespaces(factory: InformerFactory, set: Callable[[str, Mapping[str, str]], None], remove: Callable[[str], None]) -> Informer[Labeled]:
    informer: Informer[Labeled] = factory.informer(Namespace, transform=_labeled)
    informer.add_handler(lambda one: set(*one), lambda old, new: set(*new), lambda one: remove(one[0]))
    return informer


def _labeled(document: Document) -> Labeled:
    return document["metadata"]["name"], document["metadata"].get("labels", {})


def feed_budgets(factory: InformerFactory, set: Callable[[Budget], None], remove: Callable[[ObjectKey], None]) -> Informer[Budget]:
    informer: Informer[Budget] = factory.informer(PodDisruptionBudget, transform=_budget)
    informer.add_handler(set, lambda old, new: set(new), lambda one: remove(one.key))
    return informer


def _budget(document: Document) -> Budget:
    status = document.get("status") or {}
    return Budget(_key(document), from_label_selector(document["spec"].get("selector")), status.get("disruptionsAllowed", 0),
                  frozenset(status.get("disruptedPods") or ()))


def _feed_controllers(kind: str, informer: Informer[Selecting], workloads: Workloads) -> Informer[Selecting]:
    _feed(informer, lambda one: workloads.set_controller(kind, *one), lambda one: workloads.remove_controller(kind, one[0]))
    return informer


def _feed(informer: Informer[Selecting], set: Callable[[Selecting], None], remove: Callable[[Selecting], None]) -> None:
    informer.add_handler(set, lambda old, new: set(new), remove)


def _key(document: Document) -> ObjectKey:
    return ObjectKey(document["metadata"].get("namespace", ""), document["metadata"]["name"])


def _by_labels(document: Document) -> Selecting:
    return _key(document), from_set(document["spec"].get("selector"))


def _by_selector(document: Document) -> Selecting:
    return _key(document), from_label_selector(document["spec"].get("selector"))
