"""ClusterRoleBindings: who has a role everywhere; which role never changes."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.kinds.rolebinding import COLUMNS as COLUMNS
from kubeapi.kinds.rolebinding import RoleBindingStrategy


class ClusterRoleBindingStrategy(RoleBindingStrategy):
    is_namespaced: ClassVar[bool] = False
