"""The warm parent: pays for start-up once, then only forks.

It starts etcd, imports the API server while etcd comes up and the other components while the API server does, freezes the heap and
from then on is a blocking loop over a signalfd, pidfds and one socketpair: no asyncio, no threads, no channels (a forked child would
inherit them half-dead). What waits for nothing it starts itself; then comes the supervisor, which decides, and the parent obeys.
Every child dies with the parent.

Messages are JSON datagrams. From the supervisor: {"do": "start", "component": {...}}, {"do": "signal", "name", "signal"},
{"do": "exit"}. To it: {"event": "started", "name", "pid"} with the read end of the child's output attached,
{"event": "exited", "name", "status", "seconds"}, {"event": "stop"}, {"event": "plan"}.

What is to run lies in RUN/plan.json; HUP says that it was changed.
"""
from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from picokube import sources
from picokube.cluster import Cluster
from picokube.components import CONTROL_PLANE, Component
from picokube.files import read_json, write_json
from picokube.processes import (
    CRITICAL_OOM_SCORE,
    ProcessId,
    adjust_oom_score,
    age_seconds,
    die_with_parent,
    identify,
    oom_score_adjustment,
    set_name,
)

MESSAGE_LIMIT = 65536
CLONE_NEWNET = 0x40000000
# What every component needs; imported before the first fork so that its pages are shared.
WARM = ("kubeapi.generated.models.core_v1", "kubeapi.generated.models.apps_v1", "kubeapi.catalog", "orjson", "yaml")


@dataclass
class Child:
    component: Component
    process: ProcessId
    pidfd: int
    output: int                     # read end of its stdout and stderr; kept for the next supervisor


class Parent:
    def __init__(self, cluster: Cluster, components: Sequence[Component], progress: int) -> None:
        self._cluster = cluster
        self._components = list(components)
        self._progress = progress
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._signals = _SignalPipe((signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP))
        self._supervisor = 0
        self._supervisor_fd = -1
        self._channel: socket.socket | None = None
        self._stopping = False
        self._exiting = False
        self._usual_oom_score = oom_score_adjustment()

    def run(self) -> None:
        """Returns when the supervisor said that everything has ended."""
        set_name("picokube")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        adjust_oom_score(CRITICAL_OOM_SCORE)        # with the parent everything would go
        own = identify(os.getpid())
        assert own is not None
        write_json(self._cluster.run / "parent.json", {"pid": own.pid, "starttime": own.starttime})
        os.environ["NOTIFY_SOCKET"] = str(self._cluster.run / "notify.sock")
        notify = _notify_socket(self._cluster.run / "notify.sock")
        write_plan(self._cluster, self._components)
        self._start_first()
        sources.remember(self._cluster)
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signal)
        self._start_supervisor(notify)
        _warm_up([one.module for one in self._components if one.module])
        while not self._exiting:
            for key, _ in self._selector.select():
                key.data()
            if self._supervisor == 0 and not self._exiting:
                self._start_supervisor(notify)
        (self._cluster.run / "parent.json").unlink(missing_ok=True)

    def _start_first(self) -> None:
        """Programs at once; when they are imported, the components that wait for no other."""
        first = [one for one in self._components if not one.after]
        for component in first:
            if not component.module:
                self._start(component)
        _warm_up([*WARM, *(one.module for one in first if one.module), "picokube.supervisor"])
        for component in first:
            if component.module:
                self._start(component)

    # --- the supervisor

    def _start_supervisor(self, notify: socket.socket) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ours
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            ours.close()
            with _ends_process():
                die_with_parent(parent)
                self._signals.release()
                set_name("pk-supervisor")
                from picokube.supervisor import Supervisor
                running = {name: (child.process.pid, os.dup(child.output)) for name, child in self._children.items()}
                Supervisor(self._cluster, self._components, running, theirs, notify, self._progress, self._stopping).run()
        theirs.close()
        self._supervisor = pid
        self._selector.register(ours, selectors.EVENT_READ, self._on_message)
        self._watch_supervisor(pid)

    def _watch_supervisor(self, pid: int) -> None:
        self._supervisor_fd = os.pidfd_open(pid)
        self._selector.register(self._supervisor_fd, selectors.EVENT_READ, self._on_supervisor_gone)

    def _on_supervisor_gone(self) -> None:
        os.waitpid(self._supervisor, 0)
        self._selector.unregister(self._supervisor_fd)
        os.close(self._supervisor_fd)
        if self._channel is not None:
            self._selector.unregister(self._channel)
            self._channel.close()
        self._supervisor, self._channel = 0, None

    def _tell(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """A supervisor that is gone reads nothing; the next one is told by what it inherits."""
        if self._channel is not None:
            with contextlib.suppress(OSError):
                socket.send_fds(self._channel, [json.dumps(message).encode()], descriptors)

    def _on_message(self) -> None:
        assert self._channel is not None
        data = self._channel.recv(MESSAGE_LIMIT)
        if not data:
            self._selector.unregister(self._channel)
            self._channel.close()
            self._channel = None
            return
        message = json.loads(data)
        match message["do"]:
            case "start":
                component = _component(message["component"])
                if component.name not in self._children:
                    self._start(component)
            case "signal":
                if (child := self._children.get(message["name"])) is not None:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(child.pidfd, message["signal"])
            case "exit":
                self._exiting = True

    def _on_signal(self) -> None:
        received = set(self._signals.read())
        if signal.SIGHUP in received:
            self._components = read_plan(self._cluster)
            self._tell({"event": "plan"})
        if {signal.SIGTERM, signal.SIGINT} & received:
            self._stopping = True
            self._tell({"event": "stop"})

    # --- components

    def _start(self, component: Component) -> None:
        read_end, write_end = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            with _ends_process():
                die_with_parent(parent)
                self._signals.release()
                if component.name not in CONTROL_PLANE:
                    adjust_oom_score(self._usual_oom_score)     # a kubelet and its pods see to theirs
                _become(component, write_end, self._cluster.run)
        os.close(write_end)
        process = identify(pid) or ProcessId(pid, 0)
        child = Child(component, process, os.pidfd_open(pid), read_end)
        self._children[component.name] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ, lambda: self._on_exit(component.name))
        self._tell({"event": "started", "name": component.name, "pid": pid}, [read_end])

    def _on_exit(self, name: str) -> None:
        child = self._children.pop(name)
        seconds = age_seconds(child.process)
        _, status = os.waitpid(child.process.pid, 0)
        if told := sources.warning(self._cluster) if not self._stopping else "":
            print(told, file=sys.stderr, flush=True)
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        os.close(child.output)
        self._tell({"event": "exited", "name": name, "status": os.waitstatus_to_exitcode(status), "seconds": seconds})


class _SignalPipe:
    """Signals as bytes on a pipe: Python's signalfd. A forked child releases it."""

    def __init__(self, numbers: Sequence[signal.Signals]) -> None:
        self._numbers = numbers
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        return self._read

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self._read, 4096)
        return b""

    def release(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in self._numbers:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _ends_process() -> Iterator[None]:
    """A forked child never returns into the parent's loop."""
    code = 1
    try:
        yield
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _become(component: Component, output: int, directory: Path) -> None:
    """In the child: its output goes to the pipe, then it is the component."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 1024 if component.module else 4096)
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
    set_name(f"pk-{component.name}")
    if component.netns:
        _enter_network(component.netns)
    if not component.module:
        os.chdir(directory)
        for leftover in directory.glob("etcd*.sock*"):      # of a killed etcd; it refuses to replace them
            leftover.unlink()
        os.execv(component.argv[0], component.argv)
    sys.argv = [component.module, *component.argv]
    sys.exit(importlib.import_module(component.module).main(list(component.argv)))


def _enter_network(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {path}")
    os.close(descriptor)


def _warm_up(modules: Sequence[str]) -> None:
    """What is imported stays: to look through it for what does not would take a tenth of the time."""
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()


def _notify_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    channel.bind(str(path))
    return channel


def start_message(component: Component) -> dict[str, Any]:
    return {"do": "start", "component": asdict(component)}


def write_plan(cluster: Cluster, components: Sequence[Component]) -> None:
    write_json(cluster.run / "plan.json", {"components": [asdict(one) for one in components]})


def read_plan(cluster: Cluster) -> list[Component]:
    document = read_json(cluster.run / "plan.json") or {"components": []}
    return [_component(one) for one in document["components"]]


def _component(document: dict[str, Any]) -> Component:
    return Component(**{**document, "argv": tuple(document["argv"])})
