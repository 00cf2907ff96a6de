"""ConfigMaps: keys that are file names, a megabyte in all; immutable ones stay so."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden, invalid, too_long
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.names import config_key_faults
from kubeapi.strategy import Strategy

Document = dict[str, Any]
MAX_BYTES = 1024 * 1024
FROZEN = "field is immutable when `immutable` is set"


def decoded_size(base64_text: str) -> int:
    return len(base64_text) * 3 // 4 - base64_text[-2:].count("=")


def validate_frozen(new: Document, old: Document, fields: Sequence[str]) -> list[FieldError]:
    """Faults of a change of an object that says it is immutable."""
    if not old.get("immutable"):
        return []
    faults = [] if new.get("immutable") else [forbidden("immutable", FROZEN)]
    return faults + [forbidden(name, FROZEN) for name in fields if (new.get(name) or {}) != (old.get(name) or {})]


class ConfigMapStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        texts, binaries = obj.get("data") or {}, obj.get("binaryData") or {}
        faults = []
        for key in texts:
            faults += [invalid(f"data[{key}]", key, fault) for fault in config_key_faults(key)]
            if key in binaries:
                faults.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        faults += [invalid(f"binaryData[{key}]", key, fault) for key in binaries for fault in config_key_faults(key)]
        size = sum(len(text.encode()) for text in texts.values()) + sum(map(decoded_size, binaries.values()))
        return [*faults, too_long("", MAX_BYTES)] if size > MAX_BYTES else faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*validate_frozen(new, old, ("data", "binaryData")), *self.validate(new)]


COLUMNS = (NAME, column("Data", lambda each: len(each.get("data") or ()) + len(each.get("binaryData") or ())), AGE)
