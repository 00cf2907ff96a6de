"""What a DELETE means for an object: gone at once, gracefully, or when its finalizers are done. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeapi import errors, fielderrors
from kubeapi.resource import Resource
from kubeapi.strategy import Strategy
from kubeapi.times import format_time, later, parse_time

Document = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
POLICIES = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions."""

    grace_period_seconds: int | None = None
    propagation_policy: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False
    orphans: bool | None = None             # the policy's former name

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> DeleteOptions:
        """Raises Invalid."""
        preconditions, grace = document.get("preconditions") or {}, document.get("gracePeriodSeconds")
        policy, orphan, dry_run = document.get("propagationPolicy") or "", document.get("orphanDependents"), document.get("dryRun") or []
        faults = []
        if orphan is not None and policy:
            faults.append(fielderrors.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"))
        if policy and policy not in POLICIES:
            faults.append(fielderrors.not_supported("propagationPolicy", policy, [*POLICIES, "nil"]))
        if set(dry_run) - {"All"}:
            faults.append(fielderrors.not_supported("dryRun", dry_run, ["All"]))
        if faults:
            raise errors.invalid("DeleteOptions", "meta.k8s.io", "", faults)
        if orphan is not None:
            policy = "Orphan" if orphan else "Background"
        return cls(grace, policy, preconditions.get("uid") or "", preconditions.get("resourceVersion") or "", bool(dry_run), orphan)

    @classmethod
    def of_request(cls, body: Mapping[str, Any] | None, query: Mapping[str, str]) -> DeleteOptions:
        """The body says all, where there is one; the query is not looked at then, not even for dryRun. Raises BadRequest, Invalid."""
        return cls.parse(_of_query(query) if body is None else body)

    @property
    def code_of_waiting(self) -> int:
        """The HTTP status where something still holds the object."""
        return 202 if self.orphans is False or self.propagation_policy == "Foreground" else 200


def _of_query(query: Mapping[str, str]) -> Document:
    found: Document = {}
    if grace := query.get("gracePeriodSeconds", ""):
        try:
            found["gracePeriodSeconds"] = int(grace)
        except ValueError:
            raise errors.BadRequest(f'strconv.ParseInt: parsing "{grace}": invalid syntax') from None
    if (orphan := query.get("orphanDependents", "").lower()) in ("true", "false"):
        found["orphanDependents"] = orphan == "true"
    if dry_run := query.get("dryRun", ""):
        found["dryRun"] = [dry_run]
    return {**found, "propagationPolicy": query.get("propagationPolicy", "")}


def check_preconditions(resource: Resource, name: str, document: Document, options: DeleteOptions) -> None:
    for asked, field, word, otherwise in ((options.uid, "uid", "UID", "deleted and then recreated"),
                                          (options.resource_version, "resourceVersion", "ResourceVersion", "modified")):
        has = document["metadata"].get(field, "")
        if asked and asked != has:
            raise errors.conflict(resource.kind, resource.group, name, f"the {word} in the precondition ({asked}) does not match the {word} in record "
                                  f"({has}). The object might have been {otherwise}")


def marked(document: Document, strategy: Strategy, options: DeleteOptions, now: datetime) -> Document | None:
    """The document as it is stored while it waits to go; None when nothing holds it. The argument is not changed."""
    metadata = dict(document["metadata"])
    asked, pending = options.grace_period_seconds, metadata.get("deletionGracePeriodSeconds") or 0
    asked = 1 if asked is not None and asked < 0 else asked
    is_dying = "deletionTimestamp" in metadata
    if is_dying and (strategy.holds_deletion(document) or pending and (asked is None or asked >= pending)):
        return document                     # a deletion may be hurried, never delayed; until then it is as it was
    finalizers = _finalizers(metadata.get("finalizers") or [], options.propagation_policy, strategy.default_propagation)
    grace = (asked if pending else 0) if is_dying else strategy.grace_period_seconds(document, asked)
    if not finalizers and not grace and not strategy.holds_deletion(document):
        return None
    grace = grace or 0
    if is_dying and pending:
        began = later(parse_time(metadata["deletionTimestamp"]), -pending)
        metadata["deletionTimestamp"] = format_time(later(began, grace))
        metadata["deletionGracePeriodSeconds"] = grace
    elif not is_dying:
        metadata["deletionTimestamp"] = format_time(later(now, grace))
        metadata["deletionGracePeriodSeconds"] = grace
        if metadata.get("generation"):
            metadata["generation"] += 1
    metadata["finalizers"] = finalizers
    if not finalizers:
        del metadata["finalizers"]
    waiting = {**document, "metadata": metadata}
    strategy.prepare_for_deletion(waiting)
    return waiting


def may_go_now(old: Document, new: Document, strategy: Strategy) -> bool:
    """An update that removes the last finalizer of an object whose grace is over deletes it."""
    metadata = new["metadata"]
    return ("deletionTimestamp" in metadata and not metadata.get("deletionGracePeriodSeconds")
            and _is_held(old, strategy) and not _is_held(new, strategy))


def _is_held(document: Document, strategy: Strategy) -> bool:
    return bool(document["metadata"].get("finalizers")) or strategy.holds_deletion(document)


def _finalizers(there: list[str], policy: str, default: str) -> list[str]:
    """Those the propagation policy asks for, and no others of its kind. The kind's default counts where neither the deletion nor the
    object says anything; Background, nearly every kind's, needs no finalizer. Nobody depends on Unsupported ones (events)."""
    if default == "Unsupported":
        return [one for one in there if one not in (FOREGROUND, ORPHAN)]
    if not policy and (default == "Background" or FOREGROUND in there or ORPHAN in there):
        return there
    policy = policy or default
    others = [one for one in there if one not in (FOREGROUND, ORPHAN)]
    return others + {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(policy, [])
