"""kubectl describe: a page per object, with the events about it."""
from __future__ import annotations

from importlib import import_module

from kubectl import builder
from kubectl.command import ALL_NAMESPACES, FILES, SELECTOR, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, SELECTOR, ALL_NAMESPACES, Flag("show-events", "bool", True, help="with the events about the object"),
         Flag("chunk-size", "int", builder.CHUNK, help="objects per request of a list"))
# Kind -> (module below kubectl.describers, function)
_PAGES = {"Node": ("nodes", "node"), "Deployment": ("workloads", "deployment"), "ReplicaSet": ("workloads", "replica_set"),
          "ReplicationController": ("workloads", "replica_set"), "DaemonSet": ("daemons", "daemon_set"),
          "Service": ("workloads", "service"), "Namespace": ("others", "namespace"), "ConfigMap": ("others", "config_map"),
          "Secret": ("others", "secret"), "ServiceAccount": ("accounts", "service_account"),
          "Endpoints": ("endpoints", "endpoints"), "EndpointSlice": ("endpoints", "slice_"), "Role": ("permissions", "role"),
          "ClusterRole": ("permissions", "role"), "RoleBinding": ("permissions", "binding"), "ClusterRoleBinding": ("permissions", "binding"),
          "Job": ("batch", "job"), "CronJob": ("batch", "cron_job"), "StatefulSet": ("statefulsets", "stateful_set"),
          "PersistentVolume": ("storage", "volume"), "PersistentVolumeClaim": ("storage", "claim"),
          "StorageClass": ("storage", "storage_class"), "Ingress": ("network", "ingress"), "NetworkPolicy": ("network", "network_policy"),
          "ResourceQuota": ("policies", "quota"), "LimitRange": ("policies", "limits"),
          "PodDisruptionBudget": ("policies", "disruption_budget"), "PriorityClass": ("policies", "priority_class"),
          "HorizontalPodAutoscaler": ("autoscalers", "autoscaler")}
_WITHOUT_EVENTS = ("Namespace", "Secret", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ResourceQuota", "LimitRange", "NetworkPolicy")


def run(session: Session, args: list[str]) -> int:
    if not args and not builder.has_files(session):
        raise CommandError('You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of supported '
                           "resources.")
    errors: list[CommandError] = []
    found = builder.targets(session, args, list_without_name=True)
    is_first = True
    for target, by_prefix in _matched(session, found, errors):
        page = describe(session, target)
        session.out(f"{page}\n" if by_prefix else page if is_first else f"\n\n{page}")
        is_first = False
    if is_first and not errors:
        everywhere = session.flags.on("all-namespaces") or not all(target.kind.namespaced for target in found)
        session.warn("No resources found" if everywhere else f"No resources found in {session.namespace} namespace.")
    raise_all(errors)
    return 0


def _matched(session: Session, found: list[Target], errors: list[CommandError]) -> list[tuple[Target, bool]]:
    """The objects; a name that does not exist stands for all names that begin with it (and is marked)."""
    matched: list[tuple[Target, bool]] = []
    for target in found:
        try:
            matched += [(each, False) for each in builder.expand(session, [target])]
        except StatusError as error:
            beginning = _beginning(session, target) if error.reason == "NotFound" and target.name else []
            matched += [(each, True) for each in beginning]
            if not beginning:
                errors.append(error)
    return matched


def _beginning(session: Session, target: Target) -> list[Target]:
    everything = builder.Target(target.kind, target.namespace)
    return [each for each in builder.expand(session, [everything]) if each.name.startswith(target.name)]


def describe(session: Session, target: Target) -> str:
    """The page of one object."""
    from kubectl.describers.writer import Writer
    document = target.document or {}
    kind = document.get("kind", "")
    wants_events = session.flags.on("show-events") and kind not in _WITHOUT_EVENTS
    found = _events(session, document) if wants_events else None
    writer = Writer()
    if kind == "Pod":
        from kubectl.describers.pods import pod
        pod(writer, document, found)
    else:
        module, function = _PAGES.get(kind, ("others", "anything"))
        getattr(import_module(f"kubectl.describers.{module}"), function)(session, writer, document, found)
    return writer.text()


def _events(session: Session, document: Document) -> list[Document] | None:
    """Events about the object; a node's carry its name as uid, so all of its name and kind are taken."""
    metadata = document["metadata"]
    fields = [f"involvedObject.name={metadata['name']}", f"involvedObject.kind={document['kind']}"]
    if metadata.get("namespace"):
        fields.insert(1, f"involvedObject.namespace={metadata['namespace']}")
    if document["kind"] != "Node":
        fields.append(f"involvedObject.uid={metadata.get('uid', '')}")
    path = f"/api/v1/namespaces/{metadata['namespace']}/events" if metadata.get("namespace") else "/api/v1/events"
    try:
        found: list[Document] = session.client.get(path, {"fieldSelector": ",".join(fields), "limit": builder.CHUNK})["items"]
    except StatusError:
        return None
    return found


COMMANDS = {"describe": Command("kubectl describe (TYPE [NAME_PREFIX] | TYPE/NAME | -f FILE)",
                                "Show one or many resources in detail, with their events", run, FLAGS)}
