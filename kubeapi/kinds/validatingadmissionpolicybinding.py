"""ValidatingAdmissionPolicyBindings: where a policy holds, and what becomes of what it refuses."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, UNSET, column, format_label_selector, part
from kubeapi.strategy import Strategy
from kubeapi.validation.admissionpolicy import default_match_resources, validate_actions, validate_policy_binding

Document = dict[str, Any]


class ValidatingAdmissionPolicyBindingStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False

    def default(self, obj: Document) -> None:
        default_match_resources(part(obj, "spec").get("matchResources"))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        return validate_policy_binding(spec) + validate_actions(spec.get("validationActions") or [], "spec.validationActions")

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


def _parameters(binding: Document) -> str:
    reference = part(binding, "spec").get("paramRef") or {}
    if name := reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{name}"
    return format_label_selector(reference["selector"]) if reference.get("selector") is not None else UNSET


COLUMNS = (NAME, column("PolicyName", lambda each: part(each, "spec").get("policyName", "")), column("ParamRef", _parameters), AGE)
