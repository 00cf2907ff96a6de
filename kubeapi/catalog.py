"""Every built-in resource, a line each: the one place where the system learns that a kind exists.

The catalog is strings: strategies and columns are looked up in kubeapi/kinds/<singular>.py when first used
(`<Kind>Strategy`, `COLUMNS`), and a kind without such a module gets the plain Strategy and the columns NAME and CREATED AT.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kubeapi import conversion
from kubeapi.resource import Column, GroupVersionKind, Resource, Scope, Subresource, Version
from kubeapi.schema import Schema
from kubeapi.schemas import schema_of
from kubeapi.selectable import SELECTABLE_FIELDS
from kubeapi.strategy import Strategy

if TYPE_CHECKING:
    from kubeapi.meta import Object

# Groups in discovery's order. A line is: plural, kind, then what is not the rule (namespaced, all verbs, no
# subresources): `cluster`, short=, category=, verbs=, sub=.
TABLE = """
/v1
bindings Binding verbs=create
componentstatuses ComponentStatus cluster short=cs verbs=get,list
configmaps ConfigMap short=cm
endpoints Endpoints short=ep singular=endpoints
events Event short=ev
limitranges LimitRange short=limits
namespaces Namespace cluster short=ns verbs=create,delete,get,list,patch,update,watch sub=finalize,status
nodes Node cluster short=no sub=proxy,status
persistentvolumeclaims PersistentVolumeClaim short=pvc sub=status
persistentvolumes PersistentVolume cluster short=pv sub=status
pods Pod short=po category=all sub=attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status
podtemplates PodTemplate
replicationcontrollers ReplicationController short=rc category=all sub=scale,status
resourcequotas ResourceQuota short=quota sub=status
secrets Secret
serviceaccounts ServiceAccount short=sa sub=token
services Service short=svc category=all sub=proxy,status
apiregistration.k8s.io/v1
apiservices APIService cluster category=api-extensions sub=status
apps/v1
controllerrevisions ControllerRevision
daemonsets DaemonSet short=ds category=all sub=status
deployments Deployment short=deploy category=all sub=scale,status
replicasets ReplicaSet short=rs category=all sub=scale,status
statefulsets StatefulSet short=sts category=all sub=scale,status
events.k8s.io/v1
events Event short=ev
authentication.k8s.io/v1
selfsubjectreviews SelfSubjectReview cluster verbs=create
tokenreviews TokenReview cluster verbs=create
authorization.k8s.io/v1
localsubjectaccessreviews LocalSubjectAccessReview verbs=create
selfsubjectaccessreviews SelfSubjectAccessReview cluster verbs=create
selfsubjectrulesreviews SelfSubjectRulesReview cluster verbs=create
subjectaccessreviews SubjectAccessReview cluster verbs=create
autoscaling/v2,v1
horizontalpodautoscalers HorizontalPodAutoscaler short=hpa category=all sub=status
batch/v1
cronjobs CronJob short=cj category=all sub=status
jobs Job category=all sub=status
certificates.k8s.io/v1
certificatesigningrequests CertificateSigningRequest cluster short=csr sub=approval,status
networking.k8s.io/v1
ingressclasses IngressClass cluster
ingresses Ingress short=ing sub=status
ipaddresses IPAddress cluster short=ip
networkpolicies NetworkPolicy short=netpol
servicecidrs ServiceCIDR cluster sub=status
policy/v1
poddisruptionbudgets PodDisruptionBudget short=pdb sub=status
rbac.authorization.k8s.io/v1
clusterrolebindings ClusterRoleBinding cluster
clusterroles ClusterRole cluster
rolebindings RoleBinding
roles Role
storage.k8s.io/v1
csidrivers CSIDriver cluster
csinodes CSINode cluster
csistoragecapacities CSIStorageCapacity
storageclasses StorageClass cluster short=sc
volumeattachments VolumeAttachment cluster sub=status
volumeattributesclasses VolumeAttributesClass cluster short=vac
admissionregistration.k8s.io/v1
mutatingadmissionpolicies MutatingAdmissionPolicy cluster category=api-extensions
mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding cluster category=api-extensions
mutatingwebhookconfigurations MutatingWebhookConfiguration cluster category=api-extensions
validatingadmissionpolicies ValidatingAdmissionPolicy cluster category=api-extensions sub=status
validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding cluster category=api-extensions
validatingwebhookconfigurations ValidatingWebhookConfiguration cluster category=api-extensions
apiextensions.k8s.io/v1
customresourcedefinitions CustomResourceDefinition cluster short=crd,crds category=api-extensions sub=status
scheduling.k8s.io/v1
priorityclasses PriorityClass cluster short=pc
coordination.k8s.io/v1
leases Lease
node.k8s.io/v1
runtimeclasses RuntimeClass cluster
discovery.k8s.io/v1
endpointslices EndpointSlice
flowcontrol.apiserver.k8s.io/v1
flowschemas FlowSchema cluster sub=status
prioritylevelconfigurations PriorityLevelConfiguration cluster sub=status
resource.k8s.io/v1
deviceclasses DeviceClass cluster
resourceclaims ResourceClaim sub=status
resourceclaimtemplates ResourceClaimTemplate
resourceslices ResourceSlice cluster
"""

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_CHANGE = ("get", "patch", "update")
_PROXY = ("create", "delete", "get", "patch", "update")
# name -> (verbs, the kind it answers or takes; None is the resource's own).
_SUBRESOURCES: Mapping[str, tuple[tuple[str, ...], GroupVersionKind | None]] = {
    "status": (_CHANGE, None),
    "scale": (_CHANGE, GroupVersionKind("autoscaling", "v1", "Scale")),
    "finalize": (("update",), None),
    "approval": (_CHANGE, None),
    "ephemeralcontainers": (_CHANGE, None),
    "resize": (_CHANGE, None),
    "log": (("get",), None),
    "binding": (("create",), GroupVersionKind("", "v1", "Binding")),
    "eviction": (("create",), GroupVersionKind("policy", "v1", "Eviction")),
    "token": (("create",), GroupVersionKind("authentication.k8s.io", "v1", "TokenRequest")),
    "attach": (("create", "get"), GroupVersionKind("", "v1", "PodAttachOptions")),
    "exec": (("create", "get"), GroupVersionKind("", "v1", "PodExecOptions")),
    "portforward": (("create", "get"), GroupVersionKind("", "v1", "PodPortForwardOptions")),
}


def _kind_module(kind: str) -> ModuleType | None:
    name = f"kubeapi.kinds.{kind.lower()}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name in (name, "kubeapi.kinds"):
            return None
        raise


def _metadata(document: Mapping[str, Any], name: str) -> str:
    return str((document.get("metadata") or {}).get(name) or "")


DEFAULT_COLUMNS = (
    Column("Name", "string", lambda document, now: _metadata(document, "name"), format="name"),
    Column("Created At", "date", lambda document, now: _metadata(document, "creationTimestamp")),
)


@cache
def _strategy(kind: str, group: str) -> Strategy:
    """A kind of two groups may have one for each: `STRATEGY_BY_GROUP`."""
    module = _kind_module(kind)
    found = getattr(module, "STRATEGY_BY_GROUP", {}).get(group) or getattr(module, f"{kind}Strategy", Strategy)
    strategy = found() if isinstance(found, type) else found
    assert isinstance(strategy, Strategy)
    return strategy


@cache
def _columns(kind: str) -> tuple[Column, ...]:
    return tuple(getattr(_kind_module(kind), "COLUMNS", DEFAULT_COLUMNS))


def _subresource(name: str, own: GroupVersionKind) -> Subresource:
    if name == "proxy":
        return Subresource(name, _PROXY, GroupVersionKind("", "v1", f"{own.kind}ProxyOptions"))
    verbs, kind = _SUBRESOURCES[name]
    return Subresource(name, verbs, kind or own)


def _version(group: str, name: str, kind: str) -> Version:
    schema: Callable[[], Schema] = partial(schema_of, group, name, kind)
    to_storage, from_storage = conversion.CONVERSIONS.get((group, name, kind), (None, None))
    if to_storage is None or from_storage is None:
        return Version(name, schema)
    return Version(name, schema, to_storage, from_storage)


def _resource(group: str, versions: tuple[str, ...], line: str) -> Resource:
    plural, kind, *rest = line.split()
    options = {key: tuple(value.split(",")) for key, _, value in (word.partition("=") for word in rest)}
    return Resource(
        group, plural, kind, tuple(_version(group, name, kind) for name in versions), versions[0],
        Scope.CLUSTER if "cluster" in options else Scope.NAMESPACED,
        singular=options.get("singular", (kind.lower(),))[0],
        short_names=options.get("short", ()), categories=options.get("category", ()),
        verbs=options.get("verbs", ALL_VERBS),
        subresources={name: _subresource(name, GroupVersionKind(group, versions[0], kind)) for name in options.get("sub", ())},
        strategy=partial(_strategy, kind, group), columns=partial(_columns, kind),
        selectable_fields=SELECTABLE_FIELDS.get((group, plural), {}))


def _parse(table: str) -> tuple[dict[str, tuple[str, ...]], tuple[Resource, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    resources = []
    group = ""
    for line in table.strip().splitlines():
        if "/" in line:
            group, _, versions = line.partition("/")
            groups[group] = tuple(versions.split(","))
        else:
            resources.append(_resource(group, groups[group], line))
    return groups, tuple(resources)


GROUPS: Mapping[str, tuple[str, ...]]
RESOURCES: tuple[Resource, ...]
GROUPS, RESOURCES = _parse(TABLE)
_BY_PLURAL = {(resource.group, resource.plural): resource for resource in RESOURCES}
_BY_KIND = {(resource.group, resource.kind): resource for resource in RESOURCES}


def by_plural(group: str, plural: str) -> Resource:
    """Raises KeyError."""
    return _BY_PLURAL[group, plural]


def by_kind(group: str, kind: str) -> Resource:
    """Raises KeyError."""
    return _BY_KIND[group, kind]


def resource_of(model: type[Object]) -> Resource:
    """The resource that a typed view is of. Raises KeyError."""
    return _BY_KIND[model.GROUP, model.kind()]
