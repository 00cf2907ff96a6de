"""Where a registry's images are really fetched from: hosts.toml files, as containerd reads them.

    DIRECTORY/docker.io/hosts.toml, DIRECTORY/registry.example:5000/hosts.toml, DIRECTORY/_default/hosts.toml

Mirrors are tried in the order of the file, the registry itself last.
"""
from __future__ import annotations

import ipaddress
import re
import ssl
import tomllib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kubelet.cri import CriError
from kubelet.images.names import Reference

PULL, RESOLVE = "pull", "resolve"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` ends before the image's path; `namespace` is the registry that a mirror stands for."""

    url: str
    namespace: str = ""
    ca: tuple[str, ...] = ()
    client: tuple[tuple[str, str], ...] = ()           # certificate and key
    skips_verification: bool = False
    capabilities: frozenset[str] = frozenset((PULL, RESOLVE))
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        return self.url.startswith("http://")

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def verification(self) -> ssl.SSLContext | bool:
        """For httpx."""
        if self.is_plain or not (self.ca or self.client or self.skips_verification):
            return True
        context = ssl.create_default_context()
        for path in self.ca:
            context.load_verify_locations(path)
        for certificate, key in self.client:
            context.load_cert_chain(certificate, key or None)
        if self.skips_verification:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def is_local(registry: str) -> bool:
    host = registry.rpartition(":")[0] if re.search(r":\d+$", registry) else registry
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


def endpoints(reference: Reference, directory: Path | None = None, insecure: Collection[str] = ()) -> list[Endpoint]:
    """Raises CriError where the node's configuration cannot be read."""
    is_plain = is_local(reference.registry) or reference.registry in insecure
    default = f"{'http' if is_plain else 'https'}://{reference.host}"
    path = _configuration(reference.registry, directory)
    if path is None:
        return [Endpoint(f"{default}/v2")]
    try:
        document = tomllib.loads(path.read_text())
        mirrors = [_endpoint(url, options, reference, path.parent) for url, options in document.get("host", {}).items()]
        found = [*mirrors, _endpoint(str(document.get("server") or default), document, reference, path.parent)]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CriError("ErrImagePull", f'failed to pull image "{reference}": {path} cannot be used: {error}') from error
    # A tag is only believed of those who may resolve it; a digest proves itself.
    needed = {PULL} if reference.digest else {PULL, RESOLVE}
    return [one for one in found if one.capabilities >= needed]


def _configuration(registry: str, directory: Path | None) -> Path | None:
    names = (registry, registry.replace(":", "_") + "_" if ":" in registry else registry, "_default")
    return next((path for name in names if directory and (path := directory / name / "hosts.toml").is_file()), None)


def _endpoint(url: str, options: Mapping[str, Any], reference: Reference, directory: Path) -> Endpoint:
    address = urlsplit(url if "://" in url else f"https://{url}")
    if address.scheme not in ("http", "https") or not address.netloc:
        raise ValueError(f"{url!r} is no address")
    path = address.path.rstrip("/")
    if not options.get("override_path") and not path.endswith("/v2"):
        path += "/v2"
    return Endpoint(
        f"{address.scheme}://{address.netloc}{path}", namespace="" if address.netloc == reference.host else reference.registry,
        ca=tuple(str(directory / one) for one in _texts(options.get("ca"))), client=tuple(_pairs(options.get("client"), directory)),
        skips_verification=bool(options.get("skip_verify")), capabilities=frozenset(_texts(options.get("capabilities")) or (PULL, RESOLVE)),
        headers={str(name): ", ".join(_texts(value)) for name, value in options.get("header", {}).items()})


def _texts(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value or ()]


def _pairs(value: Any, directory: Path) -> list[tuple[str, str]]:
    """`client`: one file with both, several such, or pairs of certificate and key."""
    entries = [value] if isinstance(value, str) else value or ()
    found = []
    for entry in entries:
        certificate, key = (entry, "") if isinstance(entry, str) else (str(entry[0]), str(entry[1]))
        found.append((str(directory / certificate), str(directory / key) if key else ""))
    return found
