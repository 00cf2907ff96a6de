from __future__ import annotations

from typing import Any

from kubeapi.repeats import MOST_BYTES, Repeats


def counted(size: int = 2) -> tuple[Repeats[int], list[Any]]:
    asked: list[Any] = []

    def of(document: Any) -> int:
        asked.append(document)
        return len(asked)

    return Repeats(of, size), asked


def test_equal_documents_are_looked_at_once() -> None:
    repeats, asked = counted()
    assert [repeats({"a": [1]}), repeats({"a": [1]}), repeats({"a": [2]})] == [1, 1, 2]
    assert asked == [{"a": [1]}, {"a": [2]}]


def test_true_is_not_one() -> None:
    repeats, asked = counted()
    assert repeats({"a": 1}) != repeats({"a": True})


def test_no_more_is_remembered_than_it_has_room_for() -> None:
    repeats, asked = counted(size=2)
    for number in (1, 2, 3, 1):
        repeats(number)
    assert asked == [1, 2, 3, 1]


def test_large_documents_and_such_as_cannot_be_written_are_not_remembered() -> None:
    repeats, asked = counted()
    for document in ("x" * MOST_BYTES, {"a": 2**70}):
        repeats(document)
        repeats(document)
    assert len(asked) == 4


def test_documents_may_differ_in_what_makes_no_difference() -> None:
    asked: list[Any] = []
    repeats = Repeats(lambda document: asked.append(document), alike=lambda encoded: encoded.replace(b"random", b""))
    repeats({"name": "a-random"})
    repeats({"name": "a-"})
    repeats({"name": "b-"})
    assert asked == [{"name": "a-random"}, {"name": "b-"}]
