"""Which plugins run, in which order and with which weight: the cheap and decisive filters first."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.framework import FilterPlugin, GatePlugin, PostFilterPlugin, ScorePlugin

DEFAULT_SCHEDULER = "default-scheduler"


@dataclass(frozen=True, slots=True)
class Weighted:
    plugin: ScorePlugin
    weight: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of plugins; pods choose one by spec.schedulerName."""

    scheduler_name: str
    gates: Sequence[GatePlugin]
    filters: Sequence[FilterPlugin]
    post_filters: Sequence[PostFilterPlugin]
    scores: Sequence[Weighted]
    percentage_of_nodes: int = 0       # how many fitting nodes are enough; 0: the larger the cluster, the smaller the share
