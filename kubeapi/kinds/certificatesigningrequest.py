"""CertificateSigningRequests: what is asked for never changes; /approval decides, and who signs writes the certificate to /status."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.duration import human_duration
from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, NONE, column, part
from kubeapi.strategy import Strategy
from kubeapi.times import format_time
from kubeapi.validation.certificates import DECISIONS, validate_request, validate_request_status
from kubeapi.world import REAL_WORLD, World

Document = dict[str, Any]
_TIMES = ("lastUpdateTime", "lastTransitionTime")


class CertificateSigningRequestStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False

    def __init__(self, world: World = REAL_WORLD) -> None:
        self._world = world

    def name_faults(self, name: str) -> list[str]:
        return []

    def prepare_for_create(self, obj: Document) -> None:
        obj["status"] = {}

    def prepare_for_update(self, new: Document, old: Document) -> None:
        new["spec"] = old["spec"]

    def prepare_for_status_update(self, new: Document, old: Document) -> None:
        """What was decided stays as it was said, unless a decision comes or goes, which is a fault."""
        conditions, before = part(new, "status").get("conditions") or [], part(old, "status").get("conditions") or []
        for type in DECISIONS:
            kept, wanted = ([index for index, each in enumerate(found) if each.get("type") == type] for found in (before, conditions))
            if len(kept) == len(wanted):
                for was, index in zip(kept, wanted, strict=True):
                    conditions[index] = before[was]
        self._stamp(conditions, before)

    def prepare_for_approval(self, new: Document, old: Document) -> None:
        conditions, before = part(new, "status").get("conditions") or [], part(old, "status").get("conditions") or []
        self._stamp(conditions, before)
        new["status"] = {**part(old, "status"), "conditions": conditions}

    def _stamp(self, conditions: list[Document], before: list[Document]) -> None:
        """Conditions get the times that they lack."""
        now = format_time(self._world.now())
        for each in conditions:
            same = next((old["lastTransitionTime"] for old in before if old.get("lastTransitionTime")
                         and (old.get("type"), old.get("status")) == (each.get("type"), each.get("status"))), now)
            each.update({name: value for name, value in zip(_TIMES, (now, same), strict=True) if not each.get(name)})

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_request(obj)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_request_status(new, old, may_decide=False, may_issue=False)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_request_status(new, old, may_decide=False, may_issue=True)

    def validate_approval(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_request_status(new, old, may_decide=True, may_issue=False)


def _duration(request: Document) -> str:
    seconds = part(request, "spec").get("expirationSeconds")
    return NONE if seconds is None else human_duration(seconds)


def _condition(request: Document) -> str:
    status = part(request, "status")
    types = {each.get("type") for each in status.get("conditions") or ()}
    words = ["Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"]
    words += ["Failed"] if "Failed" in types else []
    return ",".join([*words, "Issued"] if status.get("certificate") else words)


COLUMNS = (
    NAME, AGE, column("SignerName", lambda each: part(each, "spec").get("signerName") or NONE),
    column("Requestor", lambda each: part(each, "spec").get("username", "")), column("RequestedDuration", _duration),
    column("Condition", _condition),
)
