"""kubectl set selector and set subject."""
from __future__ import annotations

from kubectl import printers
from kubectl.commands.set import found, send
from kubectl.errors import CommandError, raise_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def selector(session: Session, args: list[str]) -> int:
    if not args:
        raise CommandError("one selector is required")
    from kubeapi.labels import SelectorError
    from kubectl.generators.policies import label_selector
    objects = found(session, args[:-1])
    try:
        wanted = label_selector(args[-1])
    except SelectorError as error:
        raise CommandError(str(error)) from None
    report = printers.Report(session)
    for target, document in objects:
        if document["kind"] != "Service":
            raise CommandError("setting a selector is only supported for Services")
        if wanted.get("matchExpressions"):
            shown = " ".join(f"{{{each['key']} {each['operator']} [{' '.join(each.get('values', ()))}]}}" for each in wanted["matchExpressions"])
            raise CommandError(f"match expression [{shown}] not supported on this object")
        before = document["spec"].get("selector") or {}
        change = {**{key: None for key in before if key not in wanted.get("matchLabels", {})}, **wanted.get("matchLabels", {})}
        metadata = {"resourceVersion": session.flags.text("resource-version")} if session.flags.text("resource-version") else {}
        patch: Document = {"spec": {"selector": change}, **({"metadata": metadata} if metadata else {})}
        report(send(session, target, document, patch, "selector"), "selector updated")
    return 0


def subject(session: Session, args: list[str]) -> int:
    from kubectl.generators.rbac import subjects
    flags = session.flags
    objects = found(session, args)
    if not (flags.texts("user") or flags.texts("group") or flags.texts("serviceaccount")):
        raise CommandError("you must specify at least one value of user, group or serviceaccount")
    wanted = subjects(flags.texts("user"), flags.texts("group"), flags.texts("serviceaccount"))
    report, errors = printers.Report(session), list[CommandError]()
    for target, document in objects:
        if document["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            errors.append(CommandError(f"{target.kind.plural}/{target.name} setting subjects is only supported for RoleBinding/ClusterRoleBinding"))
            continue
        before = document.get("subjects") or []
        new = [each for each in wanted if each not in before]
        if new:
            report(send(session, target, document, {"subjects": [*before, *new]}, "subjects to rolebinding"), "subjects updated")
    raise_all(errors)
    return 0
