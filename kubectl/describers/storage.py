"""How persistent volumes, the claims of them, and storage classes are described."""
from __future__ import annotations

from kubectl.describers.writer import Writer, annotation_lines, events, head, joined, label_lines, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_SHORT = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_IS_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
# source -> what it is called, and (label, field, instead of nothing)
_SOURCES: dict[str, tuple[str, tuple[tuple[str, str, object], ...]]] = {
    "hostPath": ("HostPath (bare host directory volume)", (("Path", "path", ""), ("HostPathType", "type", ""))),
    "local": ("LocalVolume (a persistent volume backed by local storage on a node)", (("Path", "path", ""),)),
    "nfs": ("NFS (an NFS mount that lasts the lifetime of a pod)", (("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", False))),
    "csi": ("CSI (a Container Storage Interface (CSI) volume source)", (
        ("Driver", "driver", ""), ("FSType", "fsType", ""), ("VolumeHandle", "volumeHandle", ""), ("ReadOnly", "readOnly", False))),
}


def short_modes(modes: list[str] | None) -> str:
    """`RWO,ROX`, in this order however they are listed."""
    return ",".join(short for mode, short in _SHORT.items() if mode in (modes or []))


def _phase(document: Document) -> str:
    if stamp := document["metadata"].get("deletionTimestamp"):
        from kubectl.humantime import age
        return f"Terminating (lasts {age(stamp)})"
    return str((document.get("status") or {}).get("phase", ""))


def _class(document: Document) -> str:
    return str((document["metadata"].get("annotations") or {}).get(_OLD_CLASS) or document["spec"].get("storageClassName", ""))


def _finalizers(document: Document) -> str:
    return f"[{' '.join(document['metadata'].get('finalizers') or [])}]"


def claim(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a claim, with the pods that use it."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    writer.field("StorageClass", _class(document))
    writer.field("Status", _phase(document))
    writer.field("Volume", spec.get("volumeName", ""))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("Finalizers", _finalizers(document))
    is_bound = bool(spec.get("volumeName"))
    writer.field("Capacity", (status.get("capacity") or {}).get("storage", "0") if is_bound else "")
    writer.field("Access Modes", short_modes(status.get("accessModes")) if is_bound else "")
    writer.optional("VolumeMode", spec.get("volumeMode"))
    if source := spec.get("dataSource"):
        writer.line("DataSource:")
        writer.optional("APIGroup", source.get("apiGroup"), 1)
        writer.field("Kind", source["kind"], 1)
        writer.field("Name", source["name"], 1)
    writer.field("Used By", "\n\t".join(_users(session, metadata)) or "<none>")
    _conditions(writer, status.get("conditions") or [])
    events(writer, found_events)


def _users(session: Session, metadata: Document) -> list[str]:
    pods = session.client.get(f"/api/v1/namespaces/{metadata['namespace']}/pods")["items"]
    return [pod["metadata"]["name"] for pod in pods if any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == metadata["name"]
        or ("ephemeral" in volume and f"{pod['metadata']['name']}-{volume['name']}" == metadata["name"])
        for volume in pod["spec"].get("volumes") or [])]


def _conditions(writer: Writer, conditions: list[Document]) -> None:
    if not conditions:
        return
    writer.line("Conditions:\n  Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage")
    writer.line("----\t------\t-----------------\t------------------\t------\t-------", 1)
    for each in conditions:
        writer.line(f"{each['type']} \t{each['status']} \t{moment(each.get('lastProbeTime'))} \t{moment(each.get('lastTransitionTime'))} \t"
                    f"{each.get('reason', '')} \t{each.get('message', '')}", 1)


def volume(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a persistent volume, with where it lies."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    writer.field("Name", metadata["name"])
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("Finalizers", _finalizers(document))
    writer.field("StorageClass", _class(document))
    writer.field("Status", _phase(document))
    bound = spec.get("claimRef")
    writer.field("Claim", f"{bound.get('namespace', '')}/{bound.get('name', '')}" if bound else "")
    writer.field("Reclaim Policy", spec.get("persistentVolumeReclaimPolicy", ""))
    writer.field("Access Modes", short_modes(spec.get("accessModes")))
    writer.optional("VolumeMode", spec.get("volumeMode"))
    writer.field("Capacity", (spec.get("capacity") or {}).get("storage", "0"))
    _affinity(writer, spec.get("nodeAffinity"))
    writer.field("Message", status.get("message", ""))
    writer.line("Source:")
    _source(writer, spec)
    events(writer, found_events)


def _affinity(writer: Writer, affinity: Document | None) -> None:
    terms = ((affinity or {}).get("required") or {}).get("nodeSelectorTerms") or []
    if not affinity or not affinity.get("required"):
        writer.field("Node Affinity", "<none>")
        return
    writer.field("Node Affinity", "")
    if not terms:
        writer.field("Required Terms", "<none>", 1)
        return
    writer.field("Required Terms", "", 1)
    for number, term in enumerate(terms):
        lines = [_expression(each) for each in term.get("matchExpressions") or []]
        writer.field(f"Term {number}", "\n\t".join(lines) or "<none>", 2)


def _expression(expression: Document) -> str:
    values = f" [{', '.join(expression['values'])}]" if expression.get("values") else ""
    return f"{expression['key']} {expression['operator'].lower()}{values}"


def _source(writer: Writer, spec: Document) -> None:
    name = next((one for one in _SOURCES if one in spec), "")
    if not name:
        writer.line("<unknown>", 1)
        return
    words, fields = _SOURCES[name]
    writer.field("Type", words, 2)
    for label, field, nothing in fields:
        value = spec[name].get(field, nothing)
        writer.field(label, str(value).lower() if isinstance(value, bool) else value, 2)
    if name == "csi":
        lines = [f"{key}={value}" for key, value in sorted((spec[name].get("volumeAttributes") or {}).items())]
        writer.line("    VolumeAttributes:\t" + ("\n    \t".join(f"    {line}" for line in lines) if lines else "<none>"))


def storage_class(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a storage class."""
    annotations = document["metadata"].get("annotations") or {}
    writer.field("Name", document["metadata"]["name"])
    writer.field("IsDefaultClass", "Yes" if any(annotations.get(key) == "true" for key in _IS_DEFAULT) else "No")
    writer.field("Annotations", joined(annotations))
    writer.field("Provisioner", document["provisioner"])
    writer.field("Parameters", joined(document.get("parameters")))
    writer.field("AllowVolumeExpansion", str(document.get("allowVolumeExpansion", "<unset>")))
    options = document.get("mountOptions") or []
    if options:
        writer.line("MountOptions:")
        for option in options:
            writer.line(option, 1)
    else:
        writer.field("MountOptions", "<none>")
    writer.optional("ReclaimPolicy", document.get("reclaimPolicy"))
    writer.optional("VolumeBindingMode", document.get("volumeBindingMode"))
    topologies = document.get("allowedTopologies")
    if topologies is not None:
        writer.field("AllowedTopologies", "" if topologies else "<none>")
        for number, term in enumerate(topologies):
            lines = [f"{each['key']} in [{', '.join(each['values'])}]" for each in term.get("matchLabelExpressions") or []]
            writer.field(f"Term {number}", "\n\t".join(lines) or "<none>", 1)
    events(writer, found_events)
