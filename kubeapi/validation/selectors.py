"""Validation of LabelSelectors and of the requirements of node selectors."""
from __future__ import annotations

import re
from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, required
from kubeapi.names import label_value_faults, qualified_name_faults
from kubeapi.validation.meta import validate_labels

Document = dict[str, Any]
_PERCENT_FAULT = ("a valid percent string must be a numeric string followed by an ending '%' "
                  "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")


def label_name(name: str, path: str) -> list[FieldError]:
    return [invalid(path, name, fault) for fault in qualified_name_faults(name)]


def non_negative(value: int | None, path: str) -> list[FieldError]:
    return [] if (value or 0) >= 0 else [invalid(path, value, "must be greater than or equal to 0")]


def count_or_percent(value: int | str | None, path: str) -> list[FieldError]:
    """A number not below zero, or a percentage of any size."""
    if isinstance(value, str):
        return [] if re.fullmatch("[0-9]+%", value, re.ASCII) else [invalid(path, value, _PERCENT_FAULT)]
    return non_negative(value, path)


def at_most_all(value: int | str | None, path: str) -> list[FieldError]:
    if isinstance(value, str) and re.fullmatch("[0-9]+%", value, re.ASCII) and int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []


def validate_label_selector(selector: Document | None, path: str) -> list[FieldError]:
    selector = selector or {}
    faults = validate_labels(selector.get("matchLabels"), f"{path}.matchLabels")
    for index, each in enumerate(selector.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{index}]"
        faults += validate_requirement(each, at, ordered=False)
        faults += [invalid(f"{at}.values[{number}]", value, fault)
                   for number, value in enumerate(each.get("values") or ()) for fault in label_value_faults(value)]
    return faults


def validate_requirement(each: Document, path: str, ordered: bool) -> list[FieldError]:
    """One expression; *ordered* where Gt and Lt are known too."""
    operator, values = each.get("operator", ""), each.get("values") or []
    faults = []
    if operator in ("In", "NotIn"):
        if not values:
            faults.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            faults.append(forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    elif operator in ("Gt", "Lt") and ordered:
        if len(values) != 1:
            faults.append(required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    else:
        faults.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    return faults + label_name(each.get("key", ""), f"{path}.key")
