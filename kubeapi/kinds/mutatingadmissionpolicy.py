"""MutatingAdmissionPolicies: changes in CEL of what is written."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.kinds.validatingadmissionpolicy import ValidatingAdmissionPolicyStrategy, param_kind
from kubeapi.validation.admissionpolicy import validate_policy

Document = dict[str, Any]


class MutatingAdmissionPolicyStrategy(ValidatingAdmissionPolicyStrategy):
    has_status: ClassVar[bool] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_policy(part(obj, "spec"))


COLUMNS = (NAME, column("Mutations", lambda each: len(part(each, "spec").get("mutations") or ()), "integer"), column("ParamKind", param_kind), AGE)
