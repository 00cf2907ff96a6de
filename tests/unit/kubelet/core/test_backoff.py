"""How long is waited after failures."""
from __future__ import annotations

import pytest

from kubelet.backoff import BackOff
from kubelet.pulling import go_duration


def test_doubles_up_to_the_maximum() -> None:
    backoff, delays = BackOff(10, 300), []
    for number in range(7):
        backoff.next("c", number, number)
        delays.append(backoff.delay("c"))
    assert delays == [10, 20, 40, 80, 160, 300, 300]


def test_the_first_failure_waits_for_nothing() -> None:
    assert BackOff().remaining("c", 100, 100) == 0


def test_waits_from_the_failure_on() -> None:
    backoff = BackOff(10)
    backoff.next("c", 0, 0)
    assert backoff.remaining("c", 3, 5) == 8
    assert backoff.remaining("c", 3, 13) == 0


def test_who_ran_for_ten_minutes_begins_anew() -> None:
    backoff = BackOff(10)
    backoff.next("c", 0, 0)
    backoff.next("c", 1, 1)
    assert backoff.remaining("c", 700, 700) == 0
    backoff.next("c", 700, 700)
    assert backoff.delay("c") == 10


def test_forgets_by_prefix() -> None:
    backoff = BackOff(10)
    backoff.next("a/x", 0, 0)
    backoff.next("b/x", 0, 0)
    backoff.forget("a/")
    assert (backoff.delay("a/x"), backoff.delay("b/x")) == (0, 10)


@pytest.mark.parametrize(("seconds", "text"), [
    (10, "10s"), (80, "1m20s"), (300, "5m0s"), (0.231, "231ms"), (1.5, "1.5s"), (0, "0s"), (3661.25, "1h1m1.25s")])
def test_durations_print_as_in_go(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
