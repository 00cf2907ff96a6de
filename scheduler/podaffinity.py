"""A pod's wishes about other pods, read: terms that name pods, and the node label within whose domains they are meant."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeapi.generated.models.core_v1 import Pod, PodAffinity, PodAffinityTerm, PodAntiAffinity
from kubeapi.labels import NOTHING, Selector
from scheduler.selectors import selector_of, with_values

if TYPE_CHECKING:
    from scheduler.podinfo import PodInfo

Namespaces = Mapping[str, Mapping[str, str]]       # their labels, by name


@dataclass(frozen=True, slots=True)
class AffinityTerm:
    topology_key: str
    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector = NOTHING

    def means(self, pod: PodInfo, namespaces: Namespaces) -> bool:
        return self.selector.matches(pod.labels) and (
            pod.key.namespace in self.namespaces or self.namespace_selector.matches(namespaces.get(pod.key.namespace)))

    def may_mean(self, pod: PodInfo) -> bool:
        """Without knowing the labels of namespaces."""
        return self.selector.matches(pod.labels) and (pod.key.namespace in self.namespaces or not self.namespace_selector.selects_nothing)

    def all_namespaces(self, namespaces: Namespaces) -> frozenset[str]:
        if self.namespace_selector.selects_nothing:
            return self.namespaces
        return self.namespaces.union(name for name, labels in namespaces.items() if self.namespace_selector.matches(labels))


@dataclass(frozen=True, slots=True)
class PodTerms:
    """`together` and `apart` must hold; `preferred` have a weight, which is negative where the pod would rather be apart."""

    together: tuple[AffinityTerm, ...] = ()
    apart: tuple[AffinityTerm, ...] = ()
    preferred: tuple[tuple[AffinityTerm, int], ...] = ()

    def hold_together(self, pod: PodInfo, namespaces: Namespaces) -> bool:
        """Only a pod that every term means is one to be together with."""
        return bool(self.together) and all(term.means(pod, namespaces) for term in self.together)


NO_TERMS = PodTerms()


def terms_of(pod: Pod) -> PodTerms:
    affinity = pod.spec.affinity
    if affinity is None or (affinity.pod_affinity is None and affinity.pod_anti_affinity is None):
        return NO_TERMS
    attracted, repelled = affinity.pod_affinity or PodAffinity(), affinity.pod_anti_affinity or PodAntiAffinity()
    return PodTerms(
        _read(pod, attracted.required_during_scheduling_ignored_during_execution),
        _read(pod, repelled.required_during_scheduling_ignored_during_execution),
        (*_preferred(pod, attracted, 1), *_preferred(pod, repelled, -1)))


def _preferred(pod: Pod, wishes: PodAffinity | PodAntiAffinity, sign: int) -> Iterable[tuple[AffinityTerm, int]]:
    told = wishes.preferred_during_scheduling_ignored_during_execution
    return zip(_read(pod, (one.pod_affinity_term for one in told)), (sign * one.weight for one in told), strict=True)


def _read(pod: Pod, told: Iterable[PodAffinityTerm]) -> tuple[AffinityTerm, ...]:
    labels, own = pod.metadata.labels, frozenset((pod.metadata.namespace,))
    return tuple(AffinityTerm(
        term.topology_key,
        with_values(with_values(selector_of(term.label_selector), labels, term.match_label_keys), labels, term.mismatch_label_keys, "notin"),
        frozenset(term.namespaces) if term.namespaces or term.namespace_selector is not None else own,
        selector_of(term.namespace_selector)) for term in told)
