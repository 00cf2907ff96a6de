"""The query of a write: dryRun, fieldManager, fieldValidation and force, all faults at once. Pure.

Upstream: apimachinery's pkg/apis/meta/v1/validation (ValidateCreateOptions and its siblings).
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeapi import errors
from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required, too_long

MANAGER_BYTES = 128
KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
VALIDATIONS = ("", "Ignore", "Strict", "Warn")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    dry_run: bool = False
    manager: str = "unknown"
    validation: str = "Warn"


def parse(verb: str, query: Mapping[str, str], user_agent: str, *, is_apply: bool = False) -> WriteOptions:
    """Raises Invalid. An apply needs its manager, and only an apply can be forced."""
    dry_run, manager, validation = (query.get(name, "") for name in ("dryRun", "fieldManager", "fieldValidation"))
    if verb in KINDS:
        faults = [*_of_manager(manager), *_of_patch(verb, query, is_apply)]
        if dry_run not in ("", "All"):
            faults.append(not_supported("dryRun", dry_run, ["All"]))
        if validation not in VALIDATIONS:
            faults.append(not_supported("fieldValidation", validation, list(VALIDATIONS)))
        if faults:
            raise errors.invalid(KINDS[verb], "meta.k8s.io", "", faults)
    return WriteOptions(bool(dry_run), manager or _from_agent(user_agent), validation or "Warn")


def _of_patch(verb: str, query: Mapping[str, str], is_apply: bool) -> list[FieldError]:
    if verb != "patch":
        return []
    if is_apply and not query.get("fieldManager"):
        return [required("fieldManager", "is required for apply patch")]
    if not is_apply and query.get("force"):
        return [forbidden("force", "may not be specified for non-apply patch")]
    return []


def _of_manager(manager: str) -> list[FieldError]:
    if len(manager.encode()) > MANAGER_BYTES:
        return [too_long("fieldManager", MANAGER_BYTES)]
    return [invalid("fieldManager", manager, f"invalid character U+{ord(letter):04X} (at position {position})")
            for position, letter in enumerate(manager) if not letter.isprintable()]


def _from_agent(user_agent: str) -> str:
    """What comes before the `/`, without what cannot be a manager's name."""
    name = "".join(letter for letter in user_agent.partition("/")[0] if letter.isprintable())
    return name.encode()[:MANAGER_BYTES].decode(errors="ignore") or "unknown"
