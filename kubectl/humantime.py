"""Times as kubectl shows them: `5m`, `3d4h`."""
from __future__ import annotations

from kubectl.session import now


def seconds_of(timestamp: str) -> float:
    """A timestamp of the API as seconds since the epoch."""
    import calendar
    date, _, clock = timestamp.rstrip("Z").partition("T")
    whole, _, fraction = clock.partition(".")
    year, month, day = (int(part) for part in date.split("-"))
    hour, minute, second = (int(part) for part in whole.split(":"))
    return calendar.timegm((year, month, day, hour, minute, second)) + (float(f"0.{fraction}") if fraction else 0.0)


def age(timestamp: str | None) -> str:
    """How long ago; `<unknown>` without a time."""
    return human_duration(now() - seconds_of(timestamp)) if timestamp else "<unknown>"


def human_duration(seconds: float) -> str:
    """At most two units, the smaller one only where it matters."""
    if seconds < -1:
        return "<invalid>"
    whole = max(int(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def go_duration(seconds: float) -> str:
    """`1m0s`, `500ms`: as Go prints a duration."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    head = f"{int(hours)}h" if hours else ""
    head += f"{int(minutes)}m" if minutes or hours else ""
    return f"{head}{left:g}s"
