"""Validation of metav1.Conditions, as several kinds' statuses hold them."""
from __future__ import annotations

import re
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, invalid, not_supported, required, too_long
from kubeapi.names import regex_fault
from kubeapi.validation.selectors import label_name

Document = dict[str, Any]
STATUSES = ("False", "True", "Unknown")
MAX_REASON, MAX_MESSAGE = 1024, 32 * 1024
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_FAULT = regex_fault(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', "
    "and must end with an alphanumeric character or '_'", _REASON, "my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")


def is_true(conditions: list[Document] | None, type: str) -> bool:
    return any(each.get("type") == type and each.get("status") == "True" for each in conditions or ())


def validate_conditions(conditions: list[Document] | None, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    seen: set[str] = set()
    for index, each in enumerate(conditions or ()):
        at, type = f"{path}[{index}]", each.get("type", "")
        if type in seen:
            faults.append(duplicate(f"{at}.type", type))
        seen.add(type)
        faults += _condition(each, at)
    return faults


def _condition(each: Document, path: str) -> list[FieldError]:
    faults = label_name(each.get("type", ""), f"{path}.type")
    status, generation, reason = each.get("status", ""), each.get("observedGeneration", 0), each.get("reason", "")
    if status not in STATUSES:
        faults.append(not_supported(f"{path}.status", status, STATUSES))
    if generation < 0:
        faults.append(invalid(f"{path}.observedGeneration", generation, "must be greater than or equal to zero"))
    if not each.get("lastTransitionTime"):
        faults.append(required(f"{path}.lastTransitionTime", "must be set"))
    if not reason:
        faults.append(required(f"{path}.reason", "must be set"))
    elif re.fullmatch(_REASON, reason, re.ASCII) is None:
        faults.append(invalid(f"{path}.reason", reason, _REASON_FAULT))
    if len(reason) > MAX_REASON:
        faults.append(too_long(f"{path}.reason", MAX_REASON))
    if len(each.get("message", "")) > MAX_MESSAGE:
        faults.append(too_long(f"{path}.message", MAX_MESSAGE))
    return faults
