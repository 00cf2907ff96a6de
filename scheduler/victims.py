"""Which pods would have to go from a node so that another fits: as few and as unimportant ones as possible."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scheduler.budgets import Budget, split_by_violation
from scheduler.filters import Filters, Trial
from scheduler.framework import SUCCESS, Code, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo

NOBODY_TO_PREEMPT = Status(Code.UNRESOLVABLE, ("No preemption victims found for incoming pod",))
LOWEST_PRIORITY = -1 << 31


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that would do without its victims, the most important one first."""

    node: str
    victims: Sequence[PodInfo]
    violations: int = 0                # victims whose end breaks a PodDisruptionBudget

    @property
    def cost(self) -> tuple[float, ...]:
        """What is compared, one after the other: broken budgets, the most important victim, the sum of priorities, the number of
        victims, and how long the most important ones have been running."""
        highest = self.victims[0].priority
        return (self.violations, highest, sum(pod.priority - LOWEST_PRIORITY for pod in self.victims), len(self.victims),
                -min(pod.started for pod in self.victims if pod.priority == highest))


def cheapest(candidates: Iterable[Candidate]) -> Candidate:
    """The first of equals."""
    return min(candidates, key=lambda candidate: candidate.cost)


def importance(pod: PodInfo) -> tuple[float, float]:
    """Sorts the most important first: by priority, then by how long it has been running."""
    return -pod.priority, pod.started


def find_victims(filters: Filters, node: NodeInfo, budgets: Iterable[Budget]) -> Candidate | Status:
    """First all lower pods go; then they come back one by one, the most important first, as long as there is room: before all others
    those whose end would break a budget."""
    lower = sorted((pod for pod in node.pods.values() if pod.priority < filters.pod.priority), key=importance)
    if not lower:
        return NOBODY_TO_PREEMPT
    with Trial(node, filters) as trial:
        for pod in lower:
            trial.remove(pod)
        if (status := filters.verdict(trial.node)) is not SUCCESS:
            return status
        violating, others = split_by_violation(lower, budgets)
        broken = _not_reprieved(violating, trial, filters)
        victims = sorted((*broken, *_not_reprieved(others, trial, filters)), key=importance)
    return Candidate(node.name, victims, len(broken)) if victims else NOBODY_TO_PREEMPT


def _not_reprieved(pods: Iterable[PodInfo], trial: Trial, filters: Filters) -> list[PodInfo]:
    victims = []
    for pod in pods:
        trial.add(pod)
        if filters.verdict(trial.node) is not SUCCESS:
            trial.remove(pod)
            victims.append(pod)
    return victims
