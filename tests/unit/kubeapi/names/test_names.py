"""Names and keys: what passes and the sentences for what does not."""
from __future__ import annotations

import pytest

from kubeapi import names
from kubeapi.names import NameCheck


@pytest.mark.parametrize(("check", "good"), [
    (names.dns1123_label_faults, "a-1"), (names.dns1123_subdomain_faults, "a.b-c.d"), (names.dns1035_label_faults, "a1"),
    (names.label_value_faults, ""), (names.label_value_faults, "A_b.c"), (names.qualified_name_faults, "example.com/Name_1"),
    (names.config_key_faults, ".profile"), (names.environment_name_faults, "my var-1"), (names.port_name_faults, "http-2"), (names.ip_faults, "::1"),
    (names.path_segment_faults, "system:node"),
])
def test_good_ones_have_no_faults(check: NameCheck, good: str) -> None:
    assert check(good) == []


@pytest.mark.parametrize(("check", "bad", "faults"), [
    (names.dns1123_label_faults, "A", ["a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
     "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"]),
    (names.dns1123_label_faults, "a" * 64, ["must be no more than 63 characters"]),
    (names.qualified_name_faults, "/x", ["prefix part must be non-empty"]),
    (names.config_key_faults, "..", ["must not be '..'"]),
    (names.config_key_faults, "..a", ["must not start with '..'"]),
    (names.environment_name_faults, "a=b", ["a valid environment variable name must consist only of printable ASCII characters other than '='"]),
    (names.port_name_faults, "-1--2", ["must contain at least one letter (a-z)", "must not contain consecutive hyphens", "must not begin or end with a hyphen"]),
    (names.path_segment_faults, "a/b", ["may not contain '/'"]),
    (names.ip_faults, "1.2.3", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
], ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "")
def test_faults(check: NameCheck, bad: str, faults: list[str]) -> None:
    assert check(bad) == faults


def test_a_newline_does_not_hide_at_the_end() -> None:
    assert names.dns1123_label_faults("a\n") and names.label_value_faults("a\n")
