"""ValidatingAdmissionPolicies: rules in CEL for what is written."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, UNSET, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.admissionpolicy import default_match_resources, validate_policy, validate_validations

Document = dict[str, Any]


class ValidatingAdmissionPolicyStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("failurePolicy", "Fail")
        default_match_resources(spec.get("matchConstraints"))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_policy(part(obj, "spec")) + validate_validations(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


def param_kind(policy: Document) -> str:
    kind = part(policy, "spec").get("paramKind")
    return UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"


COLUMNS = (NAME, column("Validations", lambda each: len(part(each, "spec").get("validations") or ()), "integer"),
           column("ParamKind", param_kind), AGE)
