from __future__ import annotations

from kubeclient.causes import KEPT, NONE, RETRY, TIMER, Cause, Causes, because_of, current
from tests.unit.kubeclient.objects import a_key


def a_cause(version: int) -> Cause:
    return Cause("MODIFIED", "pods", a_key(), str(version))


def test_merging_keeps_the_newest_and_counts_all() -> None:
    merged = NONE
    for version in range(40):
        merged = merged.merge(Causes.of(a_cause(version)))
    assert merged.count == 40
    assert merged.newest == tuple(a_cause(version) for version in range(40 - KEPT, 40))


def test_the_header_says_how_many_are_left_out() -> None:
    assert Causes.of(a_cause(1), TIMER, RETRY).header() == "MODIFIED pods default/a@1, timer, retry"
    assert Causes((TIMER,), 4).header() == "timer, (+3 more)"
    assert Causes.of(Cause("ADDED", "pods", a_key("ü"), "1")).header().isascii()


def test_causes_hold_inside_their_block() -> None:
    with because_of(Causes.of(TIMER)):
        with because_of(Causes.of(RETRY)):
            assert current().newest == (RETRY,)
        assert current().newest == (TIMER,)
    assert current() is NONE
