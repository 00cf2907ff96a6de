"""The revisions of a workload: what `rollout history` shows, and what `rollout undo` goes back to.

A deployment's are its replica sets; those of daemon sets and stateful sets are ControllerRevisions, whose data is the patch that
brings a template back.
"""
from __future__ import annotations

from kubectl import workloads
from kubectl.client import JSON_PATCH, STRATEGIC_MERGE
from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

# Upstream words its refusal of other kinds by whether it has ever heard of them.
_HEARD_OF = ("ReplicaSet", "ReplicationController", "Pod", "Job", "CronJob")
# What an undo does not take over from the old replica set.
_KEPT = ("kubectl.kubernetes.io/last-applied-configuration", workloads.REVISION, "deployment.kubernetes.io/revision-history",
         "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to")


class Revision:
    """`shown` is the object that -o prints, `template` what the text shows, `kept_in` the object that keeps the revision."""

    def __init__(self, number: int, kept_in: Document, shown: Document, template: Document) -> None:
        self.number, self.kept_in, self.shown, self.template = number, kept_in, shown, template
        self.change_cause = str((kept_in["metadata"].get("annotations") or {}).get(workloads.CHANGE_CAUSE, ""))


def revisions(session: Session, target: Target, document: Document, tool: str, seeking: str) -> dict[int, Revision]:
    """By number. Raises CommandError for a kind without any; *tool* and *seeking* are upstream's words for who is missing."""
    kind = document["kind"]
    if kind == "Deployment":
        return {number: Revision(number, each, _typed("ReplicaSet", each), _with_cause(each["spec"]["template"], each))
                for each in workloads.replica_sets(session, document) for number in (workloads.revision_of(each),)}
    if kind in ("DaemonSet", "StatefulSet"):
        return {each["revision"]: Revision(each["revision"], each, _typed(kind, _applied(document, each)), _template_in(each))
                for each in workloads.controller_revisions(session, document)}
    full = workloads.group_kind(document)
    if kind in _HEARD_OF:
        raise CommandError(f'no {tool} has been implemented for "{full}"')
    group = full.partition(".")[2]
    raise CommandError(f'error retrieving {seeking} for "{full}", no visitor method exists for {{{group} {kind}}}')


def _typed(kind: str, document: Document) -> Document:
    """Items of a list do not say what they are."""
    return {"kind": kind, "apiVersion": "apps/v1", **{key: value for key, value in document.items() if key not in ("kind", "apiVersion")}}


def _with_cause(template: Document, kept_in: Document) -> Document:
    metadata = template.get("metadata") or {}
    cause = (kept_in["metadata"].get("annotations") or {}).get(workloads.CHANGE_CAUSE)
    causes = {workloads.CHANGE_CAUSE: cause} if cause else {}
    return {**template, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **causes}}}


def _template_in(revision: Document) -> Document:
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}


def _applied(document: Document, revision: Document) -> Document:
    """The workload as it was."""
    return {**document, "spec": {**document["spec"], "template": _template_in(revision)}}


def to_go_back_to(document: Document, found: dict[int, Revision], number: int) -> Revision:
    """The numbered one, or (0) the one before the newest. Raises CommandError."""
    if number and number not in found:
        raise CommandError(f"unable to find specified revision {number} in history")
    if not number and len(found) < 2:
        if document["kind"] == "Deployment":
            raise CommandError(f'no rollout history found for deployment "{document["metadata"]["name"]}"')
        raise CommandError("no last revision to roll back to")
    return found[number or sorted(found)[-2]]


def go_back(session: Session, target: Target, document: Document, revision: Revision) -> None:
    """Sends what makes the workload as it was."""
    if document["kind"] == "Deployment":
        session.client.request("PATCH", target.path, session.writing(), _undo_patch(document, revision.kept_in), content_type=JSON_PATCH)
    else:
        session.client.request("PATCH", target.path, session.writing(), revision.kept_in["data"], content_type=STRATEGIC_MERGE)


def _undo_patch(deployment: Document, old: Document) -> list[Document]:
    mine, theirs = deployment["metadata"].get("annotations") or {}, old["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in mine.items() if key in _KEPT}
    annotations |= {key: value for key, value in theirs.items() if key not in _KEPT}
    return [{"op": "replace", "path": "/spec/template", "value": workloads.bare_template(old["spec"]["template"])},
            {"op": "add" if "annotations" not in deployment["metadata"] else "replace", "path": "/metadata/annotations", "value": annotations}]


def template_text(template: Document) -> str:
    from kubectl.describers.pods import pod_template
    from kubectl.describers.writer import Writer
    writer = Writer()
    pod_template(writer, template)
    return writer.raw()


def history_text(found: dict[int, Revision], number: int) -> str:
    """A table, or of one revision its template. Raises CommandError."""
    from kubectl.tabwriter import align
    if not found:
        return "No rollout history found."
    if not number:
        lines = ["REVISION\tCHANGE-CAUSE", *(f"{each}\t{found[each].change_cause or '<none>'}" for each in sorted(found)), ""]
        return align("\n".join(lines))
    if number not in found:
        raise CommandError("unable to find the specified revision")
    return template_text(found[number].template)
