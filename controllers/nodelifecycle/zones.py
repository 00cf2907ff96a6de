"""How many nodes of each zone are lost, and how fast they may be given up.

    a zone with some nodes lost     --node-eviction-rate, a node every ten seconds
    most of it lost                 --secondary-node-eviction-rate, or none at all in a small one: the network is the likelier cause
    all of it lost                  the first rate again: the other zones show that the cause is there
    every zone lost                 none, and what was begun is taken back: rather we are the ones who are cut off
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from kubeapi.generated.models.core_v1 import Node

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
EXCLUDED = "node.kubernetes.io/exclude-disruption"
FEW = 2                     # so many lost nodes are no disruption of a zone


class ZoneState(Enum):
    NORMAL = "Normal"
    PARTIAL_DISRUPTION = "PartialDisruption"
    FULL_DISRUPTION = "FullDisruption"


@dataclass(frozen=True, slots=True)
class Rates:
    """Upstream's flags and defaults; rates in nodes a second."""

    eviction: float = 0.1
    secondary: float = 0.01
    unhealthy_zone_threshold: float = 0.55
    large_cluster_size_threshold: int = 50


def zone_of(node: Node) -> str:
    return f"{node.metadata.labels.get(REGION, '')}/{node.metadata.labels.get(ZONE, '')}"


def state_of(ready: int, lost: int, threshold: float) -> ZoneState:
    if lost and not ready:
        return ZoneState.FULL_DISRUPTION
    if lost > FEW and lost / (lost + ready) >= threshold:
        return ZoneState.PARTIAL_DISRUPTION
    return ZoneState.NORMAL


def rate_of(state: ZoneState, size: int, rates: Rates) -> float:
    if state is ZoneState.PARTIAL_DISRUPTION:
        return rates.secondary if size > rates.large_cluster_size_threshold else 0.0
    return rates.eviction


class Bucket:
    """One token at most, refilled at a rate that may change."""

    def __init__(self, rate: float) -> None:
        self._rate, self._tokens, self._since = rate, 1.0, 0.0

    def set_rate(self, rate: float, now: float) -> bool:
        """Whether that is another one."""
        self._refill(now)
        changed, self._rate = rate != self._rate, rate
        return changed

    def take(self, now: float) -> float:
        """0: one was taken; else the seconds until there is one, infinity while none will come."""
        self._refill(now)
        if self._rate <= 0:
            return math.inf
        if self._tokens >= 1.0 - 1e-6:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def _refill(self, now: float) -> None:
        self._tokens, self._since = min(1.0, self._tokens + (now - self._since) * self._rate), now


@dataclass(frozen=True, slots=True)
class _Noted:
    zone: str
    is_ready: bool
    counts: bool


class Zones:
    """`note` what is seen of each node; `settle` draws the conclusions."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._nodes: dict[str, _Noted] = {}
        self._buckets: dict[str, Bucket] = {}
        self._is_settled = True
        self.all_are_lost = False

    def note(self, node: Node, *, is_ready: bool) -> None:
        noted = _Noted(zone_of(node), is_ready, EXCLUDED not in node.metadata.labels)
        if self._nodes.get(node.metadata.name) != noted:
            self._nodes[node.metadata.name] = noted
            self._is_settled = False

    def forget(self, name: str) -> None:
        if self._nodes.pop(name, None) is not None:
            self._is_settled = False

    def settle(self, now: float) -> list[str]:
        """The nodes for which something is different now."""
        if self._is_settled:
            return []
        self._is_settled = True
        were_lost = self.all_are_lost
        states = self._states()
        self.all_are_lost = bool(states) and all(state is ZoneState.FULL_DISRUPTION for state, _ in states.values())
        changed = {zone for zone, (state, size) in states.items()
                   if self._bucket(zone).set_rate(0.0 if self.all_are_lost else rate_of(state, size, self._rates), now)}
        return [name for name, one in self._nodes.items() if self.all_are_lost != were_lost or one.zone in changed]

    def _states(self) -> dict[str, tuple[ZoneState, int]]:
        counted: dict[str, list[bool]] = {}
        for one in self._nodes.values():
            if one.counts:
                counted.setdefault(one.zone, []).append(one.is_ready)
        return {zone: (state_of(sum(ready), len(ready) - sum(ready), self._rates.unhealthy_zone_threshold), len(ready))
                for zone, ready in counted.items()}

    def take(self, node: Node, now: float) -> float:
        """A node of this zone is to be given up: 0, or how long it must wait."""
        return self._bucket(zone_of(node)).take(now)

    def _bucket(self, zone: str) -> Bucket:
        return self._buckets.setdefault(zone, Bucket(self._rates.eviction))
