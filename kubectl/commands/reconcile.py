"""kubectl auth reconcile: roles get the rules, bindings the subjects that files say; what they have beyond that stays,
unless flags take it away.
"""
from __future__ import annotations

from kubectl import builder, printers, rbacrules
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_ROLES, _BINDINGS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")


class _Result:
    """What has to be done: the document to write, the operation, and what it adds and takes away."""

    def __init__(self, document: Document, operation: str, what: str, added: list[str], removed: list[str], takes_away: bool) -> None:
        self.document, self.operation, self.what = document, operation, what
        self.added, self.removed, self.takes_away = added, removed, takes_away


def run(session: Session, args: list[str]) -> int:
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    if not builder.has_files(session):
        raise CommandError("must specify one of -f and -k")
    report = printers.Report(session)
    for target in builder.each_of_files(session):
        if target.kind.kind not in (*_ROLES, *_BINDINGS) or target.kind.group != "rbac.authorization.k8s.io":
            continue
        result = _compared(session, target)
        document = _write(session, target, result)
        report(document, "reconciled")
        _explain(session, result)
    return 0


def _compared(session: Session, target: Target) -> _Result:
    wanted = target.document or {}
    is_role = target.kind.kind in _ROLES
    field, what = ("rules", "rules") if is_role else ("subjects", "subjects")
    takes_away = session.flags.on("remove-extra-permissions" if is_role else "remove-extra-subjects")
    text = rbacrules.go_text if is_role else _subject_text
    try:
        current = target.fetch(session)
    except StatusError as error:
        if error.reason != "NotFound":
            raise
        return _Result(wanted, "create", what, [text(each) for each in wanted.get(field) or []], [], takes_away)
    ours, theirs = wanted.get(field) or [], current.get(field) or []
    if not is_role and current.get("roleRef") != wanted.get("roleRef"):
        return _Result(wanted, "recreate", what, [], [], takes_away)
    missing = rbacrules.uncovered(theirs, ours) if is_role else [each for each in ours if each not in theirs]
    extra = rbacrules.uncovered(ours, theirs) if is_role else [each for each in theirs if each not in ours]
    changed: Document = {**current, "metadata": _metadata(current["metadata"], wanted["metadata"])}
    if takes_away and extra:
        changed[field] = ours
    elif missing:
        changed[field] = [*theirs, *missing]
    return _Result(changed, "update" if changed != current else "", what, [text(each) for each in missing], [text(each) for each in extra], takes_away)


def _metadata(current: Document, wanted: Document) -> Document:
    merged = {key: {**(current.get(key) or {}), **(wanted.get(key) or {})} for key in ("labels", "annotations")}
    return {**current, **{key: value for key, value in merged.items() if value}}


def _subject_text(subject: Document) -> str:
    return "{" + " ".join(f"{name}:{subject.get(field, '')}" for name, field in (
        ("Kind", "kind"), ("APIGroup", "apiGroup"), ("Name", "name"), ("Namespace", "namespace"))) + "}"


def _write(session: Session, target: Target, result: _Result) -> Document:
    if session.dry_run == "client" or not result.operation:
        return result.document
    parameters: dict[str, Any] = {"dryRun": "All"} if session.dry_run == "server" else {}
    if result.operation == "update":
        return session.client.request("PUT", target.path, parameters, result.document)
    if result.operation == "recreate":
        session.client.request("DELETE", target.path, parameters)
    return session.client.request("POST", target.kind.path(target.namespace), parameters, result.document)


def _explain(session: Session, result: _Result) -> None:
    if result.operation:
        session.warn(f"\treconciliation required {result.operation}")
    if result.added:
        session.warn(f"\tmissing {result.what} added:\n" + "\n".join(f"\t\t{text}" for text in result.added))
    if result.removed and result.takes_away:
        session.warn(f"\textra {result.what} removed:\n" + "\n".join(f"\t\t{text}" for text in result.removed))
