"""ValidatingAdmissionPolicyBindings: where a policy holds."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class ValidatingAdmissionPolicyBindingStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True
