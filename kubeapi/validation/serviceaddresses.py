"""Validation of what addresses a Service has: of which families, and how they may change."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, invalid, not_supported, required
from kubeapi.names import ip_faults

Document = dict[str, Any]
ADDRESSES, FAMILIES, POLICY = "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy"
NONE, ONCE = "None", "may not change once set"
_FAMILIES, _POLICIES = ("IPv4", "IPv6"), ("PreferDualStack", "RequireDualStack", "SingleStack")


def is_headless(spec: Document) -> bool:
    return _addresses(spec) == [NONE]


def _addresses(spec: Document) -> list[str]:
    return spec.get("clusterIPs") or []


def _families(spec: Document) -> list[str]:
    return spec.get("ipFamilies") or []


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def validate_addresses(spec: Document, kept: list[str]) -> list[FieldError]:
    """`kept`: what the Service had before, and may go on to have however it is written."""
    if spec.get("type") == "ExternalName":
        return []
    addresses, families = _addresses(spec), _families(spec)
    faults = _first(spec.get("clusterIP", ""), addresses)
    if (policy := spec.get("ipFamilyPolicy")) is not None and policy not in _POLICIES:
        faults.append(not_supported(POLICY, policy, _POLICIES))
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            faults.append(not_supported(f"{FAMILIES}[{index}]", family, _FAMILIES))
        elif family in families[:index]:
            faults.append(duplicate(f"{FAMILIES}[{index}]", family))
    wrong = _texts(addresses, kept)
    faults += wrong
    if len(addresses) > 2:
        faults.append(invalid(ADDRESSES, addresses, "may only hold up to 2 values"))
    return faults if wrong else faults + _of_families(addresses, families)


def _first(address: str, addresses: list[str]) -> list[FieldError]:
    if address and not addresses:
        return [required(ADDRESSES)]
    if address and addresses[0] != address:
        return [invalid(ADDRESSES, addresses, "first value must match `clusterIP`")]
    if addresses and not address:
        return [invalid(ADDRESSES, addresses, "must be empty when `clusterIP` is not specified")]
    return []


def _texts(addresses: list[str], kept: list[str]) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, address in enumerate(addresses):
        if index == 0 and address == NONE:
            if len(addresses) > 1:
                faults.append(invalid(ADDRESSES, addresses, "'None' must be the first and only value"))
        elif address not in kept:
            faults += [invalid(f"{ADDRESSES}[{index}]", address, fault) for fault in ip_faults(address)]
    return faults


def _of_families(addresses: list[str], families: list[str]) -> list[FieldError]:
    faults: list[FieldError] = []
    if len(addresses) > 1 and len({_family(one) for one in addresses}) == 1:
        faults.append(invalid(ADDRESSES, addresses, "may specify no more than one IP for each IP family"))
    if addresses == [NONE]:
        return faults
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in _FAMILIES and _family(address) != family:
            faults.append(invalid(f"{ADDRESSES}[{index}]", address, f"expected an {family} value as indicated by `ipFamilies[{index}]`"))
    return faults


def validate_addresses_update(after: Document, before: Document) -> list[FieldError]:
    """The first address and family stay; a second may come and, where the policy says so, go."""
    if "ExternalName" in (after.get("type"), before.get("type")):
        return []
    faults: list[FieldError] = []
    if not (is_headless(before) and is_headless(after)):
        faults += _changes(_addresses(after), _addresses(before), after, {
            "equal": "{}[{}]", "field": ADDRESSES, "unset": "primary clusterIP can not be unset", "second": "clusterIP"})
    if not is_headless(before) and not is_headless(after):
        faults += _changes(_families(after), _families(before), after, {
            "equal": "{}[0]", "field": FAMILIES, "unset": "primary ipFamily can not be unset", "second": "ipFamily"})
    return faults


def _changes(new: list[str], old: list[str], after: Document, words: Mapping[str, str]) -> list[FieldError]:
    path = words["field"]
    if len(new) == len(old):
        return [invalid(words["equal"].format(path, index), new, ONCE) for index, one in enumerate(old) if new[index] != one]
    faults: list[FieldError] = []
    if not new:
        faults.append(invalid(f"{path}[0]", new, words["unset"]))
    if new and old and new[0] != old[0]:
        faults.append(invalid(f"{path}[0]", new, ONCE))
    if len(old) > len(new) == 1 and after.get("ipFamilyPolicy") != "SingleStack":
        faults.append(invalid(POLICY, after.get("ipFamilyPolicy"), f"must be set to 'SingleStack' when releasing the secondary {words['second']}"))
    return faults
