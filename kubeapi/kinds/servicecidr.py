"""ServiceCIDRs: where Services get their addresses from; one range of each family, for good."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid, required
from kubeapi.kinds.cells import AGE, NAME, column, joined, part
from kubeapi.names import cidr_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]


class ServiceCIDRStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec, at = part(obj, "spec"), "spec.cidrs"
        cidrs = spec.get("cidrs") or []
        if not cidrs:
            return [required(at, "at least one CIDR required")]
        if len(cidrs) > 2:
            return [invalid(at, spec, "may only hold up to 2 values")]
        if len(cidrs) == 2 and len({":" in cidr for cidr in cidrs}) < 2:
            return [invalid(at, spec, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64")]
        return [invalid(f"{at}[{index}]", cidr, fault) for index, cidr in enumerate(cidrs) for fault in cidr_faults(cidr)]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return immutable(part(new, "spec").get("cidrs"), part(old, "spec").get("cidrs"), "spec.cidrs")


COLUMNS = (NAME, column("CIDRs", lambda each: joined(part(each, "spec").get("cidrs") or ())), AGE)
