"""kubectl autoscale: makes a HorizontalPodAutoscaler for a workload."""
from __future__ import annotations

from kubectl import builder, lastapplied, printers
from kubectl.client import quote
from kubectl.command import DRY_RUN, FILES, PRINT, Command, field_manager
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, *PRINT, DRY_RUN, field_manager("kubectl-autoscale"), Flag("min", "int", -1, help="least replicas"), Flag("max", "int", -1, help="most replicas"),
         Flag("cpu-percent", "int", -1, help="of what is requested, the average to hold"), Flag("name", help="name of the autoscaler"),
         Flag("save-config", "bool", help="annotate for a later apply"))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if "max" not in flags.given:
        raise CommandError('required flag(s) "max" not set')
    least, most = flags.number("min"), flags.number("max")
    if most < 1:
        raise CommandError(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < least:
        raise CommandError(f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}")
    report, count = printers.Report(session), 0
    for target in builder.expand(session, builder.targets(session, args)):
        count += 1
        document = _autoscaler(session, target)
        if flags.on("save-config"):
            document = lastapplied.annotate(document)
        if session.dry_run != "client":
            document = session.client.request("POST", f"/apis/autoscaling/v1/namespaces/{quote(target.namespace)}/horizontalpodautoscalers",
                                              session.writing(), document)
        report(document, "autoscaled")
    if not count:
        raise CommandError("no objects passed to autoscale")
    return 0


def _autoscaler(session: Session, target: Target) -> Document:
    flags, kind = session.flags, target.kind
    if kind.kind not in ("ReplicationController", "Deployment", "ReplicaSet", "StatefulSet"):
        raise CommandError(f"cannot autoscale a {kind.kind}: could not find scale subresource for {kind.group}/{kind.version}, "
                           f"Resource={kind.plural} in discovery information")
    spec: Document = {"maxReplicas": flags.number("max"),
                      "scaleTargetRef": {"apiVersion": kind.api_version, "kind": kind.kind, "name": target.name}}
    if flags.number("min") > 0:
        spec["minReplicas"] = flags.number("min")
    if flags.number("cpu-percent") >= 0:
        spec["targetCPUUtilizationPercentage"] = flags.number("cpu-percent")
    metadata: Document = {"name": flags.text("name") or target.name}
    if session.config.namespace_given and session.dry_run != "client":
        metadata["namespace"] = target.namespace
    return {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec,
            "status": {"currentReplicas": 0, "desiredReplicas": 0}}


COMMANDS = {"autoscale": Command("kubectl autoscale (TYPE NAME | TYPE/NAME | -f FILE) --max=COUNT", "Scale a workload by its load", run, FLAGS)}
