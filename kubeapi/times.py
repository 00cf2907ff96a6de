"""Points in time on the wire (RFC 3339, in UTC) and spans as users read them."""
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from kubeapi.duration import age_of, human_duration

__all__ = ["age_of", "format_micro_time", "format_time", "human_duration", "later", "parse_time", "seconds_of"]

LONGEST_SECONDS = (1 << 63) // 10**9
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(text: str) -> datetime:
    """Raises ValueError; digits below a microsecond are dropped."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of RFC 3339")
    day, clock, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7].ljust(7, '0') if fraction else ''}{zone}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def later(moment: datetime, seconds: float) -> datetime:
    """Users choose spans: one beyond Go's 292 years counts as that, and no time is beyond the last that can be written."""
    try:
        return moment + timedelta(seconds=max(-LONGEST_SECONDS, min(seconds, LONGEST_SECONDS)))
    except OverflowError:
        return (datetime.max if seconds > 0 else datetime.min).replace(tzinfo=UTC)


def seconds_of(text: str) -> float:
    """Seconds since the epoch."""
    return parse_time(text).timestamp()


def format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def format_micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
