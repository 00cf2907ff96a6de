"""Sets of indexes as Jobs write them: `1,3-5,7`, below the number of completions and in order."""
from __future__ import annotations

import json
import re


class IndexesError(ValueError):
    """The text is no set of indexes."""


def parse_indexes(text: str, completions: int) -> list[range]:
    """Raises IndexesError."""
    found: list[range] = []
    for fragment in text.split(",") if text else ():
        ends = fragment.split("-")
        if len(ends) > 2:
            raise IndexesError(f"the fragment {json.dumps(fragment)} violates the requirement that an index interval can have at most two "
                               "parts separated by '-'")
        first, last = _index(ends[0], completions), _index(ends[-1], completions)
        if len(ends) == 2 and first >= last:
            raise IndexesError(f"non-increasing order, previous: {first}, current: {last}")
        if found and found[-1][-1] >= first:
            raise IndexesError(f"non-increasing order, previous: {found[-1][-1]}, current: {first}")
        found.append(range(first, last + 1))
    return found


def count_indexes(text: str, completions: int) -> int:
    return sum(map(len, parse_indexes(text, completions)))


def _index(text: str, completions: int) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text, re.ASCII) is None:
        raise IndexesError(f"cannot convert string to integer for index: {json.dumps(text)}")
    if int(text) >= completions:
        raise IndexesError(f"too large index: {json.dumps(text)}")
    return int(text)


def first_common(one: list[range], other: list[range]) -> int | None:
    """The least index that is in both; both are in order."""
    left, right = iter(one), iter(other)
    a, b = next(left, None), next(right, None)
    while a is not None and b is not None:
        if a[0] <= b[-1] and b[0] <= a[-1]:
            return max(a[0], b[0])
        if a[0] <= b[0]:
            a = next(left, None)
        else:
            b = next(right, None)
    return None
