"""When a node is short of something: a signal below an amount, at once (hard) or after it has lasted for a while (soft). Pure."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kubeapi.quantity import Format, Quantity, QuantityError

MEMORY, NODEFS, NODEFS_INODES = "memory.available", "nodefs.available", "nodefs.inodesFree"
IMAGEFS, IMAGEFS_INODES, PIDS = "imagefs.available", "imagefs.inodesFree", "pid.available"
STORAGE, INODES, PROCESSES = "ephemeral-storage", "inodes", "pids"
MEMORY_PRESSURE, DISK_PRESSURE, PID_PRESSURE = "MemoryPressure", "DiskPressure", "PIDPressure"
# signal -> what there is too little of, and what the node says then
SIGNALS: Mapping[str, tuple[str, str]] = {
    MEMORY: ("memory", MEMORY_PRESSURE), NODEFS: (STORAGE, DISK_PRESSURE), NODEFS_INODES: (INODES, DISK_PRESSURE),
    IMAGEFS: (STORAGE, DISK_PRESSURE), IMAGEFS_INODES: (INODES, DISK_PRESSURE), PIDS: (PROCESSES, PID_PRESSURE)}
DEFAULT_HARD = "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%"
TRANSITION_SECONDS, MONITORING_SECONDS = 300.0, 10.0


class ThresholdError(ValueError):
    """The configuration cannot be meant."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Of a capacity where it is a percentage."""

    quantity: Quantity | None = None
    percent: float = 0.0

    def of(self, capacity: Quantity) -> Quantity:
        return self.quantity if self.quantity is not None else Quantity.of(int(capacity.value() * self.percent / 100), capacity.format)


@dataclass(frozen=True, slots=True)
class Threshold:
    signal: str
    amount: Amount
    grace_seconds: float = 0.0
    least_reclaimed: Amount | None = None         # so much more than the threshold must be there before it is over

    @property
    def is_hard(self) -> bool:
        return self.grace_seconds == 0

    @property
    def resource(self) -> str:
        return SIGNALS[self.signal][0]

    @property
    def condition(self) -> str:
        return SIGNALS[self.signal][1]


@dataclass(frozen=True, slots=True)
class Observation:
    available: Quantity
    capacity: Quantity


Observations = Mapping[str, Observation]


@dataclass(frozen=True, slots=True)
class EvictionConfig:
    thresholds: tuple[Threshold, ...] = ()
    transition_seconds: float = TRANSITION_SECONDS     # a condition lasts at least so long
    most_grace_seconds: int = 0                        # of pods that go by a soft threshold
    monitoring_seconds: float = MONITORING_SECONDS

    def hard_amount(self, signal: str, capacity: int) -> int:
        """What is kept free of it at all times."""
        found = (one for one in self.thresholds if one.signal == signal and one.is_hard)
        return max((one.amount.of(Quantity.of(capacity, Format.BINARY_SI)).value() for one in found), default=0)


# --- configured

def parse_thresholds(hard: Mapping[str, str], soft: Mapping[str, str], graces: Mapping[str, float],
                     least_reclaimed: Mapping[str, str]) -> tuple[Threshold, ...]:
    """By signal. Raises ThresholdError."""
    found = [threshold for signal, text in hard.items() if (threshold := _threshold(signal, text))]
    for signal, text in soft.items():
        if (threshold := _threshold(signal, text)) is None:
            continue
        if signal not in graces:
            raise ThresholdError(f"grace period must be specified for the soft eviction threshold {signal}")
        found.append(replace(threshold, grace_seconds=graces[signal]))
    reclaims = {signal: _amount(signal, text) for signal, text in least_reclaimed.items()}
    return tuple(replace(one, least_reclaimed=reclaims.get(one.signal)) for one in found)


def _threshold(signal: str, text: str) -> Threshold | None:
    """None for one that is switched off: 0% can never be met, 100% always is."""
    amount = _amount(signal, text)
    return None if amount.quantity is None and amount.percent in (0, 100) else Threshold(signal, amount)


def _amount(signal: str, text: str) -> Amount:
    if signal not in SIGNALS:
        raise ThresholdError(f"unsupported eviction signal {signal}")
    try:
        if text.endswith("%"):
            percent = float(text[:-1])
            if not 0 <= percent <= 100:
                raise ThresholdError(f"eviction percentage threshold {signal} must be >= 0% and <= 100%: {text}")
            return Amount(percent=percent)
        quantity = Quantity.parse(text)
    except (ValueError, QuantityError) as error:
        raise error if isinstance(error, ThresholdError) else ThresholdError(f"{signal}: {text!r}: {error}") from error
    if quantity < Quantity.of(0):
        raise ThresholdError(f"eviction threshold {signal} cannot be negative: {text}")
    return Amount(quantity)


# --- observed

def met(thresholds: Iterable[Threshold], seen: Observations, *, with_reclaim: bool = False) -> list[Threshold]:
    """Which are met now; with_reclaim: which have not been left behind by as much as is wanted."""
    return [one for one in thresholds if one.signal in seen and _is_met(one, seen[one.signal], with_reclaim)]


def _is_met(threshold: Threshold, seen: Observation, with_reclaim: bool) -> bool:
    least = threshold.amount.of(seen.capacity)
    if with_reclaim and threshold.least_reclaimed is not None:
        least += threshold.least_reclaimed.of(seen.capacity)
    return least > seen.available


def conditions(thresholds: Iterable[Threshold]) -> set[str]:
    return {one.condition for one in thresholds}


def most_urgent(thresholds: Sequence[Threshold]) -> Threshold:
    """Memory before all else: what has too little of that, dies."""
    return min(thresholds, key=lambda one: one.signal != MEMORY)


def describe(names: Collection[str]) -> str:
    """Conditions as Go prints a list."""
    return f"[{' '.join(sorted(names))}]"
