"""Which images go when the disk fills up."""
from __future__ import annotations

import pytest

from kubelet.cri import Image
from kubelet.imagegc import Disk, Policy, Record, observe, to_delete

A, B, C = (Image(f"sha256:{name}", (f"{name}:1",), (f"{name}@sha256:0",), size) for name, size in (("a", 10), ("b", 20), ("c", 40)))
RECORDS = {A.id: Record(0.0, 300.0), B.id: Record(0.0, 100.0), C.id: Record(0.0, 200.0)}


@pytest.mark.parametrize(("in_use", "excess", "policy", "now", "expected"), [
    pytest.param((), 0, Policy(), 1000, [], id="there-is-room"),
    pytest.param((), 1, Policy(), 1000, [B], id="the-longest-unused-first"),
    pytest.param((), 21, Policy(), 1000, [B, C], id="as-many-as-needed"),
    pytest.param((), 999, Policy(), 1000, [B, C, A], id="all"),
    pytest.param(("b:1", A.id), 999, Policy(), 1000, [C], id="not-what-is-used"),
    pytest.param(("c@sha256:0",), 999, Policy(), 1000, [B, A], id="used-by-digest"),
    pytest.param((), 999, Policy(), 60, [], id="not-what-has-just-come"),
    pytest.param((), 0, Policy(most_age=750), 1000, [B, C], id="what-is-too-old-goes-in-any-case"),
])
def test_images_to_delete(in_use: tuple[str, ...], excess: int, policy: Policy, now: float, expected: list[Image]) -> None:
    assert to_delete([A, B, C], RECORDS, in_use, excess, policy, now) == expected


@pytest.mark.parametrize(("available", "policy", "excess"), [
    pytest.param(16, Policy(), 0, id="below"), pytest.param(15, Policy(), 5, id="at-the-threshold"), pytest.param(0, Policy(), 20, id="full"),
    pytest.param(0, Policy(high_percent=100), 0, id="switched-off"), pytest.param(10, Policy(50, 50), 40, id="other-thresholds"),
])
def test_thresholds(available: int, policy: Policy, excess: int) -> None:
    assert Disk(100, available).excess(policy) == excess


def test_records_follow_what_is_there_and_used() -> None:
    first = observe({}, [A, B], {"a:1"}, 5.0)
    assert first == {A.id: Record(5.0, 5.0), B.id: Record(5.0)}
    assert observe(first, [B, C], {"c:1"}, 9.0) == {B.id: Record(5.0), C.id: Record(9.0, 9.0)}
