"""ClusterRoles: what may be done anywhere, or the sum of other ClusterRoles."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.role import RoleStrategy
from kubeapi.validation.rbac import validate_aggregation

Document = dict[str, Any]


class ClusterRoleStrategy(RoleStrategy):
    is_namespaced: ClassVar[bool] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return [*super().validate(obj), *validate_aggregation(obj.get("aggregationRule"))]
