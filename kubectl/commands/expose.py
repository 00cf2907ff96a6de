"""kubectl expose: a service for the pods of a workload or of another service."""
from __future__ import annotations

from kubectl import builder, lastapplied, overriding, printers
from kubectl.command import DRY_RUN, FILES, PRINT, Command, field_manager
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

FLAGS = (*FILES, *PRINT, DRY_RUN, field_manager("kubectl-expose"), Flag("port", help="port of the service"), Flag("name", help="its name"),
         Flag("target-port", help="port of the containers"), Flag("protocol", help="TCP, UDP or SCTP"),
         Flag("type", help="ClusterIP, NodePort, LoadBalancer or ExternalName"), Flag("labels", short="l", help="a=b,c=d"), Flag("cluster-ip", help="address or None"),
         Flag("external-ip", help="an address of the nodes' network that the service also has"), Flag("load-balancer-ip", help="address of the load balancer"),
         Flag("session-affinity", help="None or ClientIP"), Flag("selector", help="the service's selector"),
         Flag("save-config", "bool", help="annotate for a later apply"), *overriding.FLAGS)


_FIELDS = (("cluster-ip", "clusterIP"), ("load-balancer-ip", "loadBalancerIP"), ("session-affinity", "sessionAffinity"))
_EXPOSABLE = frozenset({"ReplicationController", "Service", "Pod", "Deployment", "ReplicaSet"})


def run(session: Session, args: list[str]) -> int:
    if session.flags.text("session-affinity") not in ("", "None", "ClientIP"):
        raise CommandError(f"unknown session affinity: {session.flags.text('session-affinity')}")
    report = printers.Report(session)
    selector = session.flags.take("selector")     # of the service, not of what is exposed
    for target in builder.expand(session, builder.targets(session, args)):
        if target.kind.kind not in _EXPOSABLE:
            raise CommandError(f"cannot expose a {target.kind.kind}")
        service = _service(session, target.document or {}, selector)
        service = overriding.overridden(session, service)
        if session.dry_run != "client":
            service = lastapplied.annotate(service) if session.flags.on("save-config") else service
            path = f"/api/v1/namespaces/{target.namespace}/services"
            service = session.client.request("POST", path, session.writing(), service)
        report(service, "exposed")
    return 0


def _service(session: Session, document: Document, selector: str) -> Document:
    flags = session.flags
    chosen = dict(pair.split("=", 1) for pair in selector.split(",")) if selector else _selector(document)
    ports = _ports(session, document)
    labels = dict(pair.split("=", 1) for pair in flags.text("labels").split(",") if "=" in pair) or document["metadata"].get("labels") or {}
    spec: Document = {"ports": ports, "selector": chosen}
    if flags.text("type"):
        spec["type"] = flags.text("type")
    if flags.text("external-ip"):
        spec["externalIPs"] = [flags.text("external-ip")]
    spec |= {field: flags.text(name) for name, field in _FIELDS if flags.text(name)}
    metadata: Document = {"name": flags.text("name") or document["metadata"]["name"], "namespace": document["metadata"]["namespace"]}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}


def _selector(document: Document) -> dict[str, str]:
    kind = document["kind"]
    if kind == "Pod":
        labels: dict[str, str] = document["metadata"].get("labels") or {}
        if not labels:
            raise CommandError("couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed")
        return labels
    selector = (document.get("spec") or {}).get("selector") or {}
    found: dict[str, str] = selector if kind in ("Service", "ReplicationController") else selector.get("matchLabels") or {}
    if not found:
        raise CommandError("couldn't retrieve selectors via --selector flag or introspection: invalid deployment: no selectors, therefore "
                           "cannot be exposed")
    return found


def _ports(session: Session, document: Document) -> list[Document]:
    from kubectl import workloads
    flags = session.flags
    if flags.text("port"):
        numbers = [int(port) for port in flags.text("port").split(",")]
    elif document["kind"] == "Service":
        numbers = [port["port"] for port in document["spec"].get("ports") or []]
    else:
        spec = workloads.at(document, workloads.pod_spec_path(document["kind"]) or ())
        numbers = [port["containerPort"] for container in spec.get("containers") or [] for port in container.get("ports") or []]
    if not numbers:
        raise CommandError("couldn't find port via --port flag or introspection")
    several = len(numbers) > 1
    aim = flags.text("target-port")
    return [{**({"name": f"port-{index}"} if several else {}), "port": number, "protocol": flags.text("protocol") or "TCP",
             "targetPort": (int(aim) if aim.isdecimal() else aim) if aim else number} for index, number in enumerate(numbers, 1)]


COMMANDS = {"expose": Command("kubectl expose (TYPE NAME | TYPE/NAME | -f FILE) [--port=PORT]", "Make a service for a workload", run, FLAGS)}
