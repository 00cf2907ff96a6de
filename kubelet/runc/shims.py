"""Starts, follows and stops containers by their shims; the end of a shim, seen by its pidfd, is the end of a container."""
from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from kubelet import linux
from kubelet.backoff import BackOff
from kubelet.cri import CriError
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.containers import Container
from kubelet.runc.zygote import Zygote
from kubelet.shim import START_ERROR

STARTS_AT_ONCE = 3 * (os.cpu_count() or 1)
START_SECONDS = 120.0
KILL_SECONDS = 30.0                  # for a killed container to be gone
RECOVERY_SECONDS = 120.0             # for a shim that was just making its container when the kubelet died
LOG_BYTES, LOG_FILES = 10 << 20, 5

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Shims:
    """`ended` is called when a container has ended, `now` answers nanoseconds since the epoch. Works inside `run`."""

    def __init__(self, directory: Path, runc: str, cgroups: Cgroups, ended: Callable[[Container], None], now: Callable[[], int],
                 log_limits: tuple[int, int] = (LOG_BYTES, LOG_FILES)) -> None:
        self.zygote = Zygote(directory / "shim.log")
        self.room = asyncio.Semaphore(STARTS_AT_ONCE)
        self._runc, self._runc_root = runc, directory / "runc"
        self._cgroups, self._ended, self._now = cgroups, ended, now
        self._log_bytes, self._log_files = log_limits
        self._tasks: asyncio.TaskGroup | None = None

    def run(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    # --- start

    async def start(self, container: Container) -> None:
        """Goes on when the caller is cancelled: a container that starts is always followed."""
        await self.unbroken(self._start_locked(container))

    async def _start_locked(self, container: Container) -> None:
        async with container.lock, self.room:
            lock = container.claim()
            if lock is None:
                raise CriError("RunContainerError", f"container {container.id[:12]} was started before")
            try:
                conversation = await self.zygote.ask(self._request(container), [lock])
            finally:
                os.close(lock)
            try:
                async with asyncio.timeout(START_SECONDS):
                    answer, _ = await conversation.receive()
            except TimeoutError:
                answer = {"error": "runc did not create the container in time"}
                self._kill_shim(container)
            finally:
                conversation.close()
            await self._take_over(container, answer)

    async def _take_over(self, container: Container, answer: Mapping[str, Any]) -> None:
        container.load_process()
        shim = container.open_shim()
        if "pid" in answer and shim is not None:
            self._follow(container, shim)
            return
        if shim is not None:
            await self._until_end(container, shim)
        else:
            await self.settle(container)
        if "pid" not in answer:
            message = f"OCI runtime create failed: {answer['error']}" if "error" in answer else "the container's shim died"
            raise CriError("RunContainerError", message, exit_code=START_ERROR)

    def _kill_shim(self, container: Container) -> None:
        shim = container.open_shim()
        if shim is not None:
            signal.pidfd_send_signal(shim, signal.SIGKILL)
            os.close(shim)

    def _request(self, container: Container) -> dict[str, Any]:
        record = container.record
        return {**self.base_request(container), "role": "run", "log": record.log_path, "log_bytes": self._log_bytes, "log_files": self._log_files,
                "tty": record.config.tty, "stdin": record.config.stdin, "stdin_once": record.config.stdin_once,
                "oom": self._cgroups.oom_counter(record.cgroup), "procs": str(self._cgroups.procs(record.cgroup)),
                "freezer": str(self._cgroups.freezer(record.cgroup) or "")}

    def base_request(self, container: Container) -> dict[str, Any]:
        return {"id": container.id, "directory": str(container.directory), "runc": container.record.binary or self._runc,
                "is_runc": not container.record.runtime, "root": str(self._runc_root)}

    async def unbroken(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Its own task: a caller that is cancelled leaves it running."""
        assert self._tasks is not None
        outcome: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        outcome.add_done_callback(lambda done: None if done.cancelled() else done.exception() and None)

        async def run() -> None:
            try:
                result = await work
            except Exception as error:
                if not outcome.cancelled():
                    outcome.set_exception(error)
            except BaseException:
                outcome.cancel()
                raise
            else:
                if not outcome.cancelled():
                    outcome.set_result(result)
        self._tasks.create_task(run())
        return await asyncio.shield(outcome)

    # --- follow

    async def adopt(self, container: Container) -> None:
        """Follows the shim of a container that a predecessor started, or settles what a killed one left."""
        try:
            async with asyncio.timeout(RECOVERY_SECONDS):
                shim = await self._shim_of(container)
        except TimeoutError:
            if (shim := container.open_shim()) is None:
                raise
            log.warning("container %s: its shim did not create it in time", container.id)
            signal.pidfd_send_signal(shim, signal.SIGKILL)
        container.load_process()
        if shim is None:
            await self.settle(container)
        else:
            self._follow(container, shim)

    async def _shim_of(self, container: Container) -> int | None:
        """None when it is gone. One forked a moment ago has not said its name yet, or its process's: a container taken for
        one that does not run would be started a second time beside it."""
        delay = 0.01
        while container.shim_lives():
            container.load_process()
            shim = container.open_shim()
            if shim is not None and container.pid:
                return shim
            if shim is not None:
                os.close(shim)
            await asyncio.sleep(delay)
            delay = min(1.0, delay * 2)
        return None

    def _follow(self, container: Container, shim: int) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._until_end(container, shim))

    async def _until_end(self, container: Container, shim: int) -> None:
        try:
            await linux.readable(shim)
        finally:
            os.close(shim)
        await self.settle(container)

    async def settle(self, container: Container) -> None:
        """Until it succeeds: of a container whose end is not known, nothing can be stopped, restarted or removed."""
        retries, loop = BackOff(1.0, 60.0), asyncio.get_running_loop()
        while True:
            try:
                await asyncio.to_thread(container.settle, self._cgroups, self._now())
                break
            except Exception:
                log.exception("container %s: how it ended cannot be read", container.id)
            retries.next("", loop.time(), loop.time())
            await asyncio.sleep(retries.delay(""))
        container.ended.set()
        self._ended(container)

    # --- stop

    async def stop(self, container: Container, grace_seconds: float) -> None:
        """The stop signal, and KILL when the grace is over; a stop with less grace overtakes one with more."""
        async with container.lock:               # a start is waited for
            pass
        if not container.is_running:
            return
        if grace_seconds > 0:
            container.signal(signal_number(container.record.stop_signal))
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await container.ended.wait()
        if container.ended.is_set():
            return
        container.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(KILL_SECONDS):
                await container.ended.wait()
        except TimeoutError:
            raise CriError("KillContainerError", f"container {container.id[:12]} does not end though it was killed") from None


def signal_number(name: str) -> int:
    """Of "SIGTERM", "TERM", "SIGRTMIN+3" or "15"; TERM for what is none."""
    if name.isdigit():
        return int(name)
    plain = name.upper().removeprefix("SIG")
    if plain.startswith("RTMIN"):
        offset = plain.removeprefix("RTMIN").lstrip("+")
        return int(signal.SIGRTMIN) + (int(offset) if offset.isdigit() else 0)
    return int(getattr(signal, f"SIG{plain}", signal.SIGTERM))
