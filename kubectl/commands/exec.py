"""kubectl exec and attach: a process in a running container, its streams ours."""
from __future__ import annotations

import os

from kubectl import pods
from kubectl.command import FILES, Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES[:1], Flag("container", short="c", help="which container"), Flag("stdin", "bool", short="i", help="pass standard input on"),
         Flag("tty", "bool", short="t", help="standard input is a terminal"), Flag("quiet", "bool", short="q", help="only the process's output"),
         Flag("pod-running-timeout", "duration", 60.0, help="accepted"))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    words, command = (args[:flags.dash_at], args[flags.dash_at:]) if flags.dash_at >= 0 else (args, [])
    if not words and not flags.texts("filename"):
        raise CommandError("pod, type/name or --filename must be specified")
    if len(words) > 1:
        raise session.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
    if not command:
        raise CommandError("you must specify at least one command for the container")
    pod = pods.behind(session, _target(session, words))[0]
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        raise CommandError(f"cannot exec into a container in a completed pod; current phase is {pod['status']['phase']}")
    container = flags.text("container") or pods.container_of(pod, "", quiet=flags.on("quiet"))
    terminal = _wants_terminal(session)
    from kubectl.streams import Streams
    from kubectl.websocket import connect
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/exec"
    socket = connect(session.client, path, {"command": command, "container": container, "stdin": flags.on("stdin"), "stdout": True,
                                            "stderr": not terminal, "tty": terminal})
    return Streams(socket, stdin=flags.on("stdin"), terminal=terminal).run()


def _target(session: Session, words: list[str]) -> Target:
    if words:
        return pods.named(session, words[0])
    from kubectl import builder
    return builder.targets(session, [])[0]


def _wants_terminal(session: Session) -> bool:
    if not session.flags.on("tty") or not session.flags.on("stdin"):
        return False
    if os.isatty(0):
        return True
    session.warn("Unable to use a TTY - input is not a terminal or the right kind of file")
    return False


COMMANDS = {"exec": Command("kubectl exec (POD | TYPE/NAME) [-c CONTAINER] [-it] -- COMMAND [args...]", "Run a command in a container", run, FLAGS)}
