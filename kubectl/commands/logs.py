"""kubectl logs: what containers wrote; -f goes on with what they write."""
from __future__ import annotations

import sys

from kubectl import builder, pods
from kubectl.command import SELECTOR, Command
from kubectl.errors import CommandError, StatusError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

FLAGS = (SELECTOR, Flag("follow", "bool", short="f", help="go on with what is written"), Flag("container", short="c", help="which container"),
         Flag("previous", "bool", short="p", help="of the container's last run"), Flag("timestamps", "bool", help="with times"),
         Flag("since", "duration", help="only the last 5s, 2m, 3h"), Flag("since-time", help="only from this RFC 3339 time on"),
         Flag("tail", "int", -1, help="only the last lines"), Flag("limit-bytes", "int", help="at most so many bytes"),
         Flag("all-containers", "bool", help="of all containers"), Flag("all-pods", "bool", help="of all pods"),
         Flag("prefix", "bool", help="each line with pod and container"), Flag("ignore-errors", "bool", help="go on after failures"),
         Flag("max-log-requests", "int", 5, help="how many containers to follow at once"),
         Flag("pod-running-timeout", "duration", 20.0, help="accepted"), Flag("insecure-skip-tls-verify-backend", "bool", help="trust any kubelet"))
USAGE = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command"


class _Source:
    """One container of one pod."""

    def __init__(self, pod: Document, container: str) -> None:
        self.name, self.namespace, self.container = pod["metadata"]["name"], pod["metadata"]["namespace"], container

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}/log"

    @property
    def prefix(self) -> bytes:
        return f"[pod/{self.name}/{self.container}] ".encode()


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    container = _container(session, args)
    _check_time(session)
    found = _pods(session, args)
    _check(session)
    parameters = _parameters(session)
    sources = [source for pod in found for source in _of_pod(session, pod, container, quiet=flags.on("all-pods"))]
    if not sources:
        session.warn(f"No resources found in {session.namespace} namespace.")
        return 0
    with_prefix = flags.on("prefix") or flags.on("all-pods")
    if flags.on("follow") and len(sources) > 1:
        _follow_all(session, sources, parameters, with_prefix)
        return 0
    for source in sources:
        try:
            _copy(session, source, parameters, with_prefix)
        except StatusError as error:
            if not flags.on("ignore-errors"):
                raise
            session.out(f"error: {error.message}\n")
    return 0


def _container(session: Session, args: list[str]) -> str:
    flags = session.flags
    if flags.text("selector"):
        if args:
            raise session.usage("only a selector (-l) or a POD name is allowed")
    elif not 1 <= len(args) <= 2:
        raise session.usage(USAGE)
    if len(args) == 2:
        if flags.text("container"):
            raise CommandError("only one of -c or an inline [CONTAINER] arg is allowed")
        return args[1]
    return flags.text("container")


def _check_time(session: Session) -> None:
    import re
    text = session.flags.text("since-time")
    if text and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)", text):
        raise CommandError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"')


def _check(session: Session) -> None:
    flags = session.flags
    if flags.on("all-containers") and flags.text("container"):
        raise CommandError(f"--all-containers=true should not be specified with container name {flags.text('container')}")
    if flags.text("since-time") and flags.seconds("since"):
        raise CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if "limit-bytes" in flags.given and flags.number("limit-bytes") <= 0:
        raise CommandError("--limit-bytes must be greater than 0")
    if flags.seconds("since") < 0:
        raise CommandError("--since must be greater than 0")
    if flags.number("tail") < -1:
        raise CommandError("--tail must be greater than or equal to -1")


def _parameters(session: Session) -> Document:
    flags = session.flags
    tail = flags.number("tail")
    if flags.text("selector") and "tail" not in flags.given:
        tail = 10
    return {"follow": flags.on("follow"), "previous": flags.on("previous"), "timestamps": flags.on("timestamps"),
            "sinceSeconds": max(1, round(flags.seconds("since"))) if flags.seconds("since") else None,
            "sinceTime": flags.text("since-time"), "tailLines": tail if tail >= 0 else None,
            "limitBytes": flags.number("limit-bytes") or None, "insecureSkipTLSVerifyBackend": flags.on("insecure-skip-tls-verify-backend")}


def _pods(session: Session, args: list[str]) -> list[Document]:
    flags = session.flags
    if flags.text("selector"):
        selected: list[Document] = session.client.get(f"/api/v1/namespaces/{session.namespace}/pods", builder.selectors(session))["items"]
        return selected
    try:
        found = pods.behind(session, pods.named(session, args[0]), to_log=True)
    except StatusError as error:
        if error.reason == "NotFound":
            raise CommandError(f'error from server (NotFound): {error.message} in namespace "{session.namespace}"') from None
        raise
    if len(found) > 1 and not flags.on("all-pods"):
        session.warn(f"Found {len(found)} pods, using pod/{found[0]['metadata']['name']}")
        found = found[:1]
    return found


def _of_pod(session: Session, pod: Document, container: str, *, quiet: bool) -> list[_Source]:
    if not session.flags.on("all-containers"):
        return [_Source(pod, pods.container_of(pod, container, quiet=quiet))]
    return [_Source(pod, each["name"]) for field in ("initContainers", "containers", "ephemeralContainers")
            for each in pod["spec"].get(field) or []]


def _copy(session: Session, source: _Source, parameters: Document, with_prefix: bool) -> None:
    with session.client.connect() as connection:
        response = session.client.open("GET", source.path, {"container": source.container, **parameters}, accept="*/*", connection=connection)
        pending = b""
        for chunk in response.chunks():
            if not with_prefix:
                _write(chunk)
                continue
            *lines, pending = (pending + chunk).split(b"\n")
            _write(b"".join(source.prefix + line + b"\n" for line in lines))
        if pending:
            _write(source.prefix + pending)


def _write(data: bytes) -> None:
    """To the descriptor at once: a follower wants the line now, and whole."""
    if data:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _follow_all(session: Session, sources: list[_Source], parameters: Document, with_prefix: bool) -> None:
    from threading import Thread
    most = session.flags.number("max-log-requests")
    if len(sources) > most:
        raise CommandError(f"you are attempting to follow {len(sources)} log streams, but maximum allowed concurrency is {most}, "
                           "use --max-log-requests to increase the limit")
    failures: list[CommandError] = []

    def follow(source: _Source) -> None:
        try:
            _copy(session, source, parameters, with_prefix)
        except CommandError as error:
            failures.append(error)

    threads = [Thread(target=follow, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures and not session.flags.on("ignore-errors"):
        raise failures[0]


COMMANDS = {"logs": Command("kubectl logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]", "Print the logs of a container", run, FLAGS)}
