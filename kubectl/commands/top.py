"""kubectl top: what nodes and pods use, where the server has the metrics API."""
from __future__ import annotations

from kubectl import builder
from kubectl.client import quote
from kubectl.command import ALL_NAMESPACES, FIELD_SELECTOR, SELECTOR, Command
from kubectl.errors import CommandError
from kubectl.flags import Flag
from kubectl.tabwriter import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fractions import Fraction

    from kubeapi.resource import Document
    from kubectl.session import Session

_API = "/apis/metrics.k8s.io/v1beta1"
_COMMON = (SELECTOR, Flag("sort-by", help="cpu or memory"), Flag("no-headers", "bool", help="no header line"),
           Flag("use-protocol-buffers", "bool", True, help="accepted"))


def _require_metrics(session: Session) -> None:
    if not any(kind.group == "metrics.k8s.io" for kind in session.discovery.kinds(refresh=True)):
        raise CommandError("Metrics API not available")


def _check(session: Session) -> None:
    if session.flags.text("sort-by") not in ("", "cpu", "memory"):
        raise CommandError("--sort-by accepts only cpu or memory")


def nodes(session: Session, args: list[str]) -> int:
    _check(session)
    if len(args) > 1:
        raise session.usage("node [NAME | -l label]")
    if args and session.flags.text("selector"):
        raise CommandError("only one of NAME or selector can be provided")
    _require_metrics(session)
    path = f"{_API}/nodes/{quote(args[0])}" if args else f"{_API}/nodes"
    found = _items(session.client.get(path, builder.selectors(session)))
    of = "capacity" if session.flags.on("show-capacity") else "allocatable"
    room = {node["metadata"]["name"]: node["status"][of] for node in session.client.get("/api/v1/nodes")["items"]}
    rows = [] if session.flags.on("no-headers") else [["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]]
    for each in _ordered(session, found, lambda each: each["usage"]):
        name, usage = each["metadata"]["name"], each["usage"]
        cells = [name]
        for resource, shown in (("cpu", _cpu), ("memory", _memory)):
            cells += [shown(usage[resource]), f"{int(100 * _value(usage[resource]) / _value(room[name][resource]))}%" if name in room else "<unknown>"]
        rows.append(cells)
    session.out(Rows().format(rows))
    return 0


def pods(session: Session, args: list[str]) -> int:
    flags = session.flags
    _check(session)
    if len(args) > 1:
        raise session.usage("pod [NAME | -l label]")
    if args and flags.text("selector"):
        raise CommandError("only one of NAME or selector can be provided")
    _require_metrics(session)
    everywhere = flags.on("all-namespaces")
    path = f"{_API}/pods" if everywhere else f"{_API}/namespaces/{quote(session.namespace)}/pods"
    found = _items(session.client.get(f"{path}/{quote(args[0])}" if args else path, builder.selectors(session)))
    if not found:
        session.warn("No resources found" if everywhere else f"No resources found in {session.namespace} namespace.")
        return 0
    by_container = flags.on("containers")
    head = ["NAMESPACE"] * everywhere + (["POD", "NAME"] if by_container else ["NAME"]) + ["CPU(cores)", "MEMORY(bytes)"]
    rows = [] if flags.on("no-headers") else [head]
    for pod in _ordered(session, found, _total):
        start = [pod["metadata"]["namespace"]] * everywhere + [pod["metadata"]["name"]]
        if by_container:
            rows += [[*start, each["name"], _cpu(each["usage"]["cpu"]), _memory(each["usage"]["memory"])] for each in pod["containers"]]
        else:
            usage = _total(pod)
            rows.append([*start, _cpu(usage["cpu"]), _memory(usage["memory"])])
    session.out(Rows().format(rows))
    return 0


def _items(document: Document) -> list[Document]:
    return list(document["items"]) if "items" in document else [document]


def _value(text: str) -> Fraction:
    from fractions import Fraction

    from kubectl.quantities import amount
    return amount(text) or Fraction(0)


def _total(pod: Document) -> Document:
    return {resource: str(float(sum(_value(each["usage"].get(resource, "0")) for each in pod["containers"]))) for resource in ("cpu", "memory")}


def _ordered(session: Session, found: list[Document], usage: object) -> list[Document]:
    key = session.flags.text("sort-by")
    assert callable(usage)
    return sorted(found, key=lambda each: (-_value(usage(each)[key]) if key else 0, each["metadata"].get("namespace", ""), each["metadata"]["name"]))


def _cpu(text: str) -> str:
    return f"{-(-_value(text) * 1000 // 1)}m"


def _memory(text: str) -> str:
    return f"{_value(text) // (1 << 20)}Mi"


_NODE = Command("kubectl top node [NAME]", "Show what nodes use", nodes, (*_COMMON, Flag("show-capacity", "bool", help="shares of the capacity, not of what is allocatable")))
_POD = Command("kubectl top pod [NAME]", "Show what pods use", pods,
               (*_COMMON, FIELD_SELECTOR, ALL_NAMESPACES, Flag("containers", "bool", help="per container"), Flag("sum", "bool", help="accepted")))
COMMANDS = {"top": Command("kubectl top TYPE", "Show what nodes and pods use",
                           subcommands={"node": _NODE, "pod": _POD, "nodes": _NODE, "no": _NODE, "pods": _POD, "po": _POD})}
