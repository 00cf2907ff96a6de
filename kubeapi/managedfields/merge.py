"""An applied configuration merged into an object, and fields taken out of it."""
from __future__ import annotations

from typing import Any

from kubeapi.managedfields.fieldset import FieldSet
from kubeapi.managedfields.typed import Typed


def merge(current: Any, applied: Any, kind: Typed) -> Any:
    """*current* with all that *applied* states; atomic parts are replaced."""
    if type(current) is not type(applied) or kind.owns_whole(applied):
        return applied
    if type(applied) is dict:
        merged = dict(current)
        for name, value in applied.items():
            merged[name] = merge(current[name], value, kind.field(name)[1]) if name in current else value
        return merged
    return _merge_items(current, applied, kind)


def _merge_items(current: list[Any], applied: list[Any], kind: Typed) -> list[Any]:
    """Items of both in the order of *applied*; those of *current* alone keep their place among them."""
    ours = [kind.item_key(item) for item in current]
    theirs = [kind.item_key(item) for item in applied]
    place, wanted = {key: index for index, key in enumerate(ours)}, set(theirs)
    merged: list[Any] = []
    at = 0
    for key, item in zip(theirs, applied, strict=True):
        until = place.get(key, -1)
        while at < len(ours) and (ours[at] not in wanted or at < until):
            if ours[at] not in wanted:
                merged.append(current[at])
            at += 1
        merged.append(item if until < 0 else merge(current[until], item, kind.items))
    return merged + [item for key, item in zip(ours[at:], current[at:], strict=True) if key not in wanted]


def remove(value: Any, gone: FieldSet, kind: Typed) -> Any:
    """*value* without the members of *gone*; a map or list that is emptied goes too."""
    if type(value) is dict:
        kept = {}
        for name, child in value.items():
            path, below = kind.field(name)
            node = gone.get(path)
            if node is None:
                kept[name] = child
            elif node and not below.owns_whole(child) and (left := remove(child, node, below)):
                kept[name] = left
        return kept
    items = []
    for item in value:
        node = gone.get(kind.item_key(item))
        if node is None:
            items.append(item)
        elif node and "." not in node and type(item) is dict:
            items.append(remove(item, node, kind.items))
    return items
