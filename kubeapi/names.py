"""What names, keys and values may look like. Each `*_faults` function answers the sentences for all that is wrong."""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

Faults = list[str]
NameCheck = Callable[[str], Faults]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ENDS = "and must start and end with an alphanumeric character"
_QUALIFIED_SENTENCE = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"


def regex_fault(sentence: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{sentence} ({f'e.g. {shown}' if shown else ''}regex used for validation is '{pattern}')"


def max_length_fault(length: int) -> str:
    return f"must be no more than {length} characters"


def _faults(value: str, length: int, pattern: str, fault: str) -> Faults:
    faults = [max_length_fault(length)] if len(value) > length else []
    return faults if _matcher(pattern)(value) else [*faults, fault]


@cache
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.ASCII).fullmatch


_LABEL_FAULT = regex_fault("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " + _ENDS,
                           _LABEL, "my-name", "123-abc")
_SUBDOMAIN_FAULT = regex_fault(
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}",
    _SUBDOMAIN, "example.com")
_WILDCARD_FAULT = regex_fault(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric "
    "characters, '-' or '.' and end with an alphanumeric character", _WILDCARD, "*.example.com")
_LABEL_1035_FAULT = regex_fault(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character", _LABEL_1035, "my-name", "abc-123")
_VALUE_FAULT = regex_fault("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                           + _ENDS, _VALUE, "MyValue", "my_value", "12345")
_QUALIFIED_FAULT = regex_fault(_QUALIFIED_SENTENCE, _QUALIFIED, "MyName", "my.name", "123-abc")
_CONFIG_KEY_FAULT = regex_fault("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                                _CONFIG_KEY, "key.name", "KEY_NAME", "key-name")


def dns1123_label_faults(value: str) -> Faults:
    return _faults(value, 63, _LABEL, _LABEL_FAULT)


def dns1123_subdomain_faults(value: str) -> Faults:
    return _faults(value, 253, _SUBDOMAIN, _SUBDOMAIN_FAULT)


def wildcard_subdomain_faults(value: str) -> Faults:
    return _faults(value, 253, _WILDCARD, _WILDCARD_FAULT)


def dns1035_label_faults(value: str) -> Faults:
    return _faults(value, 63, _LABEL_1035, _LABEL_1035_FAULT)


def label_value_faults(value: str) -> Faults:
    return _faults(value, 63, _VALUE, _VALUE_FAULT)


def qualified_name_faults(value: str) -> Faults:
    """A label's or annotation's key, a resource's or finalizer's name: `[prefix/]name`."""
    *prefix, name = value.split("/")
    if len(prefix) > 1:
        return [f"a qualified name {_QUALIFIED_FAULT}"
                " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    faults = []
    if prefix:
        faults = [f"prefix part {fault}" for fault in (dns1123_subdomain_faults(prefix[0]) if prefix[0] else ["must be non-empty"])]
    if not name:
        faults.append("name part must be non-empty")
    return faults + [f"name part {each}" for each in _faults(name, 63, _QUALIFIED, _QUALIFIED_FAULT)]


def path_segment_faults(value: str) -> Faults:
    """Names that only need to work in a URL (RBAC's)."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in value]


def config_key_faults(value: str) -> Faults:
    faults = _faults(value, 253, _CONFIG_KEY, _CONFIG_KEY_FAULT)
    if value in (".", ".."):
        return [*faults, f"must not be '{value}'"]
    return [*faults, "must not start with '..'"] if value.startswith("..") else faults


def environment_name_faults(value: str) -> Faults:
    if not value:
        return ["environment variable name must be non-empty"]
    if re.fullmatch(r"[ -<>-~]+", value):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def port_number_faults(value: int) -> Faults:
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def port_name_faults(value: str) -> Faults:
    faults = [max_length_fault(15)] if len(value) > 15 else []
    if not re.fullmatch(r"[-a-z0-9]+", value, re.ASCII):
        faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", value):
        faults.append("must contain at least one letter (a-z)")
    if "--" in value:
        faults.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        faults.append("must not begin or end with a hyphen")
    return faults


def ip_faults(value: str) -> Faults:
    import ipaddress  # here, because kubectl imports this module at start
    try:
        ipaddress.ip_address(value.replace("%", " "))          # a zone is no part of an address here
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def cidr_faults(value: str) -> Faults:
    import ipaddress
    try:
        if "/" in value:
            ipaddress.ip_network(value, strict=False)
            return []
    except ValueError:
        pass
    return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
