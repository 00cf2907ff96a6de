"""Validation of one container: image, ports, environment, resources, mounts, probes and hooks."""
from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_found, not_supported, required
from kubeapi.names import config_key_faults, dns1123_label_faults, environment_name_faults, port_name_faults, port_number_faults
from kubeapi.quantity import Quantity
from kubeapi.validation.selectors import label_name, non_negative
from kubeapi.validation.volumes import relative_path

Document = dict[str, Any]
PROTOCOLS = ("SCTP", "TCP", "UDP")
_FIELD_PATHS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
                "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs")
_SUBSCRIPTED = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]")
_STANDARD_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


def one_of(value: str, path: str, supported: Collection[str]) -> list[FieldError]:
    if not value:
        return [required(path)]
    return [] if value in supported else [not_supported(path, value, sorted(supported))]


def validate_container(container: Document, path: str, volumes: Collection[str], host_network: bool) -> list[FieldError]:
    """All faults but those of its name's uniqueness; *volumes* are the Pod's."""
    name, image = container.get("name", ""), container.get("image", "")
    faults = [invalid(f"{path}.name", name, fault) for fault in dns1123_label_faults(name)] if name else [required(f"{path}.name")]
    if not image:
        faults.append(required(f"{path}.image"))
    elif image != image.strip():
        faults.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    faults += _hooks(container.get("lifecycle") or {}, f"{path}.lifecycle")
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(kind)) is not None:
            faults += _probe(probe, f"{path}.{kind}", kind)
    faults += one_of(container.get("terminationMessagePolicy", ""), f"{path}.terminationMessagePolicy", ("FallbackToLogsOnError", "File"))
    faults += _ports(container.get("ports") or [], f"{path}.ports", host_network)
    faults += _environment(container.get("env") or [], f"{path}.env")
    faults += _environment_sources(container.get("envFrom") or [], f"{path}.envFrom")
    faults += _mounts(container.get("volumeMounts") or [], f"{path}.volumeMounts", volumes)
    faults += one_of(container.get("imagePullPolicy", ""), f"{path}.imagePullPolicy", ("Always", "IfNotPresent", "Never"))
    faults += validate_resources(container.get("resources") or {}, f"{path}.resources")
    return faults + _security(container.get("securityContext") or {}, f"{path}.securityContext")


def _ports(ports: list[Document], path: str, host_network: bool) -> list[FieldError]:
    faults: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"{path}[{index}]", port.get("name", "")
        if name:
            wrong = port_name_faults(name)
            faults += [invalid(f"{at}.name", name, fault) for fault in wrong]
            if not wrong and name in names:
                faults.append(duplicate(f"{at}.name", name))
            names.add(name)
        number, host = port.get("containerPort", 0), port.get("hostPort", 0)
        faults += [invalid(f"{at}.containerPort", number, fault) for fault in port_number_faults(number)] if number else [
            required(f"{at}.containerPort")]
        if host:
            faults += [invalid(f"{at}.hostPort", host, fault) for fault in port_number_faults(host)]
            if host_network and host != number:
                faults.append(invalid(f"{at}.hostPort", host, "must match `containerPort` when `hostNetwork` is true"))
        faults += one_of(port.get("protocol", ""), f"{at}.protocol", PROTOCOLS)
    return faults


def _environment(variables: list[Document], path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, variable in enumerate(variables):
        at, name = f"{path}[{index}]", variable.get("name", "")
        faults += [invalid(f"{at}.name", name, fault) for fault in environment_name_faults(name)] if name else [required(f"{at}.name")]
        if (source := variable.get("valueFrom")) is not None:
            faults += _value_from(source, f"{at}.valueFrom", bool(variable.get("value")))
    return faults


def _value_from(source: Document, path: str, has_value: bool) -> list[FieldError]:
    kinds = [name for name in _ENV_SOURCES if source.get(name) is not None]
    faults: list[FieldError] = []
    if (field := source.get("fieldRef")) is not None:
        faults += _field_ref(field, f"{path}.fieldRef")
    for name in ("configMapKeyRef", "secretKeyRef"):
        if (reference := source.get(name)) is not None:
            faults += _key_ref(reference, f"{path}.{name}")
    if not kinds:
        faults.append(invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` "
                                        "or `fileKeyRef`"))
    elif has_value:
        faults.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(kinds) > 1:
        faults.append(invalid(path, "", "may not have more than one field specified at a time"))
    return faults


def _field_ref(field: Document, path: str) -> list[FieldError]:
    selected = field.get("fieldPath", "")
    if not selected:
        return [required(f"{path}.fieldPath")]
    if selected in _FIELD_PATHS or _SUBSCRIPTED.fullmatch(selected):
        return []
    return [not_supported(f"{path}.fieldPath", selected, sorted(_FIELD_PATHS))]


def _key_ref(reference: Document, path: str) -> list[FieldError]:
    faults = [] if reference.get("name") else [required(f"{path}.name")]
    key = reference.get("key", "")
    return faults + ([invalid(f"{path}.key", key, fault) for fault in config_key_faults(key)] if key else [required(f"{path}.key")])


def _environment_sources(sources: list[Document], path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, source in enumerate(sources):
        at = f"{path}[{index}]"
        kinds = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        faults += [required(f"{at}.{name}.name") for name in kinds if not source[name].get("name")]
        if prefix := source.get("prefix"):
            faults += [invalid(f"{at}.prefix", prefix, fault) for fault in environment_name_faults(prefix)]
        if not kinds:
            faults.append(invalid(at, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(kinds) > 1:
            faults.append(invalid(at, "", "may not have more than one field specified at a time"))
    return faults


def _resource_name(name: str, path: str) -> list[FieldError]:
    faults = label_name(name, path)
    if faults or "/" in name or name in _STANDARD_RESOURCES or name.startswith("hugepages-"):
        return faults
    return [invalid(path, name, "must be a standard resource type or fully qualified"),
            invalid(path, name, "must be a standard resource for containers")]


def validate_resources(resources: Document, path: str) -> list[FieldError]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    faults: list[FieldError] = []
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, text in amounts.items():
            at = f"{path}.{kind}[{name}]"
            faults += _resource_name(name, at)
            if Quantity.parse(text) < Quantity(0):
                faults.append(invalid(at, str(text), "must be greater than or equal to 0"))
    for name, text in requests.items():
        limit = limits.get(name)
        overcommits = name in _STANDARD_RESOURCES or "/" not in name and not name.startswith("hugepages-")
        if limit is None:
            if not overcommits:
                faults.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
        elif not overcommits and Quantity.parse(text) != Quantity.parse(limit):
            faults.append(invalid(f"{path}.requests", str(text), f"must be equal to {name} limit of {limit}"))
        elif Quantity.parse(text) > Quantity.parse(limit):
            faults.append(invalid(f"{path}.requests", str(text), f"must be less than or equal to {name} limit of {limit}"))
    return faults


def _mounts(mounts: list[Document], path: str, volumes: Collection[str]) -> list[FieldError]:
    faults: list[FieldError] = []
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        at, name, target = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            faults.append(required(f"{at}.name"))
        if name not in volumes:
            faults.append(not_found(f"{at}.name", name))
        if not target:
            faults.append(required(f"{at}.mountPath"))
        elif target in taken:
            faults.append(invalid(f"{at}.mountPath", target, "must be unique"))
        taken.add(target)
        for kind in ("subPath", "subPathExpr"):
            faults += relative_path(mount.get(kind, ""), f"{at}.{kind}")
        if mount.get("subPath") and mount.get("subPathExpr"):
            faults.append(invalid(f"{at}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive"))
    return faults


def _probe(probe: Document, path: str, kind: str) -> list[FieldError]:
    faults = _handler(probe, path)
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        faults += non_negative(probe.get(name), f"{path}.{name}")
    if kind != "readinessProbe" and probe.get("successThreshold", 0) != 1:
        faults.append(invalid(f"{path}.successThreshold", probe.get("successThreshold", 0), "must be 1"))
    if (grace := probe.get("terminationGracePeriodSeconds")) is not None and grace <= 0:
        faults.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    return faults


def _hooks(lifecycle: Document, path: str) -> list[FieldError]:
    return [fault for name in ("postStart", "preStop") if lifecycle.get(name) is not None
            for fault in _handler(lifecycle[name], f"{path}.{name}")]


def _handler(handler: Document, path: str) -> list[FieldError]:
    kinds = [name for name in _HANDLERS if handler.get(name) is not None]
    if not kinds:
        return [required(path, "must specify a handler type")]
    faults = [forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in kinds[1:]]
    kind, at = kinds[0], f"{path}.{kinds[0]}"
    action = handler[kind]
    if kind == "exec" and not action.get("command"):
        faults.append(required(f"{at}.command"))
    if kind == "httpGet":
        faults += [] if action.get("path") else [required(f"{at}.path")]
    if kind in ("httpGet", "tcpSocket", "grpc"):
        faults += port_number_or_name(action.get("port", 0), f"{at}.port")
    if kind == "httpGet":
        faults += one_of(action.get("scheme", ""), f"{at}.scheme", ("HTTP", "HTTPS"))
    return faults


def port_number_or_name(port: int | str, path: str) -> list[FieldError]:
    wrong = port_name_faults(port) if isinstance(port, str) else port_number_faults(port)
    return [invalid(path, port, fault) for fault in wrong]


def _security(context: Document, path: str) -> list[FieldError]:
    faults = [invalid(f"{path}.{name}", context[name], "must be between 0 and 2147483647, inclusive")
              for name in ("runAsUser", "runAsGroup") if context.get(name) is not None and not 0 <= context[name] <= 2147483647]
    if context.get("allowPrivilegeEscalation") is False and context.get("privileged"):
        faults.append(invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"))
    return faults
