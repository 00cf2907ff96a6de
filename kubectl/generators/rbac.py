"""kubectl create role, clusterrole, rolebinding and clusterrolebinding."""
from __future__ import annotations

from kubectl.discovery import NoSuchType
from kubectl.errors import Bare, CommandError
from kubectl.generators.arguments import name_of, pairs, required

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

GROUP = "rbac.authorization.k8s.io"
_STANDARD = frozenset({"*", "get", "delete", "list", "create", "update", "patch", "watch", "proxy", "deletecollection", "use", "bind", "escalate",
                       "impersonate", "approve", "sign", "attest"})


def role(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    verbs = _verbs(session)
    if not flags.texts("resource"):
        raise CommandError("at least one resource must be specified")
    return {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": name}, "rules": _rules(session, verbs)}


def cluster_role(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    urls, aggregated = flags.texts("non-resource-url"), flags.text("aggregation-rule")
    document: Document = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    if aggregated:
        if urls or flags.texts("verb") or flags.texts("resource") or flags.texts("resource-name"):
            raise CommandError("aggregation rule must be specified without nonResourceURLs, resources or resourceNames")
        labels = pairs(aggregated.split(","), "{} is not valid")
        return {**document, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}, "rules": None}
    verbs = _verbs(session)
    if not flags.texts("resource") and not urls:
        raise CommandError("one of resource or nonResourceURL must be specified")
    rules = _rules(session, verbs) if flags.texts("resource") else []
    if urls:
        rules.append({"nonResourceURLs": urls, "verbs": verbs})
    return {**document, "rules": rules}


def _verbs(session: Session) -> list[str]:
    verbs = list(dict.fromkeys(session.flags.texts("verb")))
    if not verbs:
        raise CommandError("at least one verb must be specified")
    for verb in verbs:
        if verb not in _STANDARD:
            session.warn(f"Warning: '{verb}' is not a standard resource verb")
    return ["*"] if "*" in verbs else verbs


def _rules(session: Session, verbs: list[str]) -> list[Document]:
    """One rule per API group, in the order of their first resource."""
    flags = session.flags
    names = flags.texts("resource-name")
    words = list(dict.fromkeys(flags.texts("resource")))
    by_group: dict[str, list[str]] = {}
    for word in words:
        group, resource = _resource(session, word)
        known = by_group.setdefault(group, [])
        if resource not in known:
            known.append(resource)
    return [{"apiGroups": [group], **({"resourceNames": names} if names else {}), "resources": resources, "verbs": verbs}
            for group, resources in by_group.items()]


def _resource(session: Session, word: str) -> tuple[str, str]:
    plain, slash, subresource = word.partition("/")
    if plain == "*":
        return "*", "*" + slash + subresource
    try:
        found = session.discovery.find(plain)
    except NoSuchType as error:
        raise Bare(error.message) from None
    return found.group, found.plural + slash + subresource


def binding(session: Session, args: list[str]) -> Document:
    flags = session.flags
    is_cluster = session.command.endswith("clusterrolebinding")
    if is_cluster:
        required(session, "clusterrole")
    name = name_of(session, args)
    role_name = flags.text("role") if flags.has("role") else ""
    if bool(role_name) == bool(flags.text("clusterrole")):
        raise CommandError("exactly one of clusterrole or role must be specified")
    reference = {"apiGroup": GROUP, "kind": "Role" if role_name else "ClusterRole", "name": role_name or flags.text("clusterrole")}
    found = subjects(flags.texts("user"), flags.texts("group"), flags.texts("serviceaccount"))
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRoleBinding" if is_cluster else "RoleBinding", "metadata": {"name": name},
            "roleRef": reference, **({"subjects": found} if found else {})}


def subjects(users: list[str], groups: list[str], accounts: list[str]) -> list[Document]:
    """What --user, --group and --serviceaccount name. Raises CommandError."""
    found: list[Document] = [{"apiGroup": GROUP, "kind": kind, "name": name} for kind, names in (("User", users), ("Group", groups)) for name in names]
    for account in accounts:
        parts = account.split(":")
        if len(parts) != 2 or not all(parts):
            raise CommandError("serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": parts[1], "namespace": parts[0]})
    return found
