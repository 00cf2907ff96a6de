"""kubectl cp: files and directories to and from a container, as a tar archive through exec; the image must have tar.

A file specification is a local path, or `[NAMESPACE/]POD:PATH`. Downloads never leave their destination: links are skipped,
and a name that would climb out of it ends the copy.
"""
from __future__ import annotations

import os
import posixpath
import tarfile
from contextlib import suppress
from threading import Thread

from kubectl import pods
from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.session import Session

FLAGS = (Flag("container", short="c", help="which container"), Flag("no-preserve", "bool", help="owner and mode are not kept"),
         Flag("retries", "int", help="accepted"))


class _Spec:
    """One side of the copy."""

    def __init__(self, namespace: str, pod: str, path: str) -> None:
        self.namespace, self.pod, self.path = namespace, pod, path


def _parsed(text: str) -> _Spec:
    where, colon, path = text.partition(":")
    if not colon or where.startswith((".", "/")):
        return _Spec("", "", text)
    parts = where.split("/")
    if not where or len(parts) > 2 or not parts[-1]:
        raise CommandError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    return _Spec(parts[0] if len(parts) == 2 else "", parts[-1], path)


def run(session: Session, args: list[str]) -> int:
    if len(args) != 2:
        raise CommandError("source and destination are required")
    source, destination = _parsed(args[0]), _parsed(args[1])
    if source.pod and destination.pod:
        raise CommandError("one of src or dest must be a local file specification")
    if not source.path or not destination.path:
        raise CommandError("filepath can not be empty")
    if source.pod:
        return _download(session, source, destination.path)
    if destination.pod:
        return _upload(session, source.path, destination)
    raise CommandError("one of src or dest must be a remote file specification")


def _pod(session: Session, spec: _Spec) -> tuple[Document, str]:
    from kubectl import builder
    kind = session.discovery.find("pods")
    pod = builder.Target(kind, spec.namespace or session.namespace, spec.pod).fetch(session)
    return pod, session.flags.text("container") or pods.container_of(pod, "")


def _upload(session: Session, path: str, destination: _Spec) -> int:
    if not os.path.lexists(path):
        raise CommandError(f"{path} doesn't exist in local filesystem")
    where = _pod(session, destination)
    target = posixpath.normpath(destination.path)
    if _run(session, where, ["test", "-d", target], quiet=True) == 0:
        target = posixpath.join(target, os.path.basename(os.path.abspath(path)))
    command = ["tar", *(["--no-same-permissions", "--no-same-owner"] if session.flags.on("no-preserve") else []), "-xmf", "-"]
    directory = posixpath.dirname(target)
    if directory:
        command += ["-C", directory]
    reader, writer = os.pipe()

    def pack() -> None:
        with suppress(OSError), os.fdopen(writer, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
            archive.add(path, posixpath.basename(target))
    return _beside(pack, lambda: _run(session, where, command, stdin=reader), [reader])


def _download(session: Session, source: _Spec, destination: str) -> int:
    where = _pod(session, source)
    if os.path.isdir(destination):
        destination = os.path.join(destination, posixpath.basename(posixpath.normpath(source.path)))
    reader, writer = os.pipe()
    failures: list[CommandError] = []

    def unpack() -> None:
        with os.fdopen(reader, "rb") as stream:
            try:
                _extract(session, stream, source, destination)
            except (CommandError, tarfile.TarError, OSError) as error:
                failures.append(error if isinstance(error, CommandError) else CommandError(str(error)))
            while stream.read(1 << 16):
                pass                              # so that the other end is not stopped by a full pipe
    code = _beside(unpack, lambda: _run(session, where, ["tar", "cf", "-", source.path], stdout=writer), [writer])
    if failures and not code:
        raise failures[0]
    return code


def _beside(work: Callable[[], None], main: Callable[[], int], owned: list[int]) -> int:
    """Runs *main* with *work* in a thread beside it; the descriptors that are main's are closed when it ends."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        return main()
    finally:
        for descriptor in owned:
            os.close(descriptor)
        thread.join()


def _extract(session: Session, stream: Any, source: _Spec, destination: str) -> None:
    seen, prefix = False, posixpath.normpath(source.path).lstrip("/")
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            seen = True
            name = posixpath.normpath(member.name)
            if prefix not in (".", "") and name != prefix and not name.startswith(prefix + "/"):
                raise CommandError("tar contents corrupted")
            rest = name if prefix in (".", "") else name[len(prefix):].lstrip("/")
            target = os.path.join(destination, rest) if rest not in ("", ".") else destination
            if not _is_inside(destination, target):
                session.warn(f'warning: file "{target}" is outside target destination, skipping')
            elif member.issym() or member.islnk():
                session.warn(f'warning: skipping symlink: "{target}" -> "{member.linkname}" (consider using "kubectl exec -n "{source.namespace}" '
                             f'"{source.pod}" -- tar cf - "{source.path}" | tar xf -")')
            elif member.isdir():
                os.makedirs(target, mode=0o755, exist_ok=True)
            elif member.isfile():
                _write(archive.extractfile(member), target, member.mode)
    if not seen:
        raise CommandError(f"{prefix} no such file or directory" if prefix else "no such file or directory")


def _is_inside(directory: str, path: str) -> bool:
    """Also where a part of the path is a link that was there before."""
    root = os.path.realpath(directory)
    return os.path.realpath(path) == root or os.path.realpath(path).startswith(root + os.sep)


def _write(content: Any, path: str, mode: int) -> None:
    os.makedirs(os.path.dirname(path) or ".", mode=0o755, exist_ok=True)
    with open(path, "wb") as file:
        while data := content.read(1 << 16):
            file.write(data)
    os.chmod(path, mode & 0o777)


def _run(session: Session, where: tuple[Document, str], command: list[str], *, stdin: int = -1, stdout: int = 1, quiet: bool = False) -> int:
    """The command's exit code, its streams on our descriptors."""
    from kubectl.client import quote
    from kubectl.streams import Streams
    from kubectl.websocket import connect
    pod, container = where
    path = f"/api/v1/namespaces/{quote(pod['metadata']['namespace'])}/pods/{quote(pod['metadata']['name'])}/exec"
    socket = connect(session.client, path, {"command": command, "container": container, "stdin": stdin >= 0, "stdout": True, "stderr": True})
    nowhere = os.open(os.devnull, os.O_WRONLY) if quiet else -1
    try:
        descriptors = (stdin, nowhere, nowhere) if quiet else (stdin, stdout, 2)
        return Streams(socket, stdin=stdin >= 0, terminal=False, descriptors=descriptors, quiet=quiet).run()
    finally:
        if quiet:
            os.close(nowhere)


COMMANDS = {"cp": Command("kubectl cp SOURCE DESTINATION", "Copy files to and from containers", run, FLAGS)}
