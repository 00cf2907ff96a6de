"""PersistentVolumeClaims: born Pending, for a file system unless told otherwise."""
from __future__ import annotations

from typing import Any, ClassVar

from kubeapi.strategy import Strategy

Document = dict[str, Any]


def default_claim(claim: Document) -> None:
    claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    claim.setdefault("status", {}).setdefault("phase", "Pending")


class PersistentVolumeClaimStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        default_claim(obj)
