"""kubectl auth: whoami, can-i and reconcile."""
from __future__ import annotations

from kubectl.command import ALL_NAMESPACES, DRY_RUN, FILES, PRINT, Command
from kubectl.errors import CommandError
from kubectl.flags import Flag
from kubectl.tabwriter import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def whoami(session: Session, args: list[str]) -> int:
    from kubectl import printers
    review = session.client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body={
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    printer = printers.printer_of(session)
    if printer is not None:
        session.out(printer(review))
        return 0
    user = (review.get("status") or {}).get("userInfo") or {}
    rows = [["ATTRIBUTE", "VALUE"]]
    for name, key in (("Username", "username"), ("UID", "uid")):
        if user.get(key):
            rows.append([name, user[key]])
    if user.get("groups"):
        rows.append(["Groups", f"[{' '.join(user['groups'])}]"])
    rows += [[f"Extra: {key}", f"[{' '.join(values)}]"] for key, values in sorted((user.get("extra") or {}).items())]
    session.out(Rows().format(rows))
    return 0


def can_i(session: Session, args: list[str]) -> int:
    if session.flags.on("list"):
        if args:
            raise CommandError("list option must be specified with no arguments")
        return _list(session)
    if len(args) not in (2, 3):
        raise CommandError("you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help "
                           "and examples.")
    verb, word, *name = args
    everywhere = session.flags.on("all-namespaces")
    attributes: Document
    if word.startswith("/"):
        attributes = {"nonResourceAttributes": {"path": word, "verb": verb}}
    else:
        plain, _, named = word.partition("/")
        attributes = {"resourceAttributes": {"verb": verb, "name": name[0] if name else named, "namespace": "" if everywhere else session.namespace,
                                             **_resource(session, plain), "subresource": session.flags.text("subresource")}}
    review = session.client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body={
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": attributes})
    status = review.get("status") or {}
    allowed = bool(status.get("allowed"))
    if not session.flags.on("quiet"):
        reason = f" - {status['reason']}" if not allowed and status.get("reason") else ""
        session.out(f"{'yes' if allowed else 'no'}{reason}\n")
    return 0 if allowed else 1


def _resource(session: Session, word: str) -> Document:
    if word == "*":
        return {"resource": "*", "group": "*"}
    try:
        kind = session.discovery.find(word)
    except CommandError:
        session.warn(f"Warning: the server doesn't have a resource type '{word}'\n")
        return {"resource": word, "group": ""}
    if not kind.namespaced and not session.flags.on("all-namespaces"):
        where = f" in group '{kind.group}'" if kind.group else ""
        session.warn(f"Warning: resource '{kind.plural}' is not namespace scoped{where}\n")
    return {"resource": kind.plural, "group": kind.group}


def _list(session: Session) -> int:
    """Everything one may do in the namespace, one row per resource."""
    from kubectl import rbacrules
    review = session.client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body={
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": session.namespace}})
    status = review.get("status") or {}
    if status.get("incomplete"):
        session.warn(f"warning: the list may be incomplete: {status.get('evaluationError', '')}")
    single = [each for rule in status.get("resourceRules") or [] for each in rbacrules.breakdown(rule)]
    rows = [] if session.flags.on("no-headers") else [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]]
    shown = rbacrules.compact(single)
    shown += [each for rule in status.get("nonResourceRules") or [] for each in rbacrules.breakdown(rule)]
    rows += [[rbacrules.resource_text(rule), *(f"[{' '.join(rule.get(field) or [])}]" for field in ("nonResourceURLs", "resourceNames", "verbs"))]
             for rule in sorted(shown, key=rbacrules.go_text)]
    session.out(Rows().format(rows))
    return 0


def _reconcile(session: Session, args: list[str]) -> int:
    from kubectl.commands import reconcile
    return reconcile.run(session, args)


COMMANDS = {"auth": Command("kubectl auth SUBCOMMAND", "Ask about permissions and identity", subcommands={
    "can-i": Command("kubectl auth can-i VERB TYPE", "Show whether you may do something", can_i,
                     (ALL_NAMESPACES, Flag("quiet", "bool", short="q", help="only the exit code"), Flag("subresource", help="such as log"),
                      Flag("list", "bool", help="all that is allowed in the namespace"), Flag("no-headers", "bool", help="no header line"))),
    "reconcile": Command("kubectl auth reconcile -f FILE", "Bring roles and bindings up to what files say", _reconcile, (
        *FILES, *PRINT, DRY_RUN, Flag("remove-extra-permissions", "bool", help="take rules away that the file does not have"),
        Flag("remove-extra-subjects", "bool", help="take subjects away that the file does not have"))),
    "whoami": Command("kubectl auth whoami", "Show who the server takes you for", whoami, PRINT),
})}
