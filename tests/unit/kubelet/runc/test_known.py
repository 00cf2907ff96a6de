from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from kubelet.runc.known import ByPod

OPERATIONS = some.lists(some.tuples(some.booleans(), some.sampled_from("abcdef")))


@given(OPERATIONS)
def test_the_index_by_pod_agrees_with_what_is_known(operations: list[tuple[bool, str]]) -> None:
    known, model = ByPod[str](lambda value: value[0]), dict[str, str]()
    for is_added, id in operations:
        value = f"{'xy'[ord(id) % 2]}-{id}"
        if is_added:
            known[id] = model[id] = value
        else:
            assert known.pop(id, None) == model.pop(id, None)
        assert dict(known) == model and sorted(known.values()) == sorted(model.values())
        for pod in "xy":
            assert sorted(known.of_pod(pod)) == sorted(one for one in model.values() if one[0] == pod)
