"""Durations as kubectl shows them: two units at most, coarser as they grow (`45s`, `3m20s`, `5h`, `12d`, `2y40d`)."""
from __future__ import annotations

from datetime import datetime


def human_duration(seconds: float) -> str:
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    total = max(total, 0)
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y{days % 365}d" if years < 8 and days % 365 else f"{years}y"


def age_of(timestamp: str, now: float) -> str:
    """The time since an RFC 3339 *timestamp*; `<unknown>` where there is none."""
    return human_duration(now - datetime.fromisoformat(timestamp).timestamp()) if timestamp else "<unknown>"
