"""A small API server in this process: discovery, objects in memory, Tables, patches, watches, logs and exec.

It exists so that kubectl (ours, and upstream's where it is installed) can be run against known objects.
"""
from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubeapi import labels, spdy
from kubeapi.patch import jsonpatch, mergepatch, strategic
from kubeapi.schemas import schema_of

Document = dict[str, Any]
NOW = "2024-01-01T00:00:00Z"
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
# group, plural, kind, namespaced, short names, categories
KINDS: tuple[tuple[str, str, str, bool, list[str], list[str]], ...] = (
    ("", "configmaps", "ConfigMap", True, ["cm"], []), ("", "events", "Event", True, ["ev"], []),
    ("", "namespaces", "Namespace", False, ["ns"], []), ("", "nodes", "Node", False, ["no"], []), ("", "pods", "Pod", True, ["po"], ["all"]),
    ("", "limitranges", "LimitRange", True, ["limits"], []), ("", "resourcequotas", "ResourceQuota", True, ["quota"], []),
    ("", "secrets", "Secret", True, [], []), ("", "serviceaccounts", "ServiceAccount", True, ["sa"], []),
    ("", "services", "Service", True, ["svc"], ["all"]), ("apps", "deployments", "Deployment", True, ["deploy"], ["all"]),
    ("apps", "replicasets", "ReplicaSet", True, ["rs"], ["all"]), ("apps", "daemonsets", "DaemonSet", True, ["ds"], ["all"]),
    ("apps", "controllerrevisions", "ControllerRevision", True, [], []), ("coordination.k8s.io", "leases", "Lease", True, [], []),
    ("discovery.k8s.io", "endpointslices", "EndpointSlice", True, [], []), ("example.com", "widgets", "Widget", True, [], []),
)


def status(code: int, reason: str, message: str, **details: Any) -> Document:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason, "message": message,
            **({"details": details} if details else {})}


class Refusal(Exception):
    def __init__(self, document: Document) -> None:
        self.document = document


class FakeServer:
    """The objects and what was asked of them; `failures` maps "VERB /path" to the Status to answer."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.objects: dict[tuple[str, str, str, str], Document] = {}
        self.history: list[tuple[int, str, str, Document]] = []
        self.revision = 1
        self.requests: list[tuple[str, str, Any]] = []
        self.failures: dict[str, Document] = {}
        self.logs: dict[tuple[str, str], bytes] = {}
        self.exits: dict[str, tuple[bytes, int]] = {}
        self.runs_in: dict[str, str] = {}         # pod -> the directory in which its commands really run
        self.subprotocol = "v5.channel.k8s.io"
        self.keeps_watches = False
        self.conflicts = 0                        # so many writes of a scale come too late
        self.url = ""

    def add(self, *documents: Document) -> None:
        for document in documents:
            group = document["apiVersion"].rpartition("/")[0]
            plural = next(row[1] for row in KINDS if row[0] == group and row[2] == document["kind"])
            self.store("ADDED", group, plural, document)

    def store(self, event: str, group: str, plural: str, document: Document) -> Document:
        with self.changed:
            self.revision += 1
            metadata = {"creationTimestamp": NOW, "uid": f"uid-{self.revision}", **document["metadata"], "resourceVersion": str(self.revision)}
            document = {**document, "metadata": metadata}
            key = (group, plural, metadata.get("namespace", ""), metadata["name"])
            if event == "DELETED":
                self.objects.pop(key, None)
            else:
                self.objects[key] = document
            self.history.append((self.revision, event, f"{group}/{plural}", document))
            self.changed.notify_all()
            return document

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.requests if method != "GET"]

    def body(self, method: str, path: str) -> Any:
        return next(body for each, at, body in self.requests if (each, at) == (method, path))


@contextmanager
def serving() -> Iterator[FakeServer]:
    fake = FakeServer()

    class Bound(_Handler):
        server_state = fake

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        with fake.changed:
            fake.keeps_watches = False
            fake.changed.notify_all()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: FakeServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, document: Any, code: int = 200, content_type: str = "application/json") -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _handle(self) -> None:
        fake, url = self.server_state, urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(data) if data else None
        fake.requests.append((self.command, url.path, body))
        try:
            failure = fake.failures.get(f"{self.command} {url.path}")
            if failure is not None:
                raise Refusal(failure)
            if url.path == "/version":
                return self._answer({"major": "1", "minor": "36", "gitVersion": "v1.36.0-fake", "platform": "linux/amd64"})
            if url.path in ("/api", "/apis"):
                return self._answer(_discovery(url.path), content_type="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
            self._resource(url.path, query, body)
        except Refusal as refusal:
            self._answer(refusal.document, refusal.document["code"])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _resource(self, path: str, query: dict[str, str], body: Any) -> None:
        parts = path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:]) if parts[0] == "apis" and len(parts) > 3 else ("?", parts)
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        row = next((row for row in KINDS if rest and row[0] == group and row[1] == rest[0]), None)
        if row is None:
            raise Refusal(status(404, "NotFound", "the server could not find the requested resource"))
        name, sub = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
        if sub in ("log", "exec"):
            return self._log(name, query) if sub == "log" else self._exec(name)
        if sub == "portforward":
            return self._port_forward()
        if sub == "scale":
            return self._scale(row, namespace, name, body)
        if name:
            return self._one(row, namespace, name, query, body)
        return self._many(row, namespace, query, body)

    def _found(self, row: tuple[Any, ...], namespace: str, name: str) -> Document:
        found = self.server_state.objects.get((row[0], row[1], namespace, name))
        if found is None:
            resource = f"{row[1]}.{row[0]}" if row[0] else row[1]
            raise Refusal(status(404, "NotFound", f'{resource} "{name}" not found', name=name, kind=row[1], group=row[0]))
        return found

    def _one(self, row: tuple[Any, ...], namespace: str, name: str, query: dict[str, str], body: Any) -> None:
        fake = self.server_state
        if self.command == "PATCH" and self.headers["Content-Type"].startswith("application/apply-patch"):
            is_new = (row[0], row[1], namespace, name) not in fake.objects
            return self._answer(fake.store("ADDED" if is_new else "MODIFIED", row[0], row[1], body), 201 if is_new else 200)
        current = self._found(row, namespace, name)
        if self.command == "GET":
            return self._answer(self._table([current], row, query) if self._wants_table() else current)
        if self.command == "DELETE":
            if "dryRun" not in (body or {}):
                fake.store("DELETED", row[0], row[1], current)
            return self._answer(current)
        changed = body if self.command == "PUT" else self._patched(current, row, body)
        return self._answer(changed if query.get("dryRun") else fake.store("MODIFIED", row[0], row[1], changed))

    def _patched(self, current: Document, row: tuple[Any, ...], body: Any) -> Document:
        kind = self.headers["Content-Type"]
        if "json-patch" in kind:
            result: Document = jsonpatch.apply(current, body)
            return result
        if "strategic" in kind:
            return strategic.apply(current, body, schema_of(row[0], "v1", row[2]))
        merged: Document = mergepatch.apply(current, body)
        return merged

    def _many(self, row: tuple[Any, ...], namespace: str, query: dict[str, str], body: Any) -> None:
        fake = self.server_state
        if self.command == "POST":
            name = body["metadata"]["name"]
            if (row[0], row[1], namespace, name) in fake.objects:
                resource = f"{row[1]}.{row[0]}" if row[0] else row[1]
                raise Refusal(status(409, "AlreadyExists", f'{resource} "{name}" already exists', name=name, kind=row[1]))
            if row[3]:
                body["metadata"].setdefault("namespace", namespace)
            return self._answer(body if query.get("dryRun") else fake.store("ADDED", row[0], row[1], body), 201)
        if query.get("watch"):
            return self._watch(row, namespace, query)
        found = [document for key, document in sorted(fake.objects.items()) if key[:2] == row[:2] and _selected(document, namespace, query)]
        if self._wants_table():
            return self._answer(self._table(found, row, query))
        version = f"{row[0]}/v1" if row[0] else "v1"
        return self._answer({"kind": f"{row[2]}List", "apiVersion": version, "metadata": {"resourceVersion": str(fake.revision)}, "items": found})

    def _wants_table(self) -> bool:
        return "as=Table" in self.headers.get("Accept", "")

    def _table(self, found: list[Document], row: tuple[Any, ...], query: dict[str, str]) -> Document:
        columns = [{"name": "Name", "type": "string", "format": "name", "priority": 0}, {"name": "Phase", "type": "string", "priority": 0},
                   {"name": "Age", "type": "string", "priority": 0}, {"name": "IP", "type": "string", "priority": 1}]
        rows = []
        for document in found:
            about = document if query.get("includeObject") == "Object" else {
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}
            state = document.get("status") or {}
            rows.append({"cells": [document["metadata"]["name"], state.get("phase", "<none>"), "5d", state.get("podIP", "<none>")], "object": about})
        revision = found[0]["metadata"]["resourceVersion"] if len(found) == 1 else str(self.server_state.revision)
        return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": revision}, "columnDefinitions": columns, "rows": rows}

    def _watch(self, row: tuple[Any, ...], namespace: str, query: dict[str, str]) -> None:
        fake, since = self.server_state, int(query.get("resourceVersion") or 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            with fake.changed:
                news = [each for each in fake.history if each[0] > since and each[2] == f"{row[0]}/{row[1]}"]
                if not news:
                    if not fake.keeps_watches:
                        break
                    fake.changed.wait()
                    continue
            for revision, event, _, document in news:
                since = revision
                if _selected(document, namespace, query):
                    shown = self._table([document], row, query) if self._wants_table() else document
                    self._chunk(json.dumps({"type": event, "object": shown}).encode() + b"\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _scale(self, row: tuple[Any, ...], namespace: str, name: str, body: Any) -> None:
        current = self._found(row, namespace, name)
        if self.command != "GET" and self.server_state.conflicts:
            self.server_state.conflicts -= 1
            raise Refusal(status(409, "Conflict", f'Operation cannot be fulfilled on {row[1]} "{name}": the object has been modified'))
        if self.command != "GET":
            current = {**current, "spec": {**current["spec"], "replicas": body["spec"]["replicas"]}}
            self.server_state.store("MODIFIED", row[0], row[1], current)
        self._answer({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": current["metadata"],
                      "spec": {"replicas": current["spec"].get("replicas", 1)}, "status": {"replicas": 1}})

    def _log(self, name: str, query: dict[str, str]) -> None:
        data = self.server_state.logs[name, query.get("container", "")]
        if "tailLines" in query:
            data = b"".join(data.splitlines(keepends=True)[-int(query["tailLines"]):])
        self._answer(data, content_type="text/plain")

    def _exec(self, name: str) -> None:
        """Answers a WebSocket: echoes standard input if asked for it, then the output and the exit code set for the pod."""
        fake, query = self.server_state, parse_qs(urlsplit(self.path).query)
        self._upgrade(fake.subprotocol)
        if name in fake.runs_in:
            output, code = self._really(fake.runs_in[name], query)
        else:
            output, code = fake.exits.get(name, (" ".join(query.get("command", [])).encode() + b"\n", 0))
            if query.get("stdin") == ["true"]:
                while (message := self._frame())[:1] == b"\x00":
                    self._send(b"\x01" + message[1:])
        self._send(b"\x01" + output)
        success = {"metadata": {}, "status": "Success"}
        failure = {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with non-zero exit code",
                   "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
        self._send(b"\x03" + json.dumps(failure if code else success).encode())
        self.wfile.write(b"\x88\x02\x03\xe8")
        self.close_connection = True

    def _really(self, directory: str, query: dict[str, list[str]]) -> tuple[bytes, int]:
        stdin = b""
        if query.get("stdin") == ["true"]:
            while (message := self._frame())[:1] == b"\x00":
                stdin += message[1:]
        done = subprocess.run(query["command"], cwd=directory, input=stdin, capture_output=True)
        return done.stdout, done.returncode

    def _port_forward(self) -> None:
        """Answers whoever connects to port 80 in upper case; other ports refuse."""
        self._upgrade("SPDY/3.1+portforward.k8s.io")
        framing, ports = spdy.Framing(), dict[int, str]()
        while message := self._frame():
            for frame in framing.feed(message):
                if isinstance(frame, spdy.Opened):
                    ports[frame.stream] = frame.headers["port"]
                    if frame.headers["streamtype"] == "error" and frame.headers["port"] != "80":
                        self._send(spdy.data_frame(frame.stream, b"connection refused", is_last=True))
                elif isinstance(frame, spdy.Data) and ports[frame.stream] == "80":
                    self._send(spdy.data_frame(frame.stream, frame.data.upper(), is_last=frame.is_last))
        self.close_connection = True

    def _upgrade(self, subprotocol: str) -> None:
        accept = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        self.send_response(101)
        for header, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept.decode()),
                              ("Sec-WebSocket-Protocol", subprotocol)):
            self.send_header(header, value)
        self.end_headers()

    def _send(self, payload: bytes) -> None:
        size = len(payload)
        head = bytes([0x82, size]) if size < 126 else bytes([0x82, 126]) + size.to_bytes(2, "big") if size < 65536 else (
            bytes([0x82, 127]) + size.to_bytes(8, "big"))
        self.wfile.write(head + payload)

    def _frame(self) -> bytes:
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return b""
        size = head[1] & 0x7F
        if size > 125:
            size = int.from_bytes(self.rfile.read(2 if size == 126 else 8), "big")
        key = self.rfile.read(4)
        return bytes(byte ^ key[index % 4] for index, byte in enumerate(self.rfile.read(size)))


def _selected(document: Document, namespace: str, query: dict[str, str]) -> bool:
    metadata = document["metadata"]
    if namespace and metadata.get("namespace") != namespace:
        return False
    if query.get("labelSelector") and not labels.parse(query["labelSelector"]).matches(metadata.get("labels") or {}):
        return False
    for requirement in filter(None, query.get("fieldSelector", "").split(",")):
        negated = "!=" in requirement
        path, _, wanted = requirement.replace("!=", "=").partition("=")
        value: Any = document
        for part in path.split("."):
            value = (value or {}).get(part)
        if (str(value or "") == wanted) == negated:
            return False
    return True


def _discovery(path: str) -> Document:
    groups: dict[str, list[Document]] = {}
    for group, plural, kind, namespaced, short, categories in KINDS:
        if (path == "/api") != (group == ""):
            continue
        version = {"group": group, "version": "v1", "kind": kind}
        groups.setdefault(group, []).append({
            "resource": plural, "responseKind": version, "scope": "Namespaced" if namespaced else "Cluster",
            "singularResource": kind.lower(), "verbs": VERBS, "shortNames": short, "categories": categories,
            **({"subresources": [{"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                                  "verbs": ["get", "patch", "update"]}]} if plural in ("deployments", "replicasets") else {})})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
            "items": [{"metadata": {"name": group} if group else {}, "versions": [{"version": "v1", "freshness": "Current", "resources": found}]}
                      for group, found in groups.items()]}
