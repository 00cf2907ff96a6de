"""IPAddresses: an address that is taken, named by it, and by whom; neither changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid, required
from kubeapi.kinds.cells import NAME, NONE, column, part
from kubeapi.names import dns1123_subdomain_faults, ip_faults, path_segment_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]


class IPAddressStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def name_faults(self, name: str) -> list[str]:
        return ip_faults(name)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        parent, at = part(obj, "spec").get("parentRef"), "spec.parentRef"
        if parent is None:
            return [required(at)]
        faults = [required(f"{at}.{name}") for name in ("resource", "name") if not parent.get(name)]
        for name, check in (("group", dns1123_subdomain_faults), ("resource", path_segment_faults), ("name", path_segment_faults),
                            ("namespace", path_segment_faults)):
            if value := parent.get(name):
                faults += [invalid(f"{at}.{name}", value, fault) for fault in check(value)]
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return immutable(part(new, "spec").get("parentRef"), part(old, "spec").get("parentRef"), "spec.parentRef")


def _parent(address: Document) -> str:
    parent = part(address, "spec").get("parentRef")
    if not parent:
        return NONE
    what = f"{parent.get('resource', '')}.{parent['group']}" if parent.get("group") else parent.get("resource", "")
    return "/".join([what.lower(), *([parent["namespace"]] if parent.get("namespace") else []), parent.get("name", "")])


COLUMNS = (NAME, column("ParentRef", _parent))
