"""kubectl debug: a container beside those of a pod, in a copy of the pod, or on a node, and our streams joined to it."""
from __future__ import annotations

import sys

from kubectl import builder, waiting
from kubectl.client import STRATEGIC_MERGE
from kubectl.command import FILES, Command
from kubectl.debugging import pods, profiles
from kubectl.errors import CommandError, StatusError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_KEEPS = tuple(Flag(f"keep-{what}", "bool", what == "init-containers", help=f"with --copy-to: the copy has the pod's {what}, too")
               for what in ("annotations", "init-containers", "labels", "liveness", "readiness", "startup"))
FLAGS = (*FILES[:1], Flag("image", help="image of the debugging container"), Flag("container", short="c", help="its name"),
         Flag("target", help="the container whose processes it sees"), Flag("profile", default="legacy", help="legacy, general, baseline, restricted, netadmin or sysadmin"),
         Flag("custom", help="a file with a partial container that changes what the profile says"),
         Flag("stdin", "bool", short="i", help="keep standard input open"), Flag("tty", "bool", short="t", help="a terminal"),
         Flag("attach", "bool", help="join its output once it runs; -i does so, too"), Flag("quiet", "bool", short="q", help="say less"),
         Flag("env", "pairs", help="NAME=value"), Flag("image-pull-policy", help="Always, IfNotPresent, Never"),
         Flag("arguments-only", "bool", help="what stands behind -- are arguments, not the command"),
         Flag("copy-to", help="debug a copy of the pod, of this name"), Flag("replace", "bool", help="with --copy-to: delete the original"),
         Flag("same-node", "bool", help="with --copy-to: on the same node"), Flag("set-image", "pairs", help="with --copy-to: container=image, or *=image"),
         Flag("share-processes", "bool", True, help="with --copy-to: the containers see each other's processes"), *_KEEPS)
_UNCHANGEABLE = ("name", "command", "image", "lifecycle", "volumeDevices")
_WEAK = ('Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider '
         'using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".')


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    names, command = (args[:flags.dash_at], args[flags.dash_at:]) if flags.dash_at >= 0 else (args, [])
    profiles.check(flags.text("profile"))
    custom = _custom(flags.text("custom"))
    _check(session, names, command)
    if any(field in custom for field in _UNCHANGEABLE):
        raise CommandError("name, command, image, lifecycle and volume devices are not modifiable via custom profile")
    if flags.text("profile") == "legacy":
        session.warn("--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, "
                     'for example "--profile=general".')
    for target in builder.expand(session, _targets(session, names)):
        pod, container = _debug(session, target, command, custom)
        if container and (flags.on("attach") if "attach" in flags.given else flags.on("stdin")):
            _join(session, pod, container)
    return 0


def _custom(path: str) -> Document:
    if not path:
        return {}
    from kubectl import manifests
    try:
        with open(path, encoding="utf-8") as file:
            document = manifests.parse_one(file.read())
    except OSError as error:
        raise CommandError(f"must pass a container spec json file for custom profile: open {path}: {(error.strerror or '').lower()}") from None
    except ValueError as error:
        raise CommandError(f"{path} does not contain a valid container spec: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(f"{path} does not contain a valid container spec: it is not an object")
    return document


def _check(session: Session, names: list[str], command: list[str]) -> None:
    flags = session.flags
    image, container = flags.text("image"), flags.text("container")
    if flags.on("attach") and not image and not container:
        raise CommandError("you must specify --container or create a new container using --image in order to attach.")
    if flags.text("copy-to"):
        if not (image or flags.texts("set-image") or command):
            raise CommandError("you must specify --image, --set-image or command arguments.")
        if command and not container and not image:
            raise CommandError("you must specify an existing container or a new image when specifying args.")
    else:
        for name in ("replace", "same-node", "set-image"):
            if name in flags.given and (name == "set-image" or flags.on(name)):
                raise CommandError(f"--{name} may only be used with --copy-to.")
        if not image:
            raise CommandError("you must specify --image when not using --copy-to.")
    _check_image(image, f'invalid image name "{image}"')
    if not names and not flags.texts("filename"):
        raise CommandError("NAME or filename is required for debug")
    if flags.text("image-pull-policy") not in ("", "Always", "IfNotPresent", "Never"):
        raise CommandError(f"invalid image pull policy: {flags.text('image-pull-policy')}")
    for pair in flags.texts("set-image"):
        name, _, image = pair.partition("=")
        _check_image(image, f'invalid image name "{image}" for container "{name}"')
    if flags.text("target"):
        if flags.text("copy-to"):
            raise CommandError("--target is incompatible with --copy-to. Use --share-processes instead.")
        if not flags.on("quiet"):
            session.out(f'Targeting container "{flags.text("target")}". If you don\'t see processes from this container it may be because the '
                        "container runtime doesn't support this feature.\n")
    if flags.on("tty") and not flags.on("stdin"):
        raise CommandError("-i/--stdin is required for containers with -t/--tty=true")


def _check_image(image: str, fault: str) -> None:
    """As far as one sees it is a name: letters that a reference has, and no capitals where a repository stands."""
    if not image:
        return
    import re
    if not re.fullmatch(r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
                        r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?", image):
        raise CommandError(f"{fault}: invalid reference format")


def _targets(session: Session, names: list[str]) -> list[Target]:
    if not names:
        return builder.targets(session, [])
    return [target for name in names for target in builder.targets(session, [name] if "/" in name else ["pods", name])]


def _debug(session: Session, target: Target, command: list[str], custom: Document) -> tuple[Document, str]:
    """The pod in which there is something to join now, and its container ("" for none)."""
    document = target.document or {}
    if target.kind.kind == "Node" and not target.kind.group:
        pod = _create(session, session.namespace, pods.on_node(session, document, command, custom))
        return pod, pod["spec"]["containers"][0]["name"]
    if target.kind.kind != "Pod" or target.kind.group:
        raise CommandError(f'"{target.kind.group}/{target.kind.version}, Kind={target.kind.kind}" not supported by debug')
    if not session.flags.text("copy-to"):
        container = pods.ephemeral(session, document, command, custom)
        _warn_of_weakness(session, document, container)
        order = [{"name": each["name"]} for each in (*(document["spec"].get("ephemeralContainers") or []), container)]
        patch = {"spec": {"$setElementOrder/ephemeralContainers": order, "ephemeralContainers": [container]}}
        added = session.client.request("PATCH", target.subpath("ephemeralcontainers"), session.writing(), patch, content_type=STRATEGIC_MERGE)
        return added, container["name"]
    copy, name = pods.copy_of(session, document, command, custom)
    _warn_of_weakness(session, copy, next((each for each in copy["spec"]["containers"] if each["name"] == name), {}))
    made = _create(session, target.namespace, copy)
    if session.flags.on("replace"):
        session.client.request("DELETE", target.path, body={"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
    return made, name


def _create(session: Session, namespace: str, pod: Document) -> Document:
    return session.client.request("POST", f"/api/v1/namespaces/{namespace}/pods", session.writing(), pod)


def _warn_of_weakness(session: Session, pod: Document, container: Document) -> None:
    """Capabilities are of little use to a user who is not root."""
    context = container.get("securityContext") or {}
    user = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    grants = context.get("privileged") or (context.get("capabilities") or {}).get("add")
    if user and grants and context.get("runAsUser") != 0:
        session.warn(_WEAK)


def _join(session: Session, pod: Document, name: str) -> None:
    """Wait until the container runs and take part in it; of one that has ended, its log."""
    from kubectl.commands.attach import attach
    target = builder.targets(session, ["pods", pod["metadata"]["name"]])[0]
    target.namespace = pod["metadata"]["namespace"]
    now = waiting.until(session, target, lambda one: _has_started(session, one, name), 0)
    if "terminated" in _state(now, name):
        return _logs(session, target, name)
    try:
        attach(session, now, name, stdin=session.flags.on("stdin"), terminal=session.flags.on("tty"))
    except (CommandError, OSError) as error:
        session.warn(f"warning: couldn't attach to pod/{target.name}, falling back to streaming logs: {error}")
        _logs(session, target, name)
    return None


def _state(pod: Document, name: str) -> Document:
    status = pod.get("status") or {}
    return next((each.get("state") or {} for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
                 for each in status.get(field) or [] if each["name"] == name), {})


def _has_started(session: Session, pod: Document, name: str) -> bool:
    state = _state(pod, name)
    message = (state.get("waiting") or {}).get("message")
    if message and not session.flags.on("quiet"):
        session.warn(f"Warning: container {name}: {message}")
    return "running" in state or "terminated" in state


def _logs(session: Session, target: Target, container: str) -> None:
    try:
        response = session.client.open("GET", target.subpath("log"), {"container": container}, accept="*/*")
    except StatusError as error:
        raise CommandError(error.message) from None
    for chunk in response.chunks():
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


COMMANDS = {"debug": Command("kubectl debug (POD | TYPE/NAME) [-- COMMAND [args...]]", "Look into pods and nodes from a container beside them", run, FLAGS)}
