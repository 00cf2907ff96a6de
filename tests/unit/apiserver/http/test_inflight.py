from __future__ import annotations

from contextlib import ExitStack

import pytest

from apiserver.http.inflight import MOST, MOST_OF_ONE_USER, InFlight
from kubeapi import errors


def test_one_user_cannot_take_every_place() -> None:
    """700 requests whose bodies never came kept everybody else out for a minute."""
    in_flight = InFlight()
    with ExitStack() as places:
        for _ in range(MOST_OF_ONE_USER):
            places.enter_context(in_flight.one_of("tenant"))
        with pytest.raises(errors.TooManyRequests), in_flight.one_of("tenant"):
            pass
        with in_flight.one_of("system:kube-scheduler"):
            pass
    with in_flight.one_of("tenant"):
        pass


def test_all_users_together_have_a_bound_too() -> None:
    in_flight = InFlight()
    with ExitStack() as places:
        for number in range(MOST):
            places.enter_context(in_flight.one_of(f"user-{number}"))
        with pytest.raises(errors.TooManyRequests), in_flight.one_of("another"):
            pass
