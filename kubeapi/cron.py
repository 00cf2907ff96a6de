"""Schedules of CronJobs: five fields of cron, or a descriptor such as `@daily` and `@every 1h30m`; faults in the words users know.

A Schedule says which minutes match; when the next one is, and in which time zone, is the controller's to say.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_MONTHS = {name: number for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)}
_DAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_DESCRIPTORS = {"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
                "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *"}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class CronError(ValueError):
    """The schedule cannot be understood."""


@dataclass(frozen=True, slots=True)
class Bounds:
    least: int
    most: int
    names: Mapping[str, int]


_BOUNDS = (Bounds(0, 59, {}), Bounds(0, 23, {}), Bounds(1, 31, {}), Bounds(1, 12, _MONTHS), Bounds(0, 6, _DAYS))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where neither days of the month nor of the week are `*`, a day needs to match one of them only."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()        # 0 is Sunday
    any_day: bool = False                         # days is `*`
    any_weekday: bool = False
    every_seconds: float = 0                      # of `@every`; the rest is empty then


@lru_cache(maxsize=1024)
def parse(text: str) -> Schedule:
    """Raises CronError. A leading `TZ=` or `CRON_TZ=` is left out."""
    if not text:
        raise CronError("empty spec string")
    if text.startswith(("TZ=", "CRON_TZ=")):
        text = text.partition(" ")[2].strip()
    if text.startswith("@every "):
        return Schedule(every_seconds=_duration(text))
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise CronError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != len(_BOUNDS):
        raise CronError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = (_field(field, bounds) for field, bounds in zip(fields, _BOUNDS, strict=True))
    return Schedule(minutes, hours, days, months, weekdays, _is_any(fields[2]), _is_any(fields[4]))


def _is_any(field: str) -> bool:
    return any(re.fullmatch(r"[*?](/0*1)?", each) for each in field.split(","))


def _field(field: str, bounds: Bounds) -> frozenset[int]:
    return frozenset(number for each in field.split(",") if each for number in _range(each, bounds))


def _range(text: str, bounds: Bounds) -> range:
    """`*`, `3`, `mon-fri`, any of them with `/step`; `3/5` goes on to the greatest."""
    span, *steps = text.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        first, last = bounds.least, bounds.most
    else:
        first = _number(ends[0], bounds.names)
        if len(ends) > 2:
            raise CronError(f"too many hyphens: {text}")
        last = _number(ends[1], bounds.names) if len(ends) == 2 else first
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    step = _number(steps[0], {}) if steps else 1
    if steps and len(ends) == 1:
        last = bounds.most
    if first < bounds.least:
        raise CronError(f"beginning of range ({first}) below minimum ({bounds.least}): {text}")
    if last > bounds.most:
        raise CronError(f"end of range ({last}) above maximum ({bounds.most}): {text}")
    if first > last:
        raise CronError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text, re.ASCII):
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number


def _duration(text: str) -> float:
    """A Go duration; below a second it is a second."""
    given = text.removeprefix("@every ")
    parts = re.findall(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ms|us|µs|ns|h|m|s)", given)
    if not parts or "".join(number + unit for number, unit in parts) != given.lstrip("+-"):
        raise CronError(f'failed to parse duration {text}: time: invalid duration "{given}"')
    return max(1.0, sum(float(number) * _UNITS[unit] for number, unit in parts))
