"""What pods/ephemeralcontainers may change of a Pod, and how."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, not_found
from kubeapi.validation.container import validate_container

Document = dict[str, Any]
EPHEMERAL = "ephemeralcontainers"
# All that has to do with being relied upon (probes, ports, resources, hooks) is not for them.
EPHEMERAL_FIELDS = frozenset({
    "name", "image", "command", "args", "workingDir", "envFrom", "env", "volumeMounts", "volumeDevices", "terminationMessagePath",
    "terminationMessagePolicy", "imagePullPolicy", "securityContext", "stdin", "stdinOnce", "tty", "targetContainerName"})
NOT_FOR_EPHEMERAL = "cannot be set for an Ephemeral Container"


def keep_all_but_part(part: str, new: Document, old: Document) -> None:
    """*new* becomes *old* with nothing changed but what this subresource is for."""
    taking = _TAKING.get(part)
    if taking is None:
        return
    own = {name: new["metadata"][name] for name in ("managedFields", "resourceVersion") if name in new["metadata"]}
    spec = taking(new.get("spec") or {}, old["spec"])
    new.update({**old, "metadata": {**old["metadata"], **own}, "spec": spec})


def _with_ephemeral(new: Document, old: Document) -> Document:
    kept = {name: value for name, value in old.items() if name != "ephemeralContainers"}
    asked = new.get("ephemeralContainers")
    return {**kept, "ephemeralContainers": asked} if asked else kept


_TAKING: Mapping[str, Callable[[Document, Document], Document]] = {EPHEMERAL: _with_ephemeral}


def validate_pod_part(part: str, new: Document, old: Document) -> list[FieldError]:
    return _ephemeral_faults(new["spec"], old["spec"]) if part == EPHEMERAL else []


def _ephemeral_faults(spec: Document, before: Document) -> list[FieldError]:
    path, faults = "spec.ephemeralContainers", []
    others = {one["name"] for kind in ("containers", "initContainers") for one in spec.get(kind) or ()}
    volumes = {one.get("name", "") for one in spec.get("volumes") or ()}
    names = set(others)
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        at, name = f"{path}[{index}]", container.get("name", "")
        faults += validate_container(container, at, volumes, bool(spec.get("hostNetwork")))
        if name in names:
            faults.append(duplicate(f"{at}.name", name))
        names.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            faults.append(not_found(f"{at}.targetContainerName", target))
        faults += [forbidden(f"{at}.{field}", NOT_FOR_EPHEMERAL) for field, value in container.items() if value and field not in EPHEMERAL_FIELDS]
        faults += [forbidden(f"{at}.volumeMounts[{number}].{field}", NOT_FOR_EPHEMERAL) for number, mount in enumerate(container.get("volumeMounts") or ())
                   for field in ("subPath", "subPathExpr") if mount.get(field)]
    return faults + _changes_of_ephemeral(spec, before, path)


def _changes_of_ephemeral(spec: Document, before: Document, path: str) -> list[FieldError]:
    """They only ever become more."""
    now = {one.get("name"): one for one in spec.get("ephemeralContainers") or ()}
    faults = []
    for old in before.get("ephemeralContainers") or ():
        if old["name"] not in now:
            faults.append(forbidden(path, f'existing ephemeral containers "{old["name"]}" may not be removed\n'))
        elif now[old["name"]] != old:
            faults.append(forbidden(path, f'existing ephemeral containers "{old["name"]}" may not be changed\n'))
    return faults
