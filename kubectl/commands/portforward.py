"""kubectl port-forward: connections to local ports become connections to a pod's ports.

One WebSocket carries all of them as SPDY/3.1 streams, two per connection: data, and errors. One thread does it all: it waits
until the WebSocket, a listener or a connection has something, and moves it.
"""
from __future__ import annotations

import select
import socket
import sys

from kubectl import builder, pods, workloads
from kubectl.client import quote
from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session
    from kubectl.websocket import WebSocket

TUNNEL = "SPDY/3.1+portforward.k8s.io"
_CHUNK = 32 * 1024
_LAST_PORT = 65535
FLAGS = (Flag("address", "strings", ["localhost"], help="local addresses to listen on"),
         Flag("pod-running-timeout", "duration", 60.0, help="accepted"))


def run(session: Session, args: list[str]) -> int:
    if len(args) < 2:
        raise session.usage("TYPE/NAME and list of ports are required for port-forward")
    target = pods.named(session, args[0]) if "/" in args[0] else builder.targets(session, ["pods", args[0]])[0]
    document = target.fetch(session)
    pod = document if document["kind"] == "Pod" else pods.behind(session, target)[0]
    pairs = [_checked(*_pair(document, pod, text)) for text in args[1:]]
    if pod.get("status", {}).get("phase") != "Running":
        raise CommandError(f"unable to forward port because pod is not running. Current status={pod.get('status', {}).get('phase', '')}")
    _check_addresses(session.flags.texts("address"))
    listeners = _listen(session, pairs)
    from kubectl.websocket import connect
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{quote(metadata['namespace'])}/pods/{quote(metadata['name'])}/portforward"
    _Forwarder(session, connect(session.client, path, {}, (TUNNEL,)), listeners).run()
    raise CommandError("lost connection to pod")


def _pair(document: Document, pod: Document, text: str) -> tuple[int, int]:
    """(local, remote) port of `8080:80`, `80`, `:80`, with names and a service's ports resolved. Raises CommandError."""
    local, colon, remote = text.partition(":")
    if ":" in remote:
        remote, colon = "", ":"
    wanted = remote if colon else local
    port = _number(document, pod, wanted)
    if not colon:
        return (int(local) if local.isdecimal() else port), port
    if local and not local.isdecimal():
        raise CommandError(f"error parsing local port '{local}': strconv.ParseUint: parsing \"{local}\": invalid syntax")
    return int(local or 0), port


def _checked(local: int, remote: int) -> tuple[int, int]:
    for what, port in (("local", local), ("remote", remote)):
        if port > _LAST_PORT:
            raise CommandError(f"error parsing {what} port '{port}': strconv.ParseUint: parsing \"{port}\": value out of range")
    if not remote:
        raise CommandError("remote port must be > 0")
    return local, remote


def _check_addresses(addresses: list[str]) -> None:
    for address in addresses:
        if address == "localhost":
            continue
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, address)
                break
            except OSError:
                continue
        else:
            raise CommandError(f"{address} is not a valid IP")


def _number(document: Document, pod: Document, text: str) -> int:
    if document["kind"] == "Service":
        return _of_service(document, pod, text)
    if text.isdecimal():
        return int(text)
    found = _container_port(pod, text)
    if found is None:
        raise CommandError(f"Pod '{pod['metadata']['name']}' does not have a named port '{text}'")
    return found


def _container_port(pod: Document, name: str) -> int | None:
    spec = workloads.at(pod, ("spec",))
    return next((port["containerPort"] for container in spec["containers"] for port in container.get("ports") or [] if port.get("name") == name), None)


def _of_service(service: Document, pod: Document, text: str) -> int:
    name = service["metadata"]["name"]
    entry = next((port for port in service["spec"].get("ports") or [] if text in (str(port["port"]), port.get("name"))), None)
    if entry is None:
        what = f"a service port {text}" if text.isdecimal() else f"a named port '{text}'"
        raise CommandError(f"Service {name} does not have {what}" if text.isdecimal() else f"Service '{name}' does not have {what}")
    aim = entry.get("targetPort", entry["port"])
    if service["spec"].get("clusterIP") == "None":
        return int(entry["port"])
    found = aim if isinstance(aim, int) else _container_port(pod, aim)
    if found is None:
        raise CommandError(f"Pod '{pod['metadata']['name']}' does not have a named port '{aim}'")
    return int(found)


def _listen(session: Session, pairs: list[tuple[int, int]]) -> dict[socket.socket, tuple[int, int]]:
    """Listener -> (local, remote) port; a random local port is the same on all addresses. Raises CommandError."""
    found: dict[socket.socket, tuple[int, int]] = {}
    for local, remote in pairs:
        failures, chosen = [], local
        for address in session.flags.texts("address"):
            for host in ("127.0.0.1", "::1") if address == "localhost" else (address,):
                family, number = (socket.AF_INET6, "6") if ":" in host else (socket.AF_INET, "4")
                shown = f"[{host}]" if ":" in host else host
                try:
                    listener = socket.create_server((host, chosen), family=family)
                except OSError as error:
                    failures.append(f"unable to create listener: Error listen tcp{number} {shown}:{chosen}: bind: {(error.strerror or str(error)).lower()}")
                    continue
                chosen = listener.getsockname()[1]
                found[listener] = (chosen, remote)
                session.out(f"Forwarding from {shown}:{chosen} -> {remote}\n")
        if not any(remote == each[1] and chosen == each[0] for each in found.values()):
            session.warn(f"Unable to listen on port {local}: Listeners failed to create with the following errors: [{' '.join(failures)}]")
    if not found:
        shown_pairs = " ".join(f"{{{local} {remote}}}" for local, remote in pairs)
        raise CommandError(f"unable to listen on any of the requested ports: [{shown_pairs}]")
    sys.stdout.flush()
    return found


class _Link:
    """One local connection and its two streams."""

    def __init__(self, connection: socket.socket, ports: tuple[int, int], data: int, errors: int) -> None:
        self.connection, self.ports, self.data, self.errors = connection, ports, data, errors
        self.fault = b""
        self.reads = self.remote_open = True


class _Forwarder:
    """Moves bytes until the WebSocket ends."""

    def __init__(self, session: Session, tunnel: WebSocket, listeners: dict[socket.socket, tuple[int, int]]) -> None:
        from kubeapi.spdy import Framing
        self._session, self._tunnel, self._listeners = session, tunnel, listeners
        self._framing = Framing()
        self._links: dict[int, _Link] = {}        # by either stream
        self._next_stream, self._requests = 1, 0
        self._poll = select.poll()

    def run(self) -> None:
        by_descriptor = {listener.fileno(): listener for listener in self._listeners}
        for descriptor in (self._tunnel.fileno(), *by_descriptor):
            self._poll.register(descriptor, select.POLLIN)
        try:
            while self._tunnel.is_open:
                ready = [(self._tunnel.fileno(), 0)] if self._tunnel.has_pending() else self._poll.poll()
                for descriptor, _ in ready:
                    if descriptor in by_descriptor:
                        self._accept(by_descriptor[descriptor])
                    elif descriptor == self._tunnel.fileno():
                        self._receive()
                    else:
                        self._read_local(descriptor)
        finally:
            for listener in self._listeners:
                listener.close()
            for link in set(self._links.values()):
                link.connection.close()
            self._tunnel.connection.close()

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        ports = self._listeners[listener]
        self._session.out(f"Handling connection for {ports[0]}\n")
        sys.stdout.flush()
        errors, data = self._next_stream, self._next_stream + 2
        self._next_stream += 4
        link = _Link(connection, ports, data, errors)
        self._links[data] = self._links[errors] = link
        headers = {"port": str(ports[1]), "requestid": str(self._requests)}
        self._requests += 1
        self._send(self._framing.opened(errors, {**headers, "streamtype": "error"}, is_last=True))
        self._send(self._framing.opened(data, {**headers, "streamtype": "data"}))
        self._poll.register(connection.fileno(), select.POLLIN)

    def _send(self, frame: bytes) -> None:
        self._tunnel.send_message(frame)

    def _read_local(self, descriptor: int) -> None:
        from kubeapi.spdy import data_frame
        link = next((each for each in self._links.values() if each.connection.fileno() == descriptor), None)
        if link is None:
            return
        try:
            data = link.connection.recv(_CHUNK)
        except OSError:
            data = b""
        self._send(data_frame(link.data, data, is_last=not data))
        if not data:
            link.reads = False
            self._poll.unregister(descriptor)
            self._drop_if_over(link)

    def _receive(self) -> None:
        from kubeapi import spdy
        for message in self._tunnel.messages():
            for frame in self._framing.feed(message):
                if isinstance(frame, spdy.Ping):
                    self._send(spdy.pong(frame))
                elif isinstance(frame, spdy.Data | spdy.Reset) and (link := self._links.get(frame.stream)):
                    self._take(link, frame.stream, frame.data if isinstance(frame, spdy.Data) else b"",
                               isinstance(frame, spdy.Reset) or frame.is_last)

    def _take(self, link: _Link, stream: int, data: bytes, is_last: bool) -> None:
        if stream == link.errors:
            link.fault += data
            if is_last and link.fault:
                self._drop(link)
            return
        try:
            link.connection.sendall(data)
            if is_last:
                link.remote_open = False
                link.connection.shutdown(socket.SHUT_WR)
                self._drop_if_over(link)
        except OSError:
            self._drop(link)

    def _drop_if_over(self, link: _Link) -> None:
        if not link.remote_open:
            self._drop(link)

    def _drop(self, link: _Link) -> None:
        """Both streams and the local connection end."""
        from kubeapi.spdy import reset_frame
        if self._links.pop(link.data, None) is None:
            return
        self._links.pop(link.errors, None)
        if link.reads:
            self._poll.unregister(link.connection.fileno())
            self._send(reset_frame(link.data))
        link.connection.close()
        if link.fault:                            # as upstream: one refused connection is the end of all
            local, remote = link.ports
            self._session.warn(f"an error occurred forwarding {local} -> {remote}: {link.fault.decode('utf-8', 'replace')}")
            self._tunnel.is_open = False


COMMANDS = {"port-forward": Command("kubectl port-forward TYPE/NAME [LOCAL_PORT:]REMOTE_PORT ...", "Forward local ports to a pod", run, FLAGS)}
