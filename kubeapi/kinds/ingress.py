"""Ingresses: which Service answers for which host and path."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import AGE, NAME, NONE, column, metadata, part
from kubeapi.strategy import Strategy
from kubeapi.validation.ingress import CLASS_ANNOTATION, validate_ingress, validate_ingress_status

Document = dict[str, Any]
HOSTS_SHOWN, ADDRESS_WIDTH = 3, 16


class IngressStrategy(Strategy):
    def validate(self, obj: Document) -> Sequence[FieldError]:
        faults, name = validate_ingress(part(obj, "spec")), part(obj, "spec").get("ingressClassName")
        annotation = (metadata(obj).get("annotations") or {}).get(CLASS_ANNOTATION)
        if annotation is not None and name is not None and annotation != name:
            faults.append(invalid(f"annotations.{CLASS_ANNOTATION}", annotation, "must match `ingressClassName` when both are specified"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_ingress(part(new, "spec"))

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_ingress_status(part(new, "status"))


def _hosts(ingress: Document) -> str:
    rules = part(ingress, "spec").get("rules") or []
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    if not hosts:
        return "*"
    shown = ",".join(hosts[:HOSTS_SHOWN])
    return f"{shown} + {len(rules) - HOSTS_SHOWN} more..." if len(hosts) >= HOSTS_SHOWN and len(rules) > HOSTS_SHOWN else shown


def _address(ingress: Document) -> str:
    found = sorted({each.get("ip") or each.get("hostname") or "" for each in
                    (part(ingress, "status").get("loadBalancer") or {}).get("ingress") or ()} - {""})
    text = ",".join(found)
    return text if len(text) <= ADDRESS_WIDTH else f"{text[:ADDRESS_WIDTH - 3]}..."


COLUMNS = (
    NAME, column("Class", lambda each: part(each, "spec").get("ingressClassName", NONE)), column("Hosts", _hosts),
    column("Address", _address), column("Ports", lambda each: "80, 443" if part(each, "spec").get("tls") else "80"), AGE,
)
