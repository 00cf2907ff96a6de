"""How pods and pod templates are described."""
from __future__ import annotations

from kubectl.describers.writer import Writer, annotation_lines, controller, events, head, label_lines, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document


def pod(writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a pod."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    if "priority" in spec:
        writer.field("Priority", spec["priority"])
    writer.optional("Priority Class Name", spec.get("priorityClassName"))
    writer.optional("Runtime Class Name", spec.get("runtimeClassName"))
    writer.optional("Service Account", spec.get("serviceAccountName"))
    writer.field("Node", f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else "<none>")
    writer.optional("Start Time", moment(status["startTime"]) if status.get("startTime") else "")
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    _phase(writer, metadata, status)
    profile = (spec.get("securityContext") or {}).get("seccompProfile") or {}
    writer.optional("SeccompProfile", profile.get("type"))
    writer.field("IP", status.get("podIP", ""))
    _addresses(writer, status)
    writer.optional("Controlled By", controller(document))
    writer.optional("NominatedNodeName", status.get("nominatedNodeName"))
    _all_containers(writer, document, status)
    _conditions(writer, spec, status)
    volumes(writer, spec.get("volumes"), "")
    writer.field("QoS Class", status.get("qosClass") or quality(spec))
    label_lines(writer, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(writer, "Tolerations", spec.get("tolerations"))
    events(writer, found_events)


def _phase(writer: Writer, metadata: Document, status: Document) -> None:
    if metadata.get("deletionTimestamp") and status.get("phase") not in ("Failed", "Succeeded"):
        from kubectl.humantime import age
        writer.field("Status", f"Terminating (lasts {age(metadata['deletionTimestamp'])})")
        writer.field("Termination Grace Period", f"{metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        writer.field("Status", status.get("phase", ""))
    writer.optional("Reason", status.get("reason"))
    writer.optional("Message", status.get("message"))


def _addresses(writer: Writer, status: Document) -> None:
    if not status.get("podIPs"):
        writer.field("IPs", "<none>")
        return
    writer.line("IPs:")
    for each in status["podIPs"]:
        writer.field("IP", each.get("ip", ""), 1)


def _all_containers(writer: Writer, document: Document, status: Document) -> None:
    spec = document["spec"]
    if spec.get("initContainers"):
        containers(writer, "Init Containers", spec["initContainers"], status.get("initContainerStatuses"), document)
    containers(writer, "Containers", spec.get("containers") or [], status.get("containerStatuses"), document)
    if spec.get("ephemeralContainers"):
        containers(writer, "Ephemeral Containers", spec["ephemeralContainers"], status.get("ephemeralContainerStatuses"), document)


def _conditions(writer: Writer, spec: Document, status: Document) -> None:
    conditions = status.get("conditions") or []
    if spec.get("readinessGates"):
        writer.line("Readiness Gates:\n  Type\tStatus")
        for gate in spec["readinessGates"]:
            state = next((each["status"] for each in conditions if each["type"] == gate["conditionType"]), "<none>")
            writer.line(f"{gate['conditionType']} \t{state} ", 1)
    if conditions:
        writer.line("Conditions:\n  Type\tStatus")
        for each in conditions:
            writer.line(f"{each['type']} \t{each['status']} ", 1)


def containers(writer: Writer, title: str, found: list[Document], statuses: list[Document] | None, pod: Document | None, space: str = "") -> None:
    """A block per container; a template has neither statuses nor a pod."""
    writer.line(f"{space}{title}:{'' if found else ' <none>'}")
    by_name = {status["name"]: status for status in statuses or []}
    for container in found:
        status = by_name.get(container["name"])
        _identity(writer, container, status, space)
        for name in ("command", "args"):
            if container.get(name):
                writer.line(f"{name.capitalize()}:", 2)
                for word in container[name]:
                    for part in word.split("\n"):
                        writer.line(part, 3)
        if status is not None:
            _state(writer, status)
        _resources(writer, container.get("resources") or {})
        for field, name in (("livenessProbe", "Liveness"), ("readinessProbe", "Readiness"), ("startupProbe", "Startup")):
            if container.get(field):
                writer.field(name, probe(container[field]), 2)
        if container.get("envFrom"):
            _env_from(writer, container["envFrom"])
        _env(writer, container, pod)
        _mounts(writer, container)


def _identity(writer: Writer, container: Document, status: Document | None, space: str) -> None:
    writer.line(f"{' ' if space else ''}{container['name']}:", 1)
    if status is not None:
        writer.field("Container ID", status.get("containerID", ""), 2)
    writer.field("Image", container.get("image", ""), 2)
    if status is not None:
        writer.field("Image ID", status.get("imageID", ""), 2)
    ports = container.get("ports") or []
    plural = "s" if len(ports) > 1 else ""
    for title, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        text = ", ".join(f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}" + (f" ({port['name']})" if port.get("name") else "") for port in ports)
        writer.field(f"{title}{plural}", text or "<none>", 2)
    profile = (container.get("securityContext") or {}).get("seccompProfile") or {}
    writer.optional("SeccompProfile", profile.get("type"), 2)


def _state(writer: Writer, status: Document) -> None:
    _one_state(writer, "State", status.get("state") or {})
    if (status.get("lastState") or {}).get("terminated"):
        _one_state(writer, "Last State", status["lastState"])
    writer.field("Ready", "True" if status.get("ready") else "False", 2)
    writer.field("Restart Count", status.get("restartCount", 0), 2)


def _one_state(writer: Writer, title: str, state: Document) -> None:
    if "running" in state:
        writer.field(title, "Running", 2)
        writer.field("Started", moment(state["running"].get("startedAt")), 3)
    elif "terminated" in state:
        ended = state["terminated"]
        writer.field(title, "Terminated", 2)
        writer.optional("Reason", ended.get("reason"), 3)
        writer.optional("Message", ended.get("message"), 3)
        writer.field("Exit Code", ended.get("exitCode", 0), 3)
        writer.optional("Signal", ended.get("signal"), 3)
        writer.field("Started", moment(ended.get("startedAt")), 3)
        writer.field("Finished", moment(ended.get("finishedAt")), 3)
    else:
        writer.field(title, "Waiting", 2)
        writer.optional("Reason", (state.get("waiting") or {}).get("reason"), 3)


def _resources(writer: Writer, resources: Document) -> None:
    for name in ("limits", "requests"):
        if resources.get(name):
            writer.line(f"{name.capitalize()}:", 2)
            for resource, amount in sorted(resources[name].items()):
                writer.field(resource, amount, 3)


def probe(document: Document) -> str:
    """One line on what is probed, and how often."""
    numbers = (f"delay={document.get('initialDelaySeconds', 0)}s timeout={document.get('timeoutSeconds', 0)}s "
               f"period={document.get('periodSeconds', 0)}s #success={document.get('successThreshold', 0)} "
               f"#failure={document.get('failureThreshold', 0)}")
    if "exec" in document:
        return f"exec [{' '.join(document['exec'].get('command') or [])}] {numbers}"
    if "httpGet" in document:
        get = document["httpGet"]
        path = get.get("path", "")
        return f"http-get {get.get('scheme', 'HTTP').lower()}://{get.get('host', '')}:{get['port']}{path if path[:1] in ('', '/') else '/' + path} {numbers}"
    if "tcpSocket" in document:
        return f"tcp-socket {document['tcpSocket'].get('host', '')}:{document['tcpSocket']['port']} {numbers}"
    if "grpc" in document:
        return f"grpc <pod>:{document['grpc']['port']} {document['grpc'].get('service', '')} {numbers}"
    return f"unknown {numbers}"


def _truth(value: Any) -> str:
    return "true" if value else "false"


def _env_from(writer: Writer, sources: list[Document]) -> None:
    writer.line("Environment Variables from:", 2)
    for source in sources:
        kind, reference = ("ConfigMap", source["configMapRef"]) if "configMapRef" in source else ("Secret", source.get("secretRef") or {})
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        writer.line(f"{reference.get('name', '')}\t{kind}{prefix}\tOptional: {_truth(reference.get('optional'))}", 3)


def _env(writer: Writer, container: Document, pod: Document | None) -> None:
    variables = container.get("env") or []
    writer.line(f"Environment:{'' if variables else chr(9) + '<none>'}", 2)
    for variable in variables:
        name, source = variable["name"], variable.get("valueFrom")
        if not source:
            first, *more = variable.get("value", "").split("\n")
            writer.field(name, first, 3)
            for part in more:
                writer.line(f"\t{part}", 3)
        elif "fieldRef" in source:
            reference = source["fieldRef"]
            value = _field_value(pod, reference["fieldPath"]) if pod else ""
            writer.field(name, f"{value} ({reference.get('apiVersion', 'v1')}:{reference['fieldPath']})", 3)
        elif "resourceFieldRef" in source:
            writer.field(name, f"{_resource_value(container, source['resourceFieldRef']['resource'])} ({source['resourceFieldRef']['resource']})", 3)
        elif "secretKeyRef" in source:
            key = source["secretKeyRef"]
            writer.field(name, f"<set to the key '{key['key']}' in secret '{key.get('name', '')}'>\tOptional: {_truth(key.get('optional'))}", 3)
        elif "configMapKeyRef" in source:
            key = source["configMapKeyRef"]
            writer.field(name, f"<set to the key '{key['key']}' of config map '{key.get('name', '')}'>\tOptional: {_truth(key.get('optional'))}", 3)


def _field_value(pod: Document, path: str) -> str:
    if "[" in path:
        name, _, rest = path.partition("[")
        return str((pod["metadata"].get(name.rpartition(".")[2]) or {}).get(rest.strip("]'\""), ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return value if isinstance(value, str) else ""


def _resource_value(container: Document, resource: str) -> str:
    kind, _, name = resource.partition(".")
    text = ((container.get("resources") or {}).get(kind) or {}).get(name)
    if text is None:
        return "node allocatable" if kind == "limits" and name in ("cpu", "memory") else "0"
    from kubeapi.quantity import Quantity
    return str(Quantity.parse(text).value())


def _mounts(writer: Writer, container: Document) -> None:
    mounts = sorted(container.get("volumeMounts") or [], key=lambda mount: str(mount["mountPath"]))
    writer.line(f"Mounts:{'' if mounts else chr(9) + '<none>'}", 2)
    for mount in mounts:
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f',path="{mount["subPath"]}"'
        writer.line(f"{mount['mountPath']} from {mount['name']} ({flags})", 3)


# Volume source -> its one-line description, and (label, field, what stands for nothing) of what is shown of it.
_VOLUMES: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    "hostPath": ("HostPath (bare host directory volume)", [("Path", "path", ""), ("HostPathType", "type", "<none>")]),
    "emptyDir": ("EmptyDir (a temporary directory that shares a pod's lifetime)", [("Medium", "medium", ""), ("SizeLimit", "sizeLimit", "<unset>")]),
    "secret": ("Secret (a volume populated by a Secret)", [("SecretName", "secretName", ""), ("Optional", "optional", "false")]),
    "configMap": ("ConfigMap (a volume populated by a ConfigMap)", [("Name", "name", ""), ("Optional", "optional", "false")]),
    "persistentVolumeClaim": ("PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
                              [("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", "false")]),
    "nfs": ("NFS (an NFS mount that lasts the lifetime of a pod)", [("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", "false")]),
    "csi": ("CSI (a Container Storage Interface (CSI) volume source)", [("Driver", "driver", ""), ("FSType", "fsType", ""), ("ReadOnly", "readOnly", "false")]),
    "image": ("Image (a container image or OCI artifact)", [("Reference", "reference", ""), ("PullPolicy", "pullPolicy", "")]),
}


def volumes(writer: Writer, found: list[Document] | None, space: str) -> None:
    """A block per volume."""
    if not found:
        writer.line(f"{space}Volumes:\t<none>")
        return
    writer.line(f"{space}Volumes:")
    for volume in found:
        writer.line(f"{' ' if space else ''}{volume['name']}:", 1)
        source = next((name for name in volume if name != "name"), "")
        if source in _VOLUMES:
            words, fields = _VOLUMES[source]
            writer.field("Type", words, 2)
            for label, field, nothing in fields:
                value = (volume[source] or {}).get(field, nothing)
                writer.field(label, _truth(value) if isinstance(value, bool) else value, 2)
        elif source == "projected":
            _projected(writer, volume["projected"])
        elif source == "downwardAPI":
            writer.line("Type:\tDownwardAPI (a volume populated by information about the pod)\n    Items:", 2)
            for item in volume[source].get("items") or []:
                reference = item.get("fieldRef") or item.get("resourceFieldRef") or {}
                writer.line(f"{reference.get('fieldPath') or reference.get('resource', '')} -> {item['path']}", 3)
        else:
            writer.line("<unknown>", 1)


def _projected(writer: Writer, projected: Document) -> None:
    writer.field("Type", "Projected (a volume that contains injected data from multiple sources)", 2)
    for source in projected.get("sources") or []:
        if "secret" in source:
            writer.field("SecretName", source["secret"].get("name", ""), 2)
            writer.field("Optional", _truth(source["secret"].get("optional")), 2)
        elif "downwardAPI" in source:
            writer.field("DownwardAPI", "true", 2)
        elif "configMap" in source:
            writer.field("ConfigMapName", source["configMap"].get("name", ""), 2)
            writer.field("Optional", _truth(source["configMap"].get("optional")), 2)
        elif "serviceAccountToken" in source:
            writer.field("TokenExpirationSeconds", source["serviceAccountToken"].get("expirationSeconds", 3600), 2)


def tolerations(writer: Writer, title: str, found: list[Document] | None) -> None:
    """`key=value:effect op=Exists for 300s`, by key."""
    lines = []
    for each in sorted(found or [], key=lambda each: str(each.get("key", ""))):
        text = each.get("key", "") + (f"={each['value']}" if each.get("value") else "") + (f":{each['effect']}" if each.get("effect") else "")
        if each.get("operator") == "Exists" and not each.get("value"):
            text += " op=Exists" if text else "op=Exists"
        if each.get("tolerationSeconds") is not None:
            text += f" for {each['tolerationSeconds']}s"
        lines.append(text)
    writer.line(f"{title}:\t" + ("\n\t".join(lines) or "<none>"))


def quality(spec: Document) -> str:
    """The QoS class, for a pod whose status does not say it."""
    all_containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    resources = [container.get("resources") or {} for container in all_containers]
    if not any(each.get("limits") or each.get("requests") for each in resources):
        return "BestEffort"
    guaranteed = all((each.get("limits") or {}).get(name) and (each.get("requests") or {}).get(name) == each["limits"][name]
                     for each in resources for name in ("cpu", "memory"))
    return "Guaranteed" if guaranteed else "Burstable"


def pod_template(writer: Writer, template: Document) -> None:
    """The template of a workload."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    writer.line("Pod Template:")
    label_lines(writer, "  Labels", metadata.get("labels"))
    if metadata.get("annotations"):
        annotation_lines(writer, "  Annotations", metadata["annotations"])
    writer.optional("Service Account", spec.get("serviceAccountName"), 1)
    if spec.get("initContainers"):
        containers(writer, "Init Containers", spec["initContainers"], None, None, "  ")
    containers(writer, "Containers", spec.get("containers") or [], None, None, "  ")
    volumes(writer, spec.get("volumes"), "  ")
    writer.optional("Priority Class Name", spec.get("priorityClassName"), 1)
    label_lines(writer, "  Node-Selectors", spec.get("nodeSelector"))
    tolerations(writer, "  Tolerations", spec.get("tolerations"))
