"""What pods/ephemeralcontainers and pods/resize may change of a Pod, and how."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_found
from kubeapi.validation.container import validate_container, validate_resources

Document = dict[str, Any]
EPHEMERAL, RESIZE = "ephemeralcontainers", "resize"
RESIZABLE = ("cpu", "memory")
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


def _with_resources(new: Document, old: Document) -> Document:
    """Of containers that there are; which they are, and in which order, stays."""
    found = dict(old)
    for kind in ("containers", "initContainers"):
        asked = {one.get("name"): one for one in new.get(kind) or ()}
        if kind in old:
            found[kind] = [_resized(one, asked.get(one["name"], one)) for one in old[kind]]
    return found


def _resized(container: Document, asked: Document) -> Document:
    kept = {name: value for name, value in container.items() if name not in ("resources", "resizePolicy")}
    return kept | {name: asked[name] for name in ("resources", "resizePolicy") if name in asked}


_TAKING: Mapping[str, Callable[[Document, Document], Document]] = {EPHEMERAL: _with_ephemeral, RESIZE: _with_resources}


def validate_pod_part(part: str, new: Document, old: Document, qos_class: Callable[[Document], str]) -> list[FieldError]:
    if part == EPHEMERAL:
        return _ephemeral_faults(new["spec"], old["spec"])
    if part != RESIZE:
        return []
    faults = _resize_faults(new["spec"], old["spec"])
    before = (old.get("status") or {}).get("qosClass") or qos_class(old["spec"])
    if qos_class(new["spec"]) != before:
        faults.append(invalid("spec", before, "Pod QOS Class may not change as a result of resizing"))
    return faults


def _resize_faults(spec: Document, before: Document) -> list[FieldError]:
    faults: list[FieldError] = []
    for kind in ("containers", "initContainers"):
        for index, (new, old) in enumerate(zip(spec.get(kind) or (), before.get(kind) or (), strict=True)):
            at = f"spec.{kind}[{index}].resources"
            if new.get("resources") == old.get("resources"):
                continue
            if kind == "initContainers" and old.get("restartPolicy") != "Always":
                faults.append(forbidden("spec", "resources for non-sidecar init containers are immutable"))
                continue
            faults += validate_resources(new.get("resources") or {}, at)
            faults += _removed(new.get("resources") or {}, old.get("resources") or {}, at)
    return faults


def _removed(new: Document, old: Document, path: str) -> list[FieldError]:
    """Amounts may change, and be added; only of CPU and memory."""
    faults = []
    for kind in ("limits", "requests"):
        after, before = new.get(kind) or {}, old.get(kind) or {}
        if any(name in before and name not in after for name in RESIZABLE):
            faults.append(forbidden(f"{path}.{kind}", f"resource {kind} cannot be removed"))
    if any({name: value for name, value in (new.get(kind) or {}).items() if name not in RESIZABLE} != {
            name: value for name, value in (old.get(kind) or {}).items() if name not in RESIZABLE} for kind in ("limits", "requests")):
        faults.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return faults


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
