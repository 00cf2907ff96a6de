"""RoleBindings: who has a role in a namespace; which role never changes."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.names import path_segment_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.rbac import default_binding, validate_binding, validate_binding_update

Document = dict[str, Any]


class RoleBindingStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    is_namespaced: ClassVar[bool] = True

    def name_faults(self, name: str) -> list[str]:
        return path_segment_faults(name)

    def default(self, obj: Document) -> None:
        default_binding(obj)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_binding(obj, self.is_namespaced)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_binding_update(new, old, self.is_namespaced)


def _role(binding: Document) -> str:
    reference = binding.get("roleRef") or {}
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def _subjects(kind: str) -> Callable[[Document], str]:
    def cell(binding: Document) -> str:
        found = [each for each in binding.get("subjects") or () if each.get("kind") == kind]
        return ", ".join(f"{each.get('namespace', '')}/{each.get('name', '')}" if kind == "ServiceAccount" else each.get("name", "")
                         for each in found)
    return cell


COLUMNS = (NAME, column("Role", _role), AGE, column("Users", _subjects("User"), wide=True), column("Groups", _subjects("Group"), wide=True),
           column("ServiceAccounts", _subjects("ServiceAccount"), wide=True))
