"""Thresholds of a node: how they are written, and when they are met."""
from __future__ import annotations

import pytest

from kubeapi.quantity import Format, Quantity
from kubelet.eviction.thresholds import (
    DEFAULT_HARD,
    EvictionConfig,
    Observation,
    ThresholdError,
    conditions,
    met,
    most_urgent,
    parse_thresholds,
)

GI = 1 << 30


def seen(available: int, capacity: int = 100 * GI) -> Observation:
    return Observation(Quantity.of(available, Format.BINARY_SI), Quantity.of(capacity, Format.BINARY_SI))


def hard(text: str) -> dict[str, str]:
    return dict(one.split("<") for one in text.split(","))


@pytest.mark.parametrize(("given", "available", "is_met"), [
    pytest.param({"memory.available": "1Gi"}, GI - 1, True, id="below an amount"),
    pytest.param({"memory.available": "1Gi"}, GI, False, id="at an amount"),
    pytest.param({"memory.available": "10%"}, 10 * GI - 1, True, id="below a percentage"),
    pytest.param({"memory.available": "10%"}, 10 * GI, False, id="at a percentage"),
    pytest.param({"memory.available": "0%"}, 0, False, id="nothing is less than nothing"),
    pytest.param({"memory.available": "100%"}, 0, False, id="100% switches it off"),
])
def test_when_a_threshold_is_met(given: dict[str, str], available: int, is_met: bool) -> None:
    assert bool(met(parse_thresholds(given, {}, {}, {}), {"memory.available": seen(available)})) is is_met


def test_what_was_met_must_be_left_behind_by_what_is_to_be_reclaimed() -> None:
    (one,) = parse_thresholds({"nodefs.available": "1Gi"}, {}, {}, {"nodefs.available": "500Mi"})
    observed = {"nodefs.available": seen(GI + 1)}
    assert met([one], observed) == [] and met([one], observed, with_reclaim=True) == [one]


def test_what_is_not_observed_is_not_met() -> None:
    assert met(parse_thresholds(hard(DEFAULT_HARD), {}, {}, {}), {}) == []


@pytest.mark.parametrize(("given", "fault"), [
    pytest.param({"disk.available": "1Gi"}, "unsupported eviction signal disk.available", id="unknown signal"),
    pytest.param({"memory.available": "101%"}, "must be >= 0% and <= 100%", id="more than everything"),
    pytest.param({"memory.available": "-1Gi"}, "cannot be negative", id="negative"),
    pytest.param({"memory.available": "much"}, "quantities must match", id="no quantity"),
])
def test_thresholds_that_cannot_be_meant(given: dict[str, str], fault: str) -> None:
    with pytest.raises(ThresholdError, match=fault):
        parse_thresholds(given, {}, {}, {})


def test_a_soft_threshold_needs_its_grace_period() -> None:
    with pytest.raises(ThresholdError, match=r"grace period must be specified for the soft eviction threshold memory\.available"):
        parse_thresholds({}, {"memory.available": "1Gi"}, {}, {})
    (one,) = parse_thresholds({}, {"memory.available": "1Gi"}, {"memory.available": 90.0}, {})
    assert (one.is_hard, one.grace_seconds) == (False, 90.0)


def test_what_the_node_says_of_each_signal() -> None:
    thresholds = parse_thresholds({**hard(DEFAULT_HARD), "pid.available": "100"}, {}, {}, {})
    assert {one.signal: (one.resource, one.condition) for one in thresholds} == {
        "memory.available": ("memory", "MemoryPressure"), "nodefs.available": ("ephemeral-storage", "DiskPressure"),
        "nodefs.inodesFree": ("inodes", "DiskPressure"), "imagefs.available": ("ephemeral-storage", "DiskPressure"),
        "imagefs.inodesFree": ("inodes", "DiskPressure"), "pid.available": ("pids", "PIDPressure")}
    assert conditions(thresholds) == {"MemoryPressure", "DiskPressure", "PIDPressure"}
    assert most_urgent(thresholds[::-1]).signal == "memory.available"


def test_only_hard_thresholds_are_kept_free_of_pods() -> None:
    config = EvictionConfig(parse_thresholds({"memory.available": "10%"}, {"nodefs.available": "50%"}, {"nodefs.available": 1.0}, {}))
    assert config.hard_amount("memory.available", 1000) == 100
    assert config.hard_amount("nodefs.available", 1000) == 0
