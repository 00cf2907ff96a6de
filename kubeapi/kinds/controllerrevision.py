"""ControllerRevisions: a template as it once was; only its number may change."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, required
from kubeapi.kinds.cells import AGE, NAME, NONE, column, metadata
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.selectors import non_negative

Document = dict[str, Any]


class ControllerRevisionStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        faults = [required("data", "data is mandatory")] if obj.get("data") is None else []
        return [*faults, *non_negative(obj.get("revision"), "revision")]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*self.validate(new), *immutable(new.get("data"), old.get("data"), "data")]


def _controller(revision: Document) -> str:
    owner = next((each for each in metadata(revision).get("ownerReferences") or () if each.get("controller")), None)
    if owner is None:
        return NONE
    group = owner["apiVersion"].rpartition("/")[0]
    return f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"


COLUMNS = (NAME, column("Controller", _controller), column("Revision", lambda each: each.get("revision", 0), "integer"), AGE)
