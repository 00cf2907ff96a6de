"""NetworkPolicies: which traffic of some pods is let through; of incoming traffic unless they speak of the other."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column, format_label_selector, part
from kubeapi.strategy import Strategy
from kubeapi.validation.networkpolicy import validate_network_policy

Document = dict[str, Any]


class NetworkPolicyStrategy(Strategy):
    has_status: ClassVar[bool] = False

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")
        if not spec.get("policyTypes"):
            spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_network_policy(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


COLUMNS = (NAME, column("Pod-Selector", lambda each: format_label_selector(part(each, "spec").get("podSelector"))), AGE)
