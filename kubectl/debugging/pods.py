"""What is made for debugging: an ephemeral container, a changed copy of a pod, or a pod on a node."""
from __future__ import annotations

import os

from kubectl.debugging import profiles
from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"          # none that makes a word, or looks like another
_FIELDS = ("containers", "initContainers", "ephemeralContainers")


def suffix() -> str:
    """Five letters for a name that nothing has yet."""
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(5))


def ephemeral(session: Session, pod: Document, command: list[str], custom: Document) -> Document:
    """The container to add to the running pod."""
    container = {"name": _name(session, pod), **_made(session, command)}
    if session.flags.text("target"):
        container["targetContainerName"] = session.flags.text("target")
    profiles.equip(session.flags.text("profile"), container)
    return customized(container, custom)


def copy_of(session: Session, pod: Document, command: list[str], custom: Document) -> tuple[Document, str]:
    """The changed copy, and which container of it is debugged ("" where only images change). Raises CommandError."""
    flags, spec = session.flags, {key: value for key, value in pod["spec"].items() if key != "ephemeralContainers"}
    if "share-processes" in flags.given:
        spec["shareProcessNamespace"] = flags.on("share-processes")
    if not flags.on("same-node"):
        spec.pop("nodeName", None)
    images = _pairs(session, "set-image")
    spec["containers"] = [{**each, "image": images.get(each["name"], images.get("*", each["image"]))} for each in spec["containers"]]
    metadata = {key: value for key, value in pod["metadata"].items() if key in ("namespace", "labels", "annotations")}
    copy: Document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": flags.text("copy-to"), **metadata}, "spec": spec}
    container = next((each for each in spec["containers"] if each["name"] == flags.text("container")), None)
    if container is None:
        if not flags.text("image"):
            if images:
                return copy, ""
            raise CommandError("you must specify image when creating new container")
        container = {"name": _name(session, copy)}
        spec["containers"].append(container)
    _change(session, container, command)
    profiles.equip(flags.text("profile"), container)
    profiles.strip_copy(flags.text("profile"), copy, flags)
    spec["containers"] = [customized(each, custom) if each is container else each for each in spec["containers"]]
    return copy, container["name"]


def _change(session: Session, container: Document, command: list[str]) -> None:
    """What the flags say of the container of a copy, be it new or one of the original's."""
    made = _made(session, command)
    if "command" in made:
        container.pop("args", None)
    for key in ("stdin", "tty"):
        container.pop(key, None)
    container |= {key: value for key, value in made.items() if value}


def on_node(session: Session, node: Document, command: list[str], custom: Document) -> Document:
    """A pod on the node, whatever taints it has."""
    flags, name = session.flags, node["metadata"]["name"]
    container: Document = {"name": flags.text("container") or "debugger", **_made(session, command)}
    pod_name = f"node-debugger-{name}-{suffix()}"
    if not flags.on("quiet"):
        session.out(f"Creating debugging pod {pod_name} with container {container['name']} on node {name}.\n")
    spec: Document = {"containers": [container], "nodeName": name, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}]}
    profiles.equip_on_node(flags.text("profile"), spec)
    spec["containers"] = [customized(container, custom)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod_name, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}}, "spec": spec}


def _made(session: Session, command: list[str]) -> Document:
    flags = session.flags
    made: Document = {"image": flags.text("image"), "terminationMessagePolicy": "File"}
    if command:
        made["args" if flags.on("arguments-only") else "command"] = command
    if flags.texts("env"):
        made["env"] = [{"name": name, "value": value} for name, value in _pairs(session, "env").items()]
    if flags.text("image-pull-policy"):
        made["imagePullPolicy"] = flags.text("image-pull-policy")
    return made | {key: True for key in ("stdin", "tty") if flags.on(key)}


def _pairs(session: Session, flag: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in sorted(session.flags.texts(flag)))


def _name(session: Session, pod: Document) -> str:
    if session.flags.text("container"):
        return session.flags.text("container")
    taken = {each["name"] for field in _FIELDS for each in pod["spec"].get(field) or []}
    name = ""
    while not name or name in taken:
        name = f"debugger-{suffix()}"
    if not session.flags.on("quiet"):
        session.out(f"Defaulting debug container name to {name}.\n")
    return name


def customized(container: Document, custom: Document) -> Document:
    """The container with the partial one of --custom merged into it."""
    if not custom:
        return container
    from kubeapi.patch import strategic
    from kubeapi.schemas import named
    return strategic.apply(container, custom, named("core_v1.Container"))
