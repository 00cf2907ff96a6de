"""The supervisor decides what runs: start in order, restart with back-off, stop in reverse; and when the plan changes, start what
is new, stop what is gone, and start again what is different. It forks nothing itself.

It reads what the components print into LOGS/NAME.log (bounded), and keeps RUN/status.json, which `picokube status` shows.
Killed, it is forked again by the warm parent and inherits everything that still runs.
"""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picokube.cluster import Cluster
from picokube.components import Component
from picokube.files import write_json
from picokube.parent import MESSAGE_LIMIT, read_plan, start_message

FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, HEALTHY_SECONDS = 0.25, 30.0, 60.0
STOP_GRACE_SECONDS = 10.0
LOG_LIMIT_BYTES = 10 * 1024 * 1024


@dataclass
class Running:
    """What is known of one component. `starts` counts from 1; restarts are one less."""

    component: Component
    pid: int = 0
    starts: int = 0
    is_ready: bool = False
    quick_failures: int = 0
    last_exit: int | None = None
    is_planned: bool = True             # one that is not ends, and is forgotten


class Log:
    """One component's output, in two files of at most LOG_LIMIT_BYTES each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > LOG_LIMIT_BYTES:
            self._file.close()
            os.replace(self._path, self._path.with_suffix(".log.1"))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(data)

    def close(self) -> None:
        self._file.close()


class Supervisor:
    def __init__(self, cluster: Cluster, components: Sequence[Component], inherited: Mapping[str, tuple[int, int]],
                 channel: socket.socket, notify: socket.socket, progress: int, stopping: bool) -> None:
        self._cluster = cluster
        self._all = {one.name: Running(one) for one in components}
        self._inherited = inherited
        self._channel, self._notify, self._progress = channel, notify, progress
        self._stopping = asyncio.Event()
        if stopping:
            self._stopping.set()
        self._changed = asyncio.Event()
        self._logs: dict[str, Log] = {}
        self._ready_early: set[int] = set()     # told by the component before the parent has told of its start

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._cluster.logs.mkdir(parents=True, exist_ok=True)
        for descriptor in (self._channel, self._notify):
            descriptor.setblocking(False)
        previous = _previous_status(self._cluster)
        for name, (pid, output) in self._inherited.items():
            self._adopt(name, pid, output, previous.get(name, {}))
        self._publish()
        loop.add_reader(self._channel, self._on_parent)
        loop.add_reader(self._notify, self._on_notify)
        self._start_what_can()
        await self._stopping.wait()
        await self._stop_everything()
        self._send({"do": "exit"})

    # --- what the parent and the components say

    def _adopt(self, name: str, pid: int, output: int, status: Mapping[str, Any]) -> None:
        running = self._all.get(name)
        if running is None:         # the plan was changed while there was no supervisor
            running = self._all[name] = Running(Component(name, "", ()), pid, is_planned=False)
            self._end(name)
        running.pid, running.starts = pid, running.starts + 1
        if status.get("pid") == pid:        # a supervisor before us saw it start
            running.starts, running.is_ready = status["restarts"] + 1, status["ready"]
        self._follow(name, output)

    def _on_parent(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._channel, MESSAGE_LIMIT, 1)
        if not data:
            os._exit(1)      # the parent is gone, and we with it
        message = json.loads(data)
        match message["event"]:
            case "started":
                running = self._all[message["name"]]
                running.pid, running.starts = message["pid"], running.starts + 1
                self._follow(message["name"], descriptors[0])
                if running.pid in self._ready_early:
                    self._on_ready(running.pid)
            case "exited":
                self._on_exit(message["name"], message["status"], message["seconds"])
            case "plan":
                self._follow_plan(read_plan(self._cluster))
            case "stop":
                self._stopping.set()
        self._publish()

    def _follow_plan(self, components: Sequence[Component]) -> None:
        planned = {one.name: one for one in components}
        for name, component in planned.items():
            running = self._all.setdefault(name, Running(component))
            is_different, running.component, running.is_planned = running.component != component, component, True
            if is_different and running.pid:
                self._end(name)
        for name in [name for name in self._all if name not in planned]:
            self._all[name].is_planned = False
            if self._all[name].pid:
                self._end(name)
            else:
                del self._all[name]
        self._start_what_can()

    def _end(self, name: str) -> None:
        """It is told to end, and made to when it does not; what comes then is _on_exit's to say."""
        pid = self._all[name].pid

        def insist() -> None:
            if name in self._all and self._all[name].pid == pid:
                self._send({"do": "signal", "name": name, "signal": signal.SIGKILL})

        self._send({"do": "signal", "name": name, "signal": signal.SIGTERM})
        asyncio.get_running_loop().call_later(STOP_GRACE_SECONDS, insist)

    def _on_notify(self) -> None:
        data, ancillary, _, _ = self._notify.recvmsg(4096, socket.CMSG_SPACE(12))
        if b"READY=1" not in data.split(b"\n") or not ancillary:
            return
        self._on_ready(struct.unpack("3i", ancillary[0][2])[0])

    def _on_ready(self, pid: int) -> None:
        self._ready_early.discard(pid)
        if all(running.pid != pid for running in self._all.values()):
            self._ready_early.add(pid)
            return
        for running in self._all.values():
            # etcd cannot tell; the API server is ready only when etcd answers it.
            if running.pid == pid or (running.pid and not running.component.module):
                running.is_ready = True
        self._start_what_can()
        self._publish()

    def _on_exit(self, name: str, status: int, seconds: float) -> None:
        running = self._all[name]
        self._ready_early.discard(running.pid)
        running.pid, running.is_ready, running.last_exit = 0, False, status
        running.quick_failures = 0 if seconds > HEALTHY_SECONDS else running.quick_failures + 1
        self._log(name).write(f"picokube: {name} ended with {_outcome(status)}\n".encode())
        if not running.is_planned:
            del self._all[name]
            self._logs.pop(name).close()
        elif not self._stopping.is_set():
            failures = running.quick_failures
            delay = 0.0 if failures <= 1 else min(FIRST_BACKOFF_SECONDS * 2 ** (failures - 2), LONGEST_BACKOFF_SECONDS)
            asyncio.get_running_loop().call_later(delay, self._start, name)

    def _start_what_can(self) -> None:
        for name, running in self._all.items():
            before = self._all.get(running.component.after)
            if running.starts == 0 and not running.pid and (before is None or before.is_ready):
                self._start(name)

    def _start(self, name: str) -> None:
        if not self._stopping.is_set() and name in self._all:
            self._send(start_message(self._all[name].component))

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._channel.send(json.dumps(message).encode())

    # --- output and status

    def _log(self, name: str) -> Log:
        if name not in self._logs:
            self._logs[name] = Log(self._cluster.logs / f"{name}.log")
        return self._logs[name]

    def _follow(self, name: str, output: int) -> None:
        os.set_blocking(output, False)
        loop = asyncio.get_running_loop()

        def on_readable() -> None:
            try:
                data = os.read(output, 65536)
            except BlockingIOError:
                return
            if data:
                self._log(name).write(data)
            else:
                loop.remove_reader(output)
                os.close(output)

        loop.add_reader(output, on_readable)

    def _publish(self) -> None:
        status = {name: {"pid": one.pid, "restarts": max(0, one.starts - 1), "ready": one.is_ready, "lastExit": one.last_exit}
                  for name, one in self._all.items()}
        write_json(self._cluster.run / "status.json", {"components": status})
        with contextlib.suppress(OSError):      # `up` may have gone
            if self._progress >= 0:
                os.write(self._progress, json.dumps(status).encode() + b"\n")
        self._changed.set()

    # --- the end

    async def _stop_everything(self) -> None:
        """Reverse order, so that nobody loses what it needs while it still works."""
        for stage in _stop_stages(self._all):
            for name in stage:
                self._send({"do": "signal", "name": name, "signal": signal.SIGTERM})
            if not await self._all_ended(stage, STOP_GRACE_SECONDS):
                for name in stage:
                    self._send({"do": "signal", "name": name, "signal": signal.SIGKILL})
                await self._all_ended(stage, STOP_GRACE_SECONDS)

    async def _all_ended(self, names: Sequence[str], seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(self._all[name].pid for name in names):
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return False


def _stop_stages(components: Mapping[str, Running]) -> list[list[str]]:
    def depth(name: str) -> int:
        before = components[name].component.after
        return 1 + depth(before) if before in components else 0

    depths = {name: depth(name) for name in components}
    return [[name for name in components if depths[name] == level] for level in sorted(set(depths.values()), reverse=True)]


def _previous_status(cluster: Cluster) -> Mapping[str, Mapping[str, Any]]:
    try:
        document: dict[str, Any] = json.loads((cluster.run / "status.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return dict(document.get("components", {}))


def _outcome(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
