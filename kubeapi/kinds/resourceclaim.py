"""ResourceClaims: devices that somebody wants; what is wanted never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column, metadata, part
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]


class ResourceClaimStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return immutable(part(new, "spec"), part(old, "spec"), "spec")


def _state(claim: Document) -> str:
    status, is_going = part(claim, "status"), bool(metadata(claim).get("deletionTimestamp"))
    words = ["deleted"] if is_going else []
    if status.get("allocation") is None:
        words += [] if is_going else ["pending"]
    else:
        words += ["allocated", "reserved"] if status.get("reservedFor") else ["allocated"]
    return ",".join(words)


COLUMNS = (NAME, column("State", _state), AGE)
