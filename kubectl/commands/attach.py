"""kubectl attach: the streams of a container that runs already."""
from __future__ import annotations

import os

from kubectl import builder, pods
from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

FLAGS = (Flag("container", short="c", help="which container"), Flag("stdin", "bool", short="i", help="pass standard input on"),
         Flag("tty", "bool", short="t", help="standard input is a terminal"), Flag("quiet", "bool", short="q", help="only the process's output"),
         Flag("pod-running-timeout", "duration", 60.0, help="accepted"))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if not args:
        raise CommandError("at least 1 argument is required for attach")
    if len(args) > 2:
        raise CommandError(f"expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {len(args)}: [{' '.join(args)}]")
    target = builder.targets(session, args)[0] if len(args) == 2 else pods.named(session, args[0])
    pod = pods.behind(session, target)[0]
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        raise CommandError(f"cannot attach a container in a completed pod; current phase is {pod['status']['phase']}")
    if flags.text("container") and not pods.has_container(pod, flags.text("container")):
        raise CommandError(f"cannot attach to the container: container {flags.text('container')} not found in pod {pod['metadata']['name']}")
    name = pods.container_of(pod, flags.text("container"), quiet=flags.on("quiet"))
    return attach(session, pod, name, stdin=flags.on("stdin"), terminal=_terminal(session, pod, name))


def _terminal(session: Session, pod: Document, name: str) -> bool:
    """Whether the container has a terminal and ours is one."""
    wanted = session.flags.on("tty")
    has = next((bool(each.get("tty")) for field in ("containers", "initContainers", "ephemeralContainers")
                for each in pod["spec"].get(field) or [] if each["name"] == name), False)
    if wanted and not has:
        if not session.flags.on("quiet"):
            session.warn(f"error: Unable to use a TTY - container {name} did not allocate one")
        return False
    return has


def attach(session: Session, pod: Document, name: str, *, stdin: bool, terminal: bool) -> int:
    """Copies streams until the container ends; its exit code is not ours to know."""
    from kubectl.client import quote
    from kubectl.streams import Streams
    from kubectl.websocket import connect
    if stdin and not session.flags.on("quiet"):
        session.warn("If you don't see a command prompt, try pressing enter.")
    path = f"/api/v1/namespaces/{quote(pod['metadata']['namespace'])}/pods/{quote(pod['metadata']['name'])}/attach"
    socket = connect(session.client, path, {"container": name, "stdin": stdin, "stdout": True, "stderr": not terminal, "tty": terminal})
    return Streams(socket, stdin=stdin, terminal=terminal and stdin and os.isatty(0)).run()


COMMANDS = {"attach": Command("kubectl attach (POD | TYPE/NAME) [-c CONTAINER] [-it]", "Attach to a running container", run, FLAGS)}
