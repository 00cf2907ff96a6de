"""ValidatingAdmissionPolicies: rules in CEL for what is written."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class ValidatingAdmissionPolicyStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True
