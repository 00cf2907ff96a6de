"""Aligns tab-separated cells as Go's text/tabwriter does: a column is a run of consecutive lines that have the cell,
and its width is the widest of these cells plus the padding. A line's last cell belongs to no column.
"""
from __future__ import annotations


def align(text: str, min_width: int = 0, padding: int = 2) -> str:
    """*text* with its tabs replaced by spaces; describe's settings by default."""
    lines = [line.split("\t") for line in text.split("\n")]
    done: list[str] = []
    _block(lines, 0, len(lines), [], min_width, padding, done)
    return "\n".join(done)


def _block(lines: list[list[str]], start: int, end: int, widths: list[int], min_width: int, padding: int, done: list[str]) -> None:
    column, at = len(widths), start
    while at < end:
        if column >= len(lines[at]) - 1:
            done.append(_line(lines[at], widths))
            at += 1
            continue
        last = at
        while last < end and column < len(lines[last]) - 1:
            last += 1
        width = max([min_width, *(len(line[column]) + padding for line in lines[at:last])])
        _block(lines, at, last, [*widths, width], min_width, padding, done)
        at = last


def _line(cells: list[str], widths: list[int]) -> str:
    if len(cells) == 1:
        return cells[0]
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)) + cells[-1]


class Rows:
    """A table whose rows come over time: columns never get narrower than they were (a watch goes on below)."""

    def __init__(self, min_width: int = 6, padding: int = 3) -> None:
        self._min_width, self._padding = min_width, padding
        self._widths: list[int] = []

    def format(self, rows: list[list[str]]) -> str:
        """The rows' lines, each ended by a newline."""
        count = max((len(row) for row in rows), default=0)
        widths = [max(self._min_width, *(len(row[column]) + self._padding for row in rows if column < len(row) - 1), 0)
                  for column in range(count - 1)]
        self._widths = [max(width, self._widths[column] if column < len(self._widths) else 0) for column, width in enumerate(widths)]
        return "".join(_line(row, self._widths) + "\n" for row in rows)
