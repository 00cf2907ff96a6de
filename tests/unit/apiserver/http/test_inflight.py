from __future__ import annotations

from contextlib import ExitStack

import pytest

from apiserver.auth.user import User
from apiserver.http.inflight import MOST, MOST_OF_ONE_USER, InFlight, LongRunning
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


def test_one_users_watches_have_a_bound() -> None:
    """A thousand watches that nobody read took a gigabyte; controllers and kubelets are many users, each with few."""
    tenant, watching = User("tenant", ("system:authenticated",)), LongRunning(3)
    with ExitStack() as places:
        for _ in range(3):
            places.enter_context(watching.one_of(tenant))
        with pytest.raises(errors.TooManyRequests) as refused, watching.one_of(tenant):
            pass
        assert refused.value.status["details"]["retryAfterSeconds"] == 1
        with watching.one_of(User("another")):
            pass
    with watching.one_of(tenant):
        pass


def test_masters_are_exempt() -> None:
    master, watching = User("kubernetes-admin", ("system:masters",)), LongRunning(1)
    with watching.one_of(master), watching.one_of(master):
        pass
