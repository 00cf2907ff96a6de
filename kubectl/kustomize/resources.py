"""A resource on its way through a build: the document, and by which names others may know it."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubeapi.resource import Document

CLUSTER_SCOPED = frozenset({
    "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "ClusterTrustBundle", "ComponentStatus",
    "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IPAddress", "IngressClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass",
    "ServiceCIDR", "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment",
    "VolumeAttributesClass"})
# The order in which kinds are printed, so that what others need comes first.
_FIRST = ("Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy", "Role", "ClusterRole",
          "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass", "PersistentVolume",
          "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget")
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


class Resource:
    """`wants_hash`: its name gets a suffix that tells its content, at the end of the build."""

    def __init__(self, document: Document, *, wants_hash: bool = False) -> None:
        self.document, self.wants_hash = document, wants_hash
        self.names = [self.name]                  # all it has had, the first first
        self.spaces = {self.namespace}

    @property
    def kind(self) -> str:
        return str(self.document.get("kind", ""))

    @property
    def group(self) -> str:
        return str(self.document.get("apiVersion", "")).rpartition("/")[0]

    @property
    def version(self) -> str:
        return str(self.document.get("apiVersion", "")).rpartition("/")[2]

    @property
    def name(self) -> str:
        return str(self.document["metadata"].get("name", ""))

    @property
    def namespace(self) -> str:
        return str(self.document["metadata"].get("namespace", ""))

    @property
    def is_namespaced(self) -> bool:
        return self.kind not in CLUSTER_SCOPED

    @property
    def text(self) -> str:
        """`Deployment.v1.apps/web.[noNs]`: how kustomize calls it."""
        return f"{self.kind}.{self.version}.{self.group or '[noGrp]'}/{self.name}.{self.namespace or '[noNs]'}"

    def rename(self, name: str) -> None:
        self.document["metadata"]["name"] = name
        if name not in self.names:
            self.names.append(name)

    def is_same(self, other: Resource) -> bool:
        """Whether both would be one object of the cluster."""
        return (self.group, self.kind, self.name, self.namespace) == (other.group, other.kind, other.name, other.namespace)

    def set_in_metadata(self, field: str, values: dict[str, str]) -> None:
        """Merge labels or annotations."""
        metadata = self.document["metadata"]
        metadata[field] = {**(metadata.get(field) or {}), **values}


def in_order(resources: Iterable[Resource]) -> list[Resource]:
    """As they are to be printed and applied."""
    places = {kind: at - len(_FIRST) for at, kind in enumerate(_FIRST)} | {kind: at + 1 for at, kind in enumerate(_LAST)}
    return sorted(resources, key=lambda each: (places.get(each.kind, 0), each.group, each.version, each.kind, each.namespace, each.name))
