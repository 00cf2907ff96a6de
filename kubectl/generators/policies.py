"""kubectl create quota, poddisruptionbudget and priorityclass."""
from __future__ import annotations

from kubectl.errors import CommandError
from kubectl.generators.arguments import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def quota(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    hard: dict[str, str] = {}
    for pair in filter(None, flags.text("hard").split(",")):
        parts = pair.split("=")
        if len(parts) != 2:
            raise CommandError(f"Invalid argument syntax {pair}, expected <resource>=<value>")
        hard[parts[0]] = canonical(parts[1])
    spec: Document = {"hard": hard} if hard else {}
    scopes = [scope for scope in flags.text("scopes").split(",") if scope]
    if scopes:
        spec["scopes"] = scopes
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec, "status": {}}


def canonical(text: str) -> str:
    """The quantity as Kubernetes writes it. Raises CommandError."""
    from kubeapi.quantity import Quantity, QuantityError
    try:
        return str(Quantity.parse(text))
    except QuantityError:
        raise CommandError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'") from None


def disruption_budget(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    least, most = flags.text("min-available"), flags.text("max-unavailable")
    if not flags.text("selector"):
        raise CommandError("a selector must be specified")
    if not least and not most:
        raise CommandError("one of min-available or max-unavailable must be specified")
    if least and most:
        raise CommandError("min-available and max-unavailable cannot be both specified")
    for field, text in (("min-available", least), ("max-unavailable", most)):
        if text and not (text.removesuffix("%").isdecimal()):
            raise CommandError(f"invalid format specified for {field}")
    spec: Document = {"minAvailable": _amount(least)} if least else {"maxUnavailable": _amount(most)}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
            "spec": {**spec, "selector": label_selector(flags.text("selector"))},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}}


def _amount(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def label_selector(text: str) -> Document:
    """`a=b,c in (d)` as a LabelSelector."""
    from kubeapi import labels
    names = {"in": "In", "notin": "NotIn", "exists": "Exists", "!": "DoesNotExist"}
    equal: dict[str, str] = {}
    expressions: list[Document] = []
    for each in labels.parse(text).requirements:
        values = sorted(each.values)
        if each.operator in ("=", "=="):
            equal[each.key] = values[0]
        else:
            operator = "NotIn" if each.operator == "!=" else names[each.operator]
            expressions.append({"key": each.key, "operator": operator, **({"values": values} if values else {})})
    return {**({"matchLabels": equal} if equal else {}), **({"matchExpressions": expressions} if expressions else {})}


def priority_class(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    policy = flags.text("preemption-policy")
    if not name:
        raise CommandError("name must be specified")
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": flags.number("value"),
            **({"globalDefault": True} if flags.on("global-default") else {}),
            **({"description": flags.text("description")} if flags.text("description") else {}), "preemptionPolicy": policy}
