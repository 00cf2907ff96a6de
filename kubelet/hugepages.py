"""Huge pages: how many the machine has set aside, and the names of their sizes, which differ between Kubernetes and the kernel."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubeapi.quantity import Format, Quantity

PREFIX = "hugepages-"
SYSFS = Path("/sys/kernel/mm/hugepages")
UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))


def resource_name(size: int) -> str:
    """hugepages-2Mi"""
    return f"{PREFIX}{Quantity.of(size, Format.BINARY_SI)}"


def size_of(resource: str) -> int:
    """Of one page, in bytes; 0 where the resource is none of huge pages. Raises QuantityError."""
    return Quantity.parse(resource.removeprefix(PREFIX)).value() if resource.startswith(PREFIX) else 0


def page_name(size: int) -> str:
    """2MB, as control groups' files and runc call it."""
    unit, name = next((one for one in UNITS if size >= one[0]), UNITS[-1])
    return f"{size // unit}{name}"


def capacity(sysfs: Path = SYSFS) -> Mapping[str, int]:
    """Resource -> bytes, of every size the machine knows."""
    found = {}
    for directory in sorted(sysfs.glob("hugepages-*kB")):
        size = int(directory.name.removeprefix("hugepages-").removesuffix("kB")) * 1024
        try:
            found[resource_name(size)] = int((directory / "nr_hugepages").read_text()) * size
        except (OSError, ValueError):
            continue
    return found
