"""The second half of `kubectl run -i`, --attach and --rm: wait for the pod, join its streams, tell its exit code, delete it."""
from __future__ import annotations

import sys

from kubectl import pods, waiting
from kubectl.commands.attach import attach
from kubectl.errors import Bare, CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_ENDED = ("Succeeded", "Failed")


def follow(session: Session, pod: Document) -> int:
    """Of a pod that was just made; the exit code of its container, where it is not started again."""
    name = pod["metadata"]["name"]
    target = pods.named(session, name)
    try:
        return _follow(session, target, pod)
    finally:
        if session.flags.on("rm"):
            _delete(session, target)


def _follow(session: Session, target: Target, pod: Document) -> int:
    flags, name = session.flags, pod["metadata"]["name"]
    seconds = flags.seconds("pod-running-timeout")
    now = waiting.until(session, target, lambda one: _phase(one) in _ENDED or pods.is_ready(one), seconds)
    container = now["spec"]["containers"][0]
    if _phase(now) in _ENDED:
        _logs(session, target, container["name"])
    else:
        try:
            attach(session, now, container["name"], stdin=flags.on("stdin"), terminal=bool(container.get("tty")))
        except (CommandError, OSError) as error:
            session.warn(f"warning: couldn't attach to pod/{name}, falling back to streaming logs: {error}")
            _logs(session, target, container["name"])
    if flags.on("leave-stdin-open") or now["spec"]["restartPolicy"] == "Always":
        if flags.on("stdin") and not flags.on("rm") and not flags.on("quiet"):
            terminal = " -t" if flags.on("tty") else ""
            resume = f"kubectl attach {name} -c {container['name']} -i{terminal}"
            session.warn(f"Session ended, resume using '{resume}' command when the pod is running")
        return 0
    ends = _ENDED if now["spec"]["restartPolicy"] == "Never" else ("Succeeded",)
    return _exit_code(waiting.until(session, target, lambda one: _phase(one) in ends, seconds))


def _phase(pod: Document) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def _logs(session: Session, target: Target, container: str) -> None:
    with session.client.connect() as connection:
        response = session.client.open("GET", f"{target.path}/log", {"container": container, "follow": True}, accept="*/*", connection=connection)
        for chunk in response.chunks():
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()


def _exit_code(pod: Document) -> int:
    """0 of a pod that succeeded; the container's code of one that failed, which is told as well."""
    if _phase(pod) == "Succeeded":
        return 0
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    statuses = pod["status"].get("containerStatuses") or [{}]
    ended = (statuses[0].get("state") or {}).get("terminated") or {}
    if not ended.get("exitCode"):
        raise CommandError(f"pod {name} failed with unknown exit code")
    raise Bare(f"pod {name} terminated ({ended.get('reason', '')})\n{ended.get('message', '')}".rstrip(), int(ended["exitCode"]))


def _delete(session: Session, target: Target) -> None:
    try:
        session.client.request("DELETE", target.path, session.writing(), {"propagationPolicy": "Background"})
    except StatusError as error:
        if error.reason != "NotFound":
            raise
    if not session.flags.on("quiet"):
        session.out(f'pod "{target.name}" deleted from {target.namespace} namespace\n')
