"""ResourceQuotas: what a namespace may use in all; their scopes never change."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.quota import validate_amounts, validate_quota, validate_quota_update

Document = dict[str, Any]


class ResourceQuotaStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_quota(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_quota_update(part(new, "spec"), part(old, "spec"))

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        status = part(new, "status")
        return [fault for kind in ("hard", "used") for fault in validate_amounts(status.get(kind) or {}, f"status.{kind}")]


def _used_of(is_limit: bool) -> Callable[[Document], str]:
    """`used/hard` of the resources that are limits, or of the others."""
    def cell(quota: Document) -> str:
        status = part(quota, "status")
        used, hard = status.get("used") or {}, status.get("hard") or {}
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard) if name.startswith("limits.") is is_limit)
    return cell


COLUMNS = (NAME, column("Request", _used_of(False)), column("Limit", _used_of(True)), AGE)
