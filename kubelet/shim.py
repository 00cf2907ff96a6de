"""The process behind every container: it outlives the kubelet, writes the log, and reports how the container ended.

Run as `python -I -S shim.py` it is the zygote: descriptor 3 brings requests, each is answered by a forked shim, which nobody
waits for and which outlives it. A shim holds its container's lock as long as it lives: whoever gets the lock knows that it is
gone; the runc that makes the container has a lock of its own, since it outlives a killed shim by a moment. A shim writes
process.json before the container runs and exit.json (both renamed into place) before it ends itself.
"""
from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
CHUNK = 1 << 16
RUNC_LOCK = "runc.lock"
CREATE = ("create", "--bundle", ".", "--pid-file", "pid")
LONGEST_LINE = 16384                 # of a log; longer ones are written in parts
MOST_UNSENT = 4 << 20                # to a slow attached client, before it is cut off
START_ERROR = 128
DRAIN_MILLISECONDS = 1000            # for output still in the pipes when the container is gone
KILL_ROUNDS, KILL_MILLISECONDS = 100, 1000
STDIN, STDOUT, STDERR, RESIZE, STDIN_END = range(5)
FRAME = struct.Struct(">BI")
TIOCSWINSZ = 0x5414
FAILURES = (OSError, ValueError, RuntimeError)

TYPE_CHECKING = False                # the real one would import a large module
if TYPE_CHECKING:
    from typing import Any, NoReturn
    Request = dict[str, Any]

libc = ctypes.CDLL(None, use_errno=True)


def zygote() -> None:
    requests = socket.socket(fileno=3)
    os.setsid()
    name_process(b"picokube-zygote")
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)            # nobody waits for a shim: its end leaves nothing
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, CHUNK, 8)
        if not message:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            os.setsid()
            serve(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def serve(request: Request, descriptors: list[int]) -> NoReturn:
    """Never returns."""
    code = 1
    try:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        os.chdir(request["directory"])
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if request["role"] == "run":
            ContainerShim(request, descriptors).run()
        else:
            ExecShim(request, descriptors).run()
        code = 0
    except BaseException as error:
        sys.stderr.write(f"shim of {request.get('id')}: {error!r}\n")
        sys.stderr.flush()
    os._exit(code)


def name_process(name: bytes) -> None:
    libc.prctl(PR_SET_NAME, name[:15], 0, 0, 0)


def start_time(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def write_json(name: str, document: Request, *, outlives_power: bool = False) -> None:
    """There whole or not at all; after a loss of power only if that is asked for, which costs a write to the disk."""
    with open(name + ".tmp", "w") as file:
        file.write(json.dumps(document))
        if outlives_power:
            file.flush()
            os.fsync(file.fileno())
    os.rename(name + ".tmp", name)


def runc(request: Request, arguments: list[str], stdio: list[int], lock: str = "") -> None:
    """Runs runc to its end with these three descriptors, holding this lock; RuntimeError says what runc said."""
    log = f"runc-{os.getpid()}.log"
    command = [request["runc"], "--root", request["root"], "--log", log, "--log-format", "json", *arguments]
    pid = spawn(command, stdio, lock)
    status = os.waitpid(pid, 0)[1]
    message = ""
    if status:
        message = last_error(log) or f"runc {arguments[0]} ended with status {os.waitstatus_to_exitcode(status)}"
    unlink(log)
    if status:
        raise RuntimeError(message)


def spawn(command: list[str], stdio: list[int], lock: str) -> int:
    """A child that dies with the shim: a runc that nobody waits for must not finish a container nobody knows."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if lock:
                hold(lock)
            if os.getppid() == parent:       # else the shim died before its death meant ours; and nobody knew us by the lock
                for number, descriptor in enumerate(stdio):
                    os.dup2(descriptor, number)
                os.execvp(command[0], command)
        finally:
            os._exit(127)
    return pid


def hold(lock: str) -> None:
    """Until this process ends, whatever it becomes by exec; it tells who holds it (F_GETLK), and children do not get it."""
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def last_error(log: str) -> str:
    try:
        with open(log) as file:
            entries = [json.loads(line) for line in file if line.strip()]
    except FAILURES:
        return ""
    return next((entry["msg"] for entry in reversed(entries) if entry.get("level") in ("error", "fatal")), "")


def unlink(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)


def read_pid(name: str) -> int:
    with open(name) as file:
        return int(file.read())


def console_listener(name: str) -> socket.socket:
    """runc sends the terminal's master to this socket, named relative to the working directory: paths may be long."""
    unlink(name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(name)
    listener.listen(1)
    return listener


def receive_console(listener: socket.socket, name: str) -> int:
    connection, _ = listener.accept()
    _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
    connection.close()
    listener.close()
    unlink(name)
    os.set_inheritable(descriptors[0], False)
    return descriptors[0]


def set_window(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def poll(wanted: dict[int, int], milliseconds: int | None = None) -> list[tuple[int, int]]:
    """(descriptor, event) of what is ready: descriptor -> events in, hang-ups and errors always."""
    waiting = select.poll()
    for descriptor, events in wanted.items():
        waiting.register(descriptor, events)
    return waiting.poll(milliseconds)


def exit_code(status: int) -> int:
    """As a shell tells it: 128 and the signal's number for one that was killed."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def read_or_end(descriptor: int) -> bytes:
    """b"" at the end; a terminal whose other side is gone fails instead."""
    try:
        return os.read(descriptor, CHUNK)
    except OSError:
        return b""


class Log:
    """A container's log in the CRI's format, rotated by size: LOG, then LOG.TIME of the last few."""

    names = {STDOUT: b" stdout ", STDERR: b" stderr "}

    def __init__(self, path: str, most_bytes: int, most_files: int) -> None:
        self.path, self.most_bytes, self.most_files = path, most_bytes, most_files
        self.descriptor = self.size = 0
        self.rests = {STDOUT: b"", STDERR: b""}
        self.open()

    def open(self) -> None:
        os.makedirs(os.path.dirname(self.path), 0o755, exist_ok=True)
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self.size = os.fstat(self.descriptor).st_size

    def add(self, stream: int, data: bytes) -> None:
        head = timestamp() + self.names[stream]
        *lines, rest = (self.rests[stream] + data).split(b"\n")
        written = []
        for line in lines:
            while len(line) > LONGEST_LINE:
                written.append(head + b"P " + line[:LONGEST_LINE])
                line = line[LONGEST_LINE:]
            written.append(head + b"F " + line)
        while len(rest) > LONGEST_LINE:
            written.append(head + b"P " + rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self.rests[stream] = rest
        while written:
            self.write(b"\n".join(self.take(written)) + b"\n")

    def take(self, lines: list[bytes]) -> list[bytes]:
        """The first of the lines, out of the list, that fill the file: a burst of short lines is several times as long in the log."""
        size, count = self.size, 0
        while count < len(lines) and (not self.most_bytes or count == 0 or size < self.most_bytes):
            size, count = size + len(lines[count]) + 1, count + 1
        taken, lines[:] = lines[:count], lines[count:]
        return taken

    def finish(self) -> None:
        for stream, rest in self.rests.items():
            if rest:
                self.write(timestamp() + self.names[stream] + b"F " + rest + b"\n")

    def write(self, data: bytes) -> None:
        # A full disk must not stop the container: what cannot be written is lost.
        try:
            self.size += len(data)
            while data:
                data = data[os.write(self.descriptor, data):]
            if self.most_bytes and self.size >= self.most_bytes:
                self.rotate()
        except OSError:
            pass

    def rotate(self) -> None:
        directory, name = os.path.split(self.path)
        seconds, nanoseconds = divmod(time.time_ns(), 1000000000)     # one moment: the names tell the order
        os.rename(self.path, f"{self.path}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}.{nanoseconds:09d}")
        os.close(self.descriptor)
        self.open()
        old = sorted(one for one in os.listdir(directory) if one.startswith(name + "."))
        for one in old[:max(0, len(old) - self.most_files + 1)]:
            unlink(os.path.join(directory, one))


def timestamp() -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 1000000000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%09dZ" % nanoseconds


class Client:
    """Somebody attached: gets frames of output, sends frames of input."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection, self.unsent, self.received = connection, b"", b""

    def send(self, data: bytes) -> bool:
        """False when the client is gone or too slow."""
        self.unsent += data
        try:
            while self.unsent:
                self.unsent = self.unsent[self.connection.send(self.unsent):]
        except BlockingIOError:
            return len(self.unsent) <= MOST_UNSENT
        except OSError:
            return False
        return True

    def frames(self) -> list[tuple[int, bytes]] | None:
        """The complete frames that came; None at the end."""
        try:
            data = self.connection.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self.received += data
        found = []
        while len(self.received) >= FRAME.size:
            kind, length = FRAME.unpack_from(self.received)
            if len(self.received) < FRAME.size + length:
                break
            found.append((kind, self.received[FRAME.size:FRAME.size + length]))
            self.received = self.received[FRAME.size + length:]
        return found

    def finish(self) -> None:
        """Sends the rest, to one who still reads."""
        self.connection.settimeout(1)
        with contextlib.suppress(OSError):
            self.connection.sendall(self.unsent)
        self.connection.close()


class Input:
    """The container's standard input, or its terminal; what it does not take yet waits here."""

    def __init__(self, descriptor: int, *, is_terminal: bool) -> None:
        self.descriptor, self.is_terminal = descriptor, is_terminal
        self.waiting, self.has_ended = b"", False
        if descriptor >= 0:
            os.set_blocking(descriptor, False)

    def write(self, data: bytes) -> None:
        if self.descriptor < 0:
            return
        self.waiting += data
        try:
            while self.waiting:
                self.waiting = self.waiting[os.write(self.descriptor, self.waiting):]
        except BlockingIOError:
            return
        except OSError:
            self.close()                 # the container closed it
        if self.has_ended:
            self.close()

    def end(self) -> None:
        self.has_ended = True
        if not self.waiting:
            self.close()

    def close(self) -> None:
        """A terminal stays open: there the end of input is a character."""
        self.waiting = b""
        if self.descriptor >= 0 and not self.is_terminal:
            os.close(self.descriptor)
            self.descriptor = -1


class ContainerShim:
    def __init__(self, request: Request, descriptors: list[int]) -> None:
        self.request = request
        self.reply = socket.socket(fileno=descriptors[0])
        self.lock = descriptors[1]       # held until the end of this process
        self.outputs: dict[int, int] = {}    # descriptor -> stream
        self.clients: dict[int, Client] = {}
        self.input = Input(-1, is_terminal=False)
        self.pid = self.process = self.terminal = -1
        self.status: int | None = None

    def run(self) -> None:
        name_process(b"picokube-shim")
        write_json("shim.json", {"pid": os.getpid(), "starttime": start_time(os.getpid())})
        try:
            self.listener = self.listen()
            self.create()
            self.start()
        except FAILURES as error:
            self.kill_leftovers()
            write_json("exit.json", {"code": START_ERROR, "reason": "StartError", "message": str(error),
                                     "finished_at": time.time_ns()}, outlives_power=True)
            self.answer({"error": str(error)})
            return
        self.answer({"pid": self.pid})
        self.finish(self.serve())

    def answer(self, document: Request) -> None:
        with contextlib.suppress(OSError):                         # the kubelet is gone; its successor reads the files
            self.reply.send(json.dumps(document).encode())
        self.reply.close()

    def listen(self) -> socket.socket:
        unlink("attach.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("attach.sock")
        listener.listen(8)
        listener.setblocking(False)
        return listener

    def create(self) -> None:
        (self.create_with_terminal if self.request["tty"] else self.create_with_pipes)()
        self.pid = read_pid("pid")
        self.log = Log(self.request["log"], self.request["log_bytes"], self.request["log_files"])

    def create_with_terminal(self) -> None:
        name = "console.sock"
        console = console_listener(name)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        runc(self.request, [*CREATE, "--console-socket", name, self.request["id"]], [null, null, null], RUNC_LOCK)
        os.close(null)
        self.terminal = receive_console(console, name)
        self.outputs = {self.terminal: STDOUT}
        self.input = Input(self.terminal, is_terminal=True)

    def create_with_pipes(self) -> None:
        if self.request["stdin"]:
            stdin, mine_in = os.pipe2(os.O_CLOEXEC)
        else:
            stdin, mine_in = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
        mine_out, stdout = os.pipe2(os.O_CLOEXEC)
        mine_err, stderr = os.pipe2(os.O_CLOEXEC)
        runc(self.request, [*CREATE, self.request["id"]], [stdin, stdout, stderr], RUNC_LOCK)
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        self.outputs = {mine_out: STDOUT, mine_err: STDERR}
        self.input = Input(mine_in, is_terminal=False)

    def start(self) -> None:
        """What `runc start` does: the container waits for somebody to read this fifo. Other runtimes have their own ways."""
        self.process = os.pidfd_open(self.pid)
        write_json("process.json", {"pid": self.pid, "starttime": start_time(self.pid), "started_at": time.time_ns()})
        if not self.request["is_runc"]:
            null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            runc(self.request, ["start", self.request["id"]], [null, null, null], RUNC_LOCK)
            os.close(null)
            return
        fifo = os.path.join(self.request["root"], self.request["id"], "exec.fifo")
        descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        poll({descriptor: select.POLLIN, self.process: select.POLLIN})
        os.close(descriptor)
        unlink(fifo)

    def serve(self) -> int:
        """Moves bytes until the container has ended and its output is drained; the wait status."""
        while self.status is None or self.outputs:
            events = poll(self.wanted_events(), None if self.status is None else DRAIN_MILLISECONDS)
            if not events:
                break
            for descriptor, event in events:
                self.handle(descriptor, event)
        return self.status or 0

    def wanted_events(self) -> dict[int, int]:
        wanted = dict.fromkeys(self.outputs, select.POLLIN)
        wanted[self.listener.fileno()] = select.POLLIN
        if self.status is None:
            wanted[self.process] = select.POLLIN
        reading = 0 if self.input.waiting else select.POLLIN
        for descriptor, client in self.clients.items():
            wanted[descriptor] = reading | (select.POLLOUT if client.unsent else 0)
        if self.input.waiting:
            wanted[self.input.descriptor] = wanted.get(self.input.descriptor, 0) | select.POLLOUT
        return wanted

    def handle(self, descriptor: int, event: int) -> None:
        if descriptor == self.process:
            self.status = os.waitpid(self.pid, 0)[1]
            self.kill_leftovers()
        elif descriptor == self.listener.fileno():
            self.accept()
        elif descriptor in self.clients:
            self.serve_client(self.clients[descriptor], event)
        if descriptor == self.input.descriptor and event & ~select.POLLIN:
            self.input.write(b"")
        if descriptor in self.outputs and event & ~select.POLLOUT:
            self.move_output(descriptor)

    def move_output(self, descriptor: int) -> None:
        stream = self.outputs[descriptor]
        data = read_or_end(descriptor)
        if not data:
            del self.outputs[descriptor]
            return
        self.log.add(stream, data)
        frame = FRAME.pack(stream, len(data)) + data
        for client in list(self.clients.values()):
            if not client.send(frame):
                self.drop(client)

    def accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        self.clients[connection.fileno()] = Client(connection)

    def drop(self, client: Client) -> None:
        del self.clients[client.connection.fileno()]
        client.connection.close()
        if self.request["stdin_once"] and not self.clients:
            self.input.end()

    def serve_client(self, client: Client, event: int) -> None:
        frames: list[tuple[int, bytes]] | None = []
        if event & ~select.POLLOUT:
            frames = client.frames()
        for kind, data in frames or ():
            self.take(kind, data)
        if frames is None or not client.send(b""):
            self.drop(client)

    def take(self, kind: int, data: bytes) -> None:
        if kind == STDIN:
            self.input.write(data)
        elif kind == RESIZE and self.terminal >= 0:
            set_window(self.terminal, *struct.unpack(">HH", data))
        elif kind == STDIN_END and self.request["stdin_once"]:
            self.input.end()

    def finish(self, status: int) -> None:
        self.log.finish()
        write_json("exit.json", {"code": exit_code(status), "finished_at": time.time_ns(), "oom_killed": self.was_oom_killed()},
                   outlives_power=True)
        unlink("attach.sock")
        for client in self.clients.values():
            client.finish()

    def was_oom_killed(self) -> bool:
        path, key = self.request["oom"]
        try:
            with open(path) as file:
                counts = dict(line.split() for line in file)
        except FAILURES:
            return False
        return int(counts.get(key, 0)) > 0

    def kill_leftovers(self) -> None:
        """In a process namespace that is shared, a container's children survive its first process."""
        kill_all(self.request["procs"], self.request["freezer"])


def kill_all(procs: str, freezer: str) -> None:
    """Every process that a cgroup lists, and those that come while it kills."""
    for _ in range(KILL_ROUNDS):
        thaw(freezer)
        kill_at_once(os.path.dirname(procs))
        try:
            with open(procs) as file:
                pids = [int(line) for line in file]
        except OSError:
            return
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                kill_and_wait(pid)


def kill_at_once(group: str) -> None:
    """Everything in and below a cgroup, faster than it can fork: what version 2 has a file for, and version 1 nothing."""
    with contextlib.suppress(OSError):
        file = os.open(group + "/cgroup.kill", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"1")
        finally:
            os.close(file)


def thaw(freezer: str) -> None:
    """On version 1 what is frozen does not die of a signal; runc freezes a group while it kills what is in it."""
    with contextlib.suppress(OSError):
        file = os.open(freezer, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"THAWED")
        finally:
            os.close(file)


def kill_and_wait(pid: int) -> None:
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        poll({process: select.POLLIN}, KILL_MILLISECONDS)
    finally:
        os.close(process)


class ExecShim:
    """A command in a running container; it dies with the connection to the kubelet."""

    def __init__(self, request: Request, descriptors: list[int]) -> None:
        self.request = request
        self.control = socket.socket(fileno=descriptors[0])
        self.stdio = descriptors[1:]
        self.name = f"exec-{os.getpid()}"

    def run(self) -> None:
        name_process(b"picokube-exec")
        try:
            pid, terminal = self.start()
        except FAILURES as error:
            self.tell({"error": str(error)})
            return
        for descriptor in self.stdio:
            os.close(descriptor)
        self.tell({"pid": pid}, () if terminal is None else (terminal,))
        if terminal is not None:
            os.close(terminal)
        self.tell({"exit": exit_code(self.wait(pid))})

    def tell(self, document: Request, descriptors: tuple[int, ...] = ()) -> None:
        with contextlib.suppress(OSError):                         # nobody listens any more: `wait` ends the command
            socket.send_fds(self.control, [json.dumps(document).encode()], list(descriptors))

    def start(self) -> tuple[int, int | None]:
        """(pid, the terminal's master)"""
        request, pid_file, console = self.request, self.name + ".pid", self.name + ".sock"
        arguments = ["exec", "--detach", "--pid-file", pid_file, "--process", request["process"]]
        try:
            if request["tty"]:
                listener = console_listener(console)
                null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
                runc(request, [*arguments, "--tty", "--console-socket", console, request["id"]], [null, null, null])
                return read_pid(pid_file), receive_console(listener, console)
            runc(request, [*arguments, request["id"]], self.stdio)
            return read_pid(pid_file), None
        finally:
            for name in (pid_file, console, request["process"]):
                unlink(name)

    def wait(self, pid: int) -> int:
        """The wait status; anything on the connection, its end too, kills the command with its children."""
        process = os.pidfd_open(pid)
        ready = poll({process: select.POLLIN, self.control.fileno(): select.POLLIN})
        if all(descriptor != process for descriptor, _ in ready):
            kill_tree(pid)
        return os.waitpid(pid, 0)[1]


def kill_tree(pid: int) -> None:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(one) for one in file.read().split()]
    except OSError:
        children = []
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    for child in children:
        kill_tree(child)


if __name__ == "__main__":
    zygote()
