"""MutatingAdmissionPolicyBindings: where a policy holds."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import part
from kubeapi.kinds.validatingadmissionpolicybinding import COLUMNS as COLUMNS
from kubeapi.kinds.validatingadmissionpolicybinding import ValidatingAdmissionPolicyBindingStrategy
from kubeapi.validation.admissionpolicy import validate_policy_binding

Document = dict[str, Any]


class MutatingAdmissionPolicyBindingStrategy(ValidatingAdmissionPolicyBindingStrategy):
    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_policy_binding(part(obj, "spec"))
