"""Label selectors as the API tells them, read for matching many pods."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeapi.generated.models.meta_v1 import LabelSelector
from kubeapi.labels import NOTHING, Requirement, Selector, from_label_selector


def selector_of(selector: LabelSelector | None) -> Selector:
    return NOTHING if selector is None else from_label_selector(selector.to_wire())


def with_values(selector: Selector, labels: Mapping[str, str], keys: Iterable[str], operator: str = "in") -> Selector:
    """matchLabelKeys: the pod's own values of these labels, where it has them, are required (or, by `notin`, refused)."""
    own = tuple(Requirement(key, operator, frozenset((labels[key],))) for key in keys if key in labels)
    if selector.selects_nothing or not own:
        return selector
    return Selector((*selector.requirements, *own))
