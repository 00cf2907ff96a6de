"""The process behind every container: it outlives the kubelet, writes the log, and reports how the container ended.

Run as `python -I -S shim.py` it is the zygote: descriptor 3 brings requests, each is answered by a forked shim, which is
nobody's child. A shim holds its container's lock as long as it lives: whoever gets the lock knows that it is gone. It
writes process.json before the container runs and exit.json (both renamed into place) before it ends itself.
"""
import ctypes
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
LONGEST_LINE = 16384                 # of a log; longer ones are written in parts
MOST_UNSENT = 4 << 20                # to a slow attached client, before it is cut off
START_ERROR = 128
DRAIN_MILLISECONDS = 1000            # for output still in the pipes when the container is gone
STDIN, STDOUT, STDERR, RESIZE, STDIN_END = range(5)
FRAME = struct.Struct(">BI")
POLL_IN = select.POLLIN | select.POLLHUP | select.POLLERR
TIOCSWINSZ = 0x5414
FAILURES = (OSError, ValueError, RuntimeError)

libc = ctypes.CDLL(None, use_errno=True)


def zygote():
    requests = socket.socket(fileno=3)
    os.setsid()
    name_process(b"picokube-zygote")
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, CHUNK, 8)
        if not message:
            return
        child = os.fork()
        if child == 0:
            requests.close()
            os.setsid()
            if os.fork() == 0:
                serve(json.loads(message), descriptors)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def serve(request, descriptors):
    """Never returns."""
    code = 1
    try:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        os.chdir(request["directory"])
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        role = ContainerShim if request["role"] == "run" else ExecShim
        role(request, descriptors).run()
        code = 0
    except BaseException as error:
        sys.stderr.write(f"shim of {request.get('id')}: {error!r}\n")
        sys.stderr.flush()
    os._exit(code)


def name_process(name):
    libc.prctl(PR_SET_NAME, name[:15], 0, 0, 0)


def start_time(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def write_json(name, document):
    with open(name + ".tmp", "w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(name + ".tmp", name)


def runc(request, arguments, stdio):
    """Runs runc to its end with these three descriptors; RuntimeError says what runc said."""
    log = f"runc-{os.getpid()}.log"
    command = [request["runc"], "--root", request["root"], "--log", log, "--log-format", "json", *arguments]
    pid = spawn(command, stdio)
    status = os.waitpid(pid, 0)[1]
    message = ""
    if status:
        message = last_error(log) or f"runc {arguments[0]} ended with status {os.waitstatus_to_exitcode(status)}"
    unlink(log)
    if status:
        raise RuntimeError(message)


def spawn(command, stdio):
    """A child that dies with the shim: a runc that nobody waits for must not finish a container nobody knows."""
    pid = os.fork()
    if pid == 0:
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            for number, descriptor in enumerate(stdio):
                os.dup2(descriptor, number)
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    return pid


def last_error(log):
    try:
        with open(log) as file:
            entries = [json.loads(line) for line in file if line.strip()]
    except FAILURES:
        return ""
    return next((entry["msg"] for entry in reversed(entries) if entry.get("level") in ("error", "fatal")), "")


def unlink(name):
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass


def read_pid(name):
    with open(name) as file:
        return int(file.read())


def console_listener(name):
    """runc sends the terminal's master to this socket, named relative to the working directory: paths may be long."""
    unlink(name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(name)
    listener.listen(1)
    return listener


def receive_console(listener, name):
    connection, _ = listener.accept()
    _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
    connection.close()
    listener.close()
    unlink(name)
    os.set_inheritable(descriptors[0], False)
    return descriptors[0]


def set_window(terminal, columns, rows):
    import fcntl
    fcntl.ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read_or_end(descriptor):
    """b"" at the end; a terminal whose other side is gone fails instead."""
    try:
        return os.read(descriptor, CHUNK)
    except OSError:
        return b""


class Log:
    """A container's log in the CRI's format, rotated by size: LOG, then LOG.TIME of the last few."""

    def __init__(self, path, most_bytes, most_files):
        self.path, self.most_bytes, self.most_files = path, most_bytes, most_files
        self.descriptor = self.size = 0
        self.rests = {b" stdout ": b"", b" stderr ": b""}
        self.open()

    def open(self):
        os.makedirs(os.path.dirname(self.path), 0o755, exist_ok=True)
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self.size = os.fstat(self.descriptor).st_size

    def add(self, stream, data):
        head = timestamp() + stream
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
        if written:
            self.write(b"\n".join(written) + b"\n")

    def finish(self):
        for stream, rest in self.rests.items():
            if rest:
                self.write(timestamp() + stream + b"F " + rest + b"\n")

    def write(self, data):
        # A full disk must not stop the container: what cannot be written is lost.
        try:
            self.size += len(data)
            while data:
                data = data[os.write(self.descriptor, data):]
            if self.most_bytes and self.size >= self.most_bytes:
                self.rotate()
        except OSError:
            pass

    def rotate(self):
        directory, name = os.path.split(self.path)
        os.rename(self.path, f"{self.path}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.{time.time_ns() % 1000000000:09d}")
        os.close(self.descriptor)
        self.open()
        old = sorted(one for one in os.listdir(directory) if one.startswith(name + "."))
        for one in old[:max(0, len(old) - self.most_files + 1)]:
            unlink(os.path.join(directory, one))


def timestamp():
    seconds, nanoseconds = divmod(time.time_ns(), 1000000000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%09dZ" % nanoseconds


class Client:
    """Somebody attached: gets frames of output, sends frames of input."""

    def __init__(self, connection):
        connection.setblocking(False)
        self.connection, self.unsent, self.received = connection, b"", b""

    def send(self, data):
        """False when it is to be dropped."""
        self.unsent += data
        try:
            while self.unsent:
                self.unsent = self.unsent[self.connection.send(self.unsent):]
        except BlockingIOError:
            return len(self.unsent) <= MOST_UNSENT
        except OSError:
            return False
        return True

    def frames(self):
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


class ContainerShim:
    def __init__(self, request, descriptors):
        self.request = request
        self.reply = socket.socket(fileno=descriptors[0])
        self.lock = descriptors[1]
        self.poll = select.poll()
        self.outputs = {}                # descriptor -> stream
        self.stdin = self.terminal = self.pid = -1
        self.typed = b""                 # input the container has not taken yet
        self.clients = {}
        self.log = self.listener = None

    def run(self):
        name_process(b"picokube-shim")
        write_json("shim.json", {"pid": os.getpid(), "starttime": start_time(os.getpid())})
        try:
            self.listener = self.listen()
            self.create()
            self.start()
        except FAILURES as error:
            self.kill_leftovers()
            now = time.time_ns()
            write_json("exit.json", {"code": START_ERROR, "reason": "StartError", "message": str(error), "finished_at": now})
            self.answer({"error": str(error)})
            return
        self.answer({"pid": self.pid})
        status = self.serve()
        self.finish(status)

    def answer(self, document):
        try:
            self.reply.send(json.dumps(document).encode())
        except OSError:
            pass                         # the kubelet is gone; its successor reads the files
        self.reply.close()

    def listen(self):
        unlink("attach.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("attach.sock")
        listener.listen(8)
        listener.setblocking(False)
        return listener

    def create(self):
        request, arguments = self.request, ["create", "--bundle", ".", "--pid-file", "pid"]
        if request["tty"]:
            name = "console.sock"
            console = console_listener(name)
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            runc(request, [*arguments, "--console-socket", name, request["id"]], [null, null, null])
            self.terminal = self.stdin = receive_console(console, name)
            self.outputs = {self.terminal: STDOUT}
        else:
            stdin, mine_in = os.pipe2(os.O_CLOEXEC) if request["stdin"] else (os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), -1)
            mine_out, stdout = os.pipe2(os.O_CLOEXEC)
            mine_err, stderr = os.pipe2(os.O_CLOEXEC)
            runc(request, [*arguments, request["id"]], [stdin, stdout, stderr])
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)
            self.stdin, self.outputs = mine_in, {mine_out: STDOUT, mine_err: STDERR}
        if self.stdin >= 0:
            os.set_blocking(self.stdin, False)
        self.pid = read_pid("pid")
        self.log = Log(request["log"], request["log_bytes"], request["log_files"])

    def start(self):
        """What `runc start` does: the container waits for somebody to read this fifo."""
        self.process = os.pidfd_open(self.pid)
        write_json("process.json", {"pid": self.pid, "starttime": start_time(self.pid), "started_at": time.time_ns()})
        fifo = os.path.join(self.request["root"], self.request["id"], "exec.fifo")
        descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        ready.register(self.process, select.POLLIN)
        ready.poll()
        os.close(descriptor)
        unlink(fifo)

    def serve(self):
        """Moves bytes until the container has ended and its output is drained; the wait status."""
        for descriptor in self.outputs:
            self.poll.register(descriptor, POLL_IN)
        self.poll.register(self.process, select.POLLIN)
        self.poll.register(self.listener.fileno(), select.POLLIN)
        status = None
        while status is None or self.outputs:
            events = self.poll.poll(None if status is None else DRAIN_MILLISECONDS)
            if not events:
                break
            for descriptor, event in events:
                if descriptor == self.process:
                    status = os.waitpid(self.pid, 0)[1]
                    self.poll.unregister(self.process)
                    self.kill_leftovers()
                elif descriptor in self.outputs and event & POLL_IN:
                    self.move_output(descriptor)
                elif descriptor == self.listener.fileno():
                    self.accept()
                elif descriptor in self.clients:
                    self.serve_client(self.clients[descriptor], event)
                if descriptor == self.stdin and event & select.POLLOUT:
                    self.move_input()
                elif descriptor == self.stdin and descriptor not in self.outputs:
                    self.close_stdin()
        return status

    def move_output(self, descriptor):
        stream = self.outputs[descriptor]
        data = read_or_end(descriptor)
        if not data:
            del self.outputs[descriptor]
            self.poll.unregister(descriptor)
            return
        self.log.add(b" stdout " if stream == STDOUT else b" stderr ", data)
        frame = FRAME.pack(stream, len(data)) + data
        for client in list(self.clients.values()):
            if not client.send(frame):
                self.drop(client)
            elif client.unsent:
                self.watch(client)

    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        client = Client(connection)
        self.clients[connection.fileno()] = client
        self.watch(client)

    def watch(self, client):
        """Clients are not read while the container is slow to take its input."""
        wanted = (0 if self.typed else select.POLLIN) | (select.POLLOUT if client.unsent else 0)
        self.poll.register(client.connection.fileno(), wanted)

    def drop(self, client):
        descriptor = client.connection.fileno()
        self.poll.unregister(descriptor)
        del self.clients[descriptor]
        client.connection.close()
        if self.request["stdin_once"] and not self.clients:
            self.end_input()

    def serve_client(self, client, event):
        if event & select.POLLOUT and not client.send(b""):
            self.drop(client)
            return
        if event & (select.POLLHUP | select.POLLERR):
            self.drop(client)
            return
        if event & select.POLLIN:
            frames = client.frames()
            if frames is None:
                self.drop(client)
                return
            for kind, data in frames:
                self.take(kind, data)
        self.watch(client)

    def take(self, kind, data):
        if kind == STDIN and self.stdin >= 0:
            self.typed += data
            self.move_input()
        elif kind == RESIZE and self.terminal >= 0:
            set_window(self.terminal, *struct.unpack(">HH", data))
        elif kind == STDIN_END and self.request["stdin_once"]:
            self.end_input()

    def move_input(self):
        was_slow = self.stdin_is_watched()
        try:
            while self.typed:
                self.typed = self.typed[os.write(self.stdin, self.typed):]
        except BlockingIOError:
            pass
        except OSError:
            self.close_stdin()
        self.poll_stdin()
        if bool(self.typed) != was_slow:
            for client in self.clients.values():
                self.watch(client)
        if not self.typed and self.input_ended:
            self.close_stdin()

    slow, input_ended = False, False

    def stdin_is_watched(self):
        return self.slow

    def poll_stdin(self):
        self.slow = bool(self.typed)
        if self.stdin < 0:
            return
        is_output = self.stdin in self.outputs
        if self.slow:
            self.poll.register(self.stdin, select.POLLOUT | (POLL_IN if is_output else 0))
        elif is_output:
            self.poll.register(self.stdin, POLL_IN)
        else:
            try:
                self.poll.unregister(self.stdin)
            except KeyError:
                pass

    def end_input(self):
        self.input_ended = True
        if not self.typed:
            self.close_stdin()

    def close_stdin(self):
        """A terminal stays open: its end of input is a character."""
        self.typed = b""
        self.slow = False
        if self.stdin >= 0 and self.stdin != self.terminal:
            try:
                self.poll.unregister(self.stdin)
            except KeyError:
                pass
            os.close(self.stdin)
            self.stdin = -1

    def finish(self, status):
        self.log.finish()
        code = os.waitstatus_to_exitcode(status)
        document = {"code": code if code >= 0 else 128 - code, "finished_at": time.time_ns(), "oom_killed": self.was_oom_killed()}
        write_json("exit.json", document)
        unlink("attach.sock")
        for client in self.clients.values():
            client.send(b"")

    def was_oom_killed(self):
        path, key = self.request["oom"]
        try:
            with open(path) as file:
                counts = dict(line.split() for line in file)
        except FAILURES:
            return False
        return int(counts.get(key, 0)) > 0

    def kill_leftovers(self):
        """In a process namespace that is shared, a container's children survive its first process."""
        kill_all(self.request["procs"])


def kill_all(procs):
    for _ in range(100):
        try:
            with open(procs) as file:
                pids = [int(line) for line in file]
        except OSError:
            return
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        select.select([], [], [], 0.005)


class ExecShim:
    """A command in a running container; it dies with the connection to the kubelet."""

    def __init__(self, request, descriptors):
        self.request = request
        self.control = socket.socket(fileno=descriptors[0])
        self.stdio = descriptors[1:]
        self.name = f"exec-{os.getpid()}"

    def run(self):
        name_process(b"picokube-exec")
        try:
            pid, terminal = self.start()
        except FAILURES as error:
            self.control.send(json.dumps({"error": str(error)}).encode())
            return
        for descriptor in self.stdio:
            os.close(descriptor)
        answer = json.dumps({"pid": pid}).encode()
        if terminal is None:
            self.control.send(answer)
        else:
            socket.send_fds(self.control, [answer], [terminal])
            os.close(terminal)
        code = os.waitstatus_to_exitcode(self.wait(pid))
        self.control.send(json.dumps({"exit": code if code >= 0 else 128 - code}).encode())

    def start(self):
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

    def wait(self, pid):
        """The wait status; anything on the connection, its end too, kills the command with its children."""
        process = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.register(self.control.fileno(), POLL_IN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if process in ready:
                return os.waitpid(pid, 0)[1]
            kill_tree(pid)
            poll.unregister(self.control.fileno())


def kill_tree(pid):
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
