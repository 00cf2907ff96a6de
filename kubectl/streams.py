"""Carries a remote process's streams over a WebSocket: standard input to it, output from it, the window's size, and at
the end its exit code.
"""
from __future__ import annotations

import json
import os
import select
import signal
import sys
import termios
import tty

from kubectl.errors import CommandError, StatusError
from kubectl.websocket import ERROR, RESIZE, STDERR, STDIN, STDOUT, WebSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

    from kubeapi.resource import Document

_CHUNK = 32 * 1024


class RawTerminal:
    """Standard input as raw as the remote terminal wants it, for as long as the block lasts."""

    def __init__(self) -> None:
        self._before: list[Any] = []

    def __enter__(self) -> RawTerminal:
        self._before = termios.tcgetattr(0)
        tty.setraw(0)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)


class Streams:
    """Copies until the remote process ends; `run` answers its exit code."""

    def __init__(self, socket: WebSocket, *, stdin: bool, terminal: bool, descriptors: tuple[int, int, int] = (0, 1, 2), quiet: bool = False) -> None:
        self._socket, self._stdin, self._terminal, self._quiet = socket, stdin, terminal, quiet
        self._input, self._outputs = descriptors[0], {STDOUT: descriptors[1], STDERR: descriptors[2]}
        self._status: Document | None = None
        self._resized_reader, self._resized_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        """Raises CommandError where the process could not be run."""
        try:
            if self._terminal:
                with RawTerminal():
                    self._announce_size()
                    signal.signal(signal.SIGWINCH, self._on_resize)
                    self._copy()
            else:
                self._copy()
        finally:
            os.close(self._resized_reader)
            os.close(self._resized_writer)
            self._socket.close()
        return exit_code(self._status, quiet=self._quiet)

    def _on_resize(self, number: int, frame: FrameType | None) -> None:
        os.write(self._resized_writer, b"x")

    def _announce_size(self) -> None:
        size = os.get_terminal_size(0)
        self._socket.send(RESIZE, json.dumps({"Width": size.columns, "Height": size.lines}).encode())

    def _copy(self) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        poll.register(self._resized_reader, select.POLLIN)
        if self._stdin:
            poll.register(self._input, select.POLLIN)
        while self._socket.is_open:
            for descriptor in self._readable(poll):
                if descriptor == self._input:
                    self._send_stdin(poll)
                elif descriptor == self._resized_reader:
                    os.read(self._resized_reader, 64)
                    self._announce_size()
                else:
                    self._receive()

    def _readable(self, poll: select.poll) -> Iterator[int]:
        if self._socket.has_pending():
            yield self._socket.fileno()
            return
        yield from (descriptor for descriptor, _ in poll.poll())

    def _send_stdin(self, poll: select.poll) -> None:
        data = os.read(self._input, _CHUNK)
        if data:
            self._socket.send(STDIN, data)
            return
        poll.unregister(self._input)
        if self._socket.can_close_channels:
            self._socket.close_channel(STDIN)

    def _receive(self) -> None:
        for channel, data in self._socket.receive():
            if channel in self._outputs:
                _write(self._outputs[channel], data)
            elif channel == ERROR and data:
                self._status = json.loads(data)


def _write(descriptor: int, data: bytes) -> None:
    sys.stdout.flush()
    while data:
        data = data[os.write(descriptor, data):]


def exit_code(status: Document | None, *, quiet: bool = False) -> int:
    """What the error channel said. Raises CommandError."""
    if status is None or status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    code = next((cause.get("message", "") for cause in causes if cause.get("reason") == "ExitCode"), "")
    if status.get("reason") == "NonZeroExitCode" and code.isdecimal():
        if not quiet:
            print(f"command terminated with exit code {code}", file=sys.stderr)
        return int(code)
    if status.get("reason") == "InternalError":
        raise CommandError(f"Internal error occurred: {status.get('message', '')}".replace("Internal error occurred: Internal error occurred",
                                                                                         "Internal error occurred"))
    if status.get("reason"):
        raise StatusError(status)
    raise CommandError(f"error reading from error stream: {status.get('message', '')}")
