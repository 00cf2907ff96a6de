"""Names that begin with a domain: `example.com/controller`."""
from __future__ import annotations

import re

from kubeapi.fielderrors import FieldError, invalid, required
from kubeapi.names import dns1123_subdomain_faults, regex_fault

_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


def domain_prefixed_path(text: str, path: str) -> list[FieldError]:
    if not text:
        return [required(path)]
    domain, _, rest = text.partition("/")
    if not domain or not rest:
        return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    faults = [invalid(path, domain, fault) for fault in dns1123_subdomain_faults(domain)]
    if re.fullmatch(_HTTP_PATH, rest, re.ASCII) is None:
        faults.append(invalid(path, rest, regex_fault("Invalid path", _HTTP_PATH)))
    return faults
