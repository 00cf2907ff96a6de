"""Which of an index's manifests is for this machine."""
from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

# uname's word -> (architecture, variants from the best to what also runs)
MACHINES: dict[str, tuple[str, tuple[str, ...]]] = {
    "x86_64": ("amd64", ("",)), "aarch64": ("arm64", ("v8", "")), "armv8l": ("arm", ("v8", "v7", "v6", "")),
    "armv7l": ("arm", ("v7", "v6", "")), "armv6l": ("arm", ("v6", "")), "i686": ("386", ("",)), "ppc64le": ("ppc64le", ("",)),
    "s390x": ("s390x", ("",)), "riscv64": ("riscv64", ("",)),
}


def own_architecture() -> str:
    return MACHINES.get(platform.machine(), (platform.machine(), ("",)))[0]


def choose(manifests: Sequence[Mapping[str, Any]], machine: str = "") -> Mapping[str, Any] | None:
    architecture, variants = MACHINES.get(machine or platform.machine(), (machine, ("",)))
    fitting = [one for one in manifests
               if (asked := one.get("platform") or {}).get("architecture") == architecture and asked.get("os", "linux") == "linux"]
    for variant in variants:
        for one in fitting:
            if one["platform"].get("variant", "") == variant:
                return one
    # amd64/v2 and the like: better than none at all, never before a plain one.
    return fitting[0] if fitting and architecture not in ("arm",) else None
