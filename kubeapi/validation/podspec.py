"""Validation of a new Pod and of the PodSpec in a template."""
from __future__ import annotations

import re
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_label_faults, dns1123_subdomain_faults, ip_faults, qualified_name_faults
from kubeapi.repeats import Repeats
from kubeapi.validation.container import validate_container
from kubeapi.validation.meta import validate_annotations, validate_labels
from kubeapi.validation.scheduling import validate_affinity, validate_tolerations, validate_topology_spread
from kubeapi.validation.selectors import label_name
from kubeapi.validation.volumes import validate_volumes

Document = dict[str, Any]
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"


def validate_pod(pod: Document) -> list[FieldError]:
    spec = pod.get("spec") or {}
    faults = [] if _is_faultless(spec) else validate_pod_spec(spec, "spec")
    if spec.get("ephemeralContainers"):
        faults.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        faults.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return faults


def validate_pod_template(template: Document, path: str) -> list[FieldError]:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    faults = validate_labels(metadata.get("labels"), f"{path}.labels")
    faults += validate_annotations(metadata.get("annotations"), f"{path}.annotations")
    faults += validate_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        faults.append(forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template"))
    return faults


def validate_pod_spec(spec: Document, path: str) -> list[FieldError]:
    faults = validate_volumes(spec.get("volumes") or [], f"{path}.volumes")
    faults += _containers(spec, path)
    faults += _policies(spec, path)
    faults += validate_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    faults += _identity(spec, path)
    faults += validate_affinity(spec.get("affinity") or {}, f"{path}.affinity")
    faults += _dns(spec, path)
    faults += validate_tolerations(spec.get("tolerations") or [], f"{path}.tolerations")
    faults += validate_topology_spread(spec.get("topologySpreadConstraints") or [], f"{path}.topologySpreadConstraints")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        faults += [invalid(f"{path}.hostAliases[{index}].ip", alias.get("ip", ""), fault) for fault in ip_faults(alias.get("ip", ""))]
        faults += [invalid(f"{path}.hostAliases[{index}].hostnames[{number}]", name, fault)
                   for number, name in enumerate(alias.get("hostnames") or ()) for fault in dns1123_subdomain_faults(name)]
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        faults += label_name(gate.get("name", ""), f"{path}.schedulingGates[{index}]")
    return faults


# What admission calls the volume of a pod's token, different for each of a thousand pods of one template.
_TOKEN_VOLUME = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')


def under_one_name(encoded: bytes) -> bytes:
    """A pod's encoded spec with its token volume under the name that all others have: no JSON holds it, so nothing else can."""
    names = set(_TOKEN_VOLUME.findall(encoded))
    return encoded.replace(names.pop(), b"\0") if len(names) == 1 else encoded


_is_faultless = Repeats(lambda spec: not validate_pod_spec(spec, "spec"), alike=under_one_name)


def _containers(spec: Document, path: str) -> list[FieldError]:
    containers = spec.get("containers") or []
    faults = [] if containers else [required(f"{path}.containers")]
    volumes = {each.get("name", "") for each in spec.get("volumes") or ()}
    names: set[str] = set()
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            at, name = f"{path}.{kind}[{index}]", container.get("name", "")
            faults += validate_container(container, at, volumes, bool(spec.get("hostNetwork")))
            if name in names:
                faults.append(duplicate(f"{at}.name", name))
            if name:
                names.add(name)
            if kind == "initContainers":
                faults += _only_for_sidecars(container, at)
    return faults + _host_ports(containers, f"{path}.containers")


def _only_for_sidecars(container: Document, path: str) -> list[FieldError]:
    if container.get("restartPolicy") == "Always":
        return []
    return [forbidden(f"{path}.{name}", _NOT_FOR_INIT)
            for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe") if container.get(name) is not None]


def _host_ports(containers: list[Document], path: str) -> list[FieldError]:
    faults, taken = [], set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            use = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if use in taken:
                faults.append(duplicate(f"{path}[{index}].ports[{number}].hostPort", use))
            taken.add(use)
    return faults


def _policies(spec: Document, path: str) -> list[FieldError]:
    faults = []
    for name, supported in (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES)):
        value = spec.get(name, "")
        if not value:
            faults.append(required(f"{path}.{name}"))
        elif value not in supported:
            faults.append(not_supported(f"{path}.{name}", value, supported))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2147483647:
        faults.append(invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        faults.append(invalid(f"{path}.shareProcessNamespace", True, "ShareProcessNamespace and HostPID cannot both be enabled"))
    if spec.get("hostUsers") is False:
        faults += [forbidden(f"{path}.{name}", "when `hostUsers` is false") for name in ("hostNetwork", "HostPID", "HostIPC")
                   if spec.get(f"h{name[1:]}")]        # upstream spells two of them so
    return faults


def _identity(spec: Document, path: str) -> list[FieldError]:
    faults = []
    for name, check in (("serviceAccountName", dns1123_subdomain_faults), ("nodeName", dns1123_subdomain_faults),
                        ("hostname", dns1123_label_faults), ("subdomain", dns1123_label_faults),
                        ("priorityClassName", dns1123_subdomain_faults), ("schedulerName", qualified_name_faults)):
        if value := spec.get(name):
            faults += [invalid(f"{path}.{name}", value, fault) for fault in check(value)]
    return faults


def _dns(spec: Document, path: str) -> list[FieldError]:
    servers = (spec.get("dnsConfig") or {}).get("nameservers") or []
    if spec.get("dnsPolicy") == "None" and not servers:
        return [required(f"{path}.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")]
    return [invalid(f"{path}.dnsConfig.nameservers[{index}]", server, fault)
            for index, server in enumerate(servers) for fault in ip_faults(server)]
