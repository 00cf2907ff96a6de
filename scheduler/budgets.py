"""PodDisruptionBudgets as preemption sees them: it would rather not break one, but it may."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubeapi.labels import Selector
from kubeapi.meta import ObjectKey
from scheduler.podinfo import PodInfo


@dataclass(frozen=True, slots=True)
class Budget:
    key: ObjectKey
    selector: Selector
    allowed: int                        # disruptions
    disrupted: frozenset[str] = frozenset()        # pods that are counted already

    def covers(self, pod: PodInfo) -> bool:
        return (self.key.namespace == pod.key.namespace and not self.selector.selects_everything
                and self.selector.matches(pod.labels) and pod.key.name not in self.disrupted)


def split_by_violation(pods: Iterable[PodInfo], budgets: Iterable[Budget]) -> tuple[Sequence[PodInfo], Sequence[PodInfo]]:
    """Those whose end would break a budget, and the others; who comes first uses up what is allowed."""
    left = {budget: budget.allowed for budget in budgets}
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        covering = [budget for budget in left if budget.covers(pod)]
        for budget in covering:
            left[budget] -= 1
        (violating if any(left[budget] < 0 for budget in covering) else others).append(pod)
    return violating, others
