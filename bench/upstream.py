"""Upstream's control plane for the same measurements: its binaries from a directory, on an etcd of the kind that picokube starts.

Started in the order that they need each other: etcd, kube-apiserver until /readyz, then kube-controller-manager and kube-scheduler, and
picokube's hollow kubelet, which pretends to be the nodes for both. Ended in the opposite order. Certificates are picokube's authority's.
"""
from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.clusters import ROOT, BenchCluster
from picokube import etcd
from picokube.certificates import Authority, Wanted, serving_names
from picokube.components import ADMIN, USER
from picokube.kubeconfigs import for_component

COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
SERVICE_RANGE, POD_RANGE = "10.96.0.0/16", "10.244.0.0/14"
READY_SECONDS, END_SECONDS, LOOK_SECONDS = 120.0, 20.0, 0.05
Arguments = Mapping[str, Sequence[str]]


class NotReady(RuntimeError):
    """A component did not come up: which one, and the end of what it said."""


def found_in(directory: Path) -> Mapping[str, Path]:
    """Which of upstream's programs are there."""
    return {name: Path(path) for name in COMPONENTS if (path := shutil.which(name, path=str(directory)))}


@dataclass(frozen=True, slots=True)
class Upstream:
    """Starts clusters of these binaries. `extra`: arguments by component, such as higher client limits."""

    binaries: Mapping[str, Path]
    extra: Arguments

    @contextmanager
    def __call__(self, directory: Path, nodes: int) -> Iterator[BenchCluster]:
        plan = Plan(directory, *free_ports(6))
        with Processes(directory) as processes:
            began = time.monotonic()
            processes.start("etcd", [str(etcd.require_binary()), *plan.etcd()])
            processes.start("apiserver", [str(self.binaries["kube-apiserver"]), *plan.apiserver(), *self.extra.get("kube-apiserver", ())])
            processes.wait("apiserver", lambda: plan.answers("/readyz"))
            ready, account = time.monotonic() - began, 0.0
            if nodes:
                for name, arguments in (("kube-controller-manager", plan.controller_manager()), ("kube-scheduler", plan.scheduler())):
                    processes.start(name, [str(self.binaries[name]), *arguments, *self.extra.get(name, ())])
                processes.wait("kube-controller-manager", lambda: plan.answers("/api/v1/namespaces/default/serviceaccounts/default"))
                account = time.monotonic() - began
                processes.start("kubelet", [sys.executable, "-m", "kubelet", *plan.hollow_kubelet(nodes)])
                processes.wait("kubelet", lambda: plan.answers(f"/api/v1/nodes/{plan.node(nodes)}"))
            else:
                processes.wait("apiserver", lambda: plan.answers("/api/v1/namespaces/default"))
            kubectl = str(self.binaries.get("kubectl", ""))
            yield BenchCluster(plan.kubeconfig("admin"), processes.pids, (kubectl,), round(ready, 2), round(account, 2))


class Plan:
    """Where everything lies, and each component's flags."""

    def __init__(self, directory: Path, client: int, peer: int, api: int, manager: int, scheduler: int, kubelet: int) -> None:
        self._directory, self._client, self._peer, self._api = directory, client, peer, api
        self._manager, self._scheduler, self._kubelet = manager, scheduler, kubelet
        self._pki = directory / "pki"
        self._authority = Authority(self._pki)
        self._service_account_key = self._authority.service_account_key()
        self._authority.issue("apiserver", Wanted("kube-apiserver", names=serving_names(SERVICE_RANGE, ["127.0.0.1"])))
        self._authority.issue("kubelet-client", Wanted("kube-apiserver-kubelet-client", ("system:masters",), is_client=True))
        for name, wanted in (("admin", ADMIN), ("kubelet", Wanted("system:node:hollow-1", ("system:masters",), is_client=True)),
                             ("kube-controller-manager", Wanted("system:kube-controller-manager", is_client=True)),
                             ("kube-scheduler", Wanted("system:kube-scheduler", is_client=True))):
            pair = self._authority.issue(name, wanted)
            for_component(self._authority, self.kubeconfig(name), f"https://127.0.0.1:{api}", USER if name == "admin" else name, pair)

    def kubeconfig(self, name: str) -> Path:
        return self._directory / f"{name}.kubeconfig"

    def node(self, number: int) -> str:
        return f"hollow-{number}"

    def etcd(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self._client}", f"http://127.0.0.1:{self._peer}"
        return ["--name=default", f"--data-dir={self._directory}/etcd", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
                *etcd.limits()]

    def apiserver(self) -> list[str]:
        """The same authentication, authorization and TLS as picokube's; 127.0.0.1 can be no endpoint, so nobody publishes it."""
        pki, key = self._pki, self._service_account_key
        return [f"--etcd-servers=http://127.0.0.1:{self._client}", f"--secure-port={self._api}", "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
                f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key", f"--client-ca-file={pki}/ca.crt",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local", f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}", f"--service-cluster-ip-range={SERVICE_RANGE}", "--authorization-mode=Node,RBAC",
                f"--kubelet-client-certificate={pki}/kubelet-client.crt", f"--kubelet-client-key={pki}/kubelet-client.key"]

    def controller_manager(self) -> list[str]:
        pki = self._pki
        return [*self._as_client("kube-controller-manager", self._manager), f"--root-ca-file={pki}/ca.crt",
                f"--service-account-private-key-file={self._service_account_key}", f"--cluster-signing-cert-file={pki}/ca.crt",
                f"--cluster-signing-key-file={pki}/ca.key", f"--cluster-cidr={POD_RANGE}", f"--service-cluster-ip-range={SERVICE_RANGE}",
                "--allocate-node-cidrs=true", "--use-service-account-credentials=true"]

    def scheduler(self) -> list[str]:
        return self._as_client("kube-scheduler", self._scheduler)

    def hollow_kubelet(self, nodes: int) -> list[str]:
        return [f"--kubeconfig={self.kubeconfig('kubelet')}", f"--node-name={self.node(1)}", "--node-ip=127.0.0.1", f"--port={self._kubelet}",
                f"--root-dir={self._directory}/kubelet", "--runtime=hollow", f"--hollow-nodes={nodes}"]

    def answers(self, path: str) -> bool:
        """Whether the administrator gets a 200."""
        context = ssl.create_default_context(cafile=str(self._authority.certificate_path))
        context.load_cert_chain(*self._authority.paths("admin"))
        api = http.client.HTTPSConnection("127.0.0.1", self._api, timeout=5, context=context)
        try:
            api.request("GET", path)
            return api.getresponse().status == 200
        except OSError:
            return False
        finally:
            api.close()

    def _as_client(self, name: str, port: int) -> list[str]:
        kubeconfig = self.kubeconfig(name)
        return [f"--kubeconfig={kubeconfig}", f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}",
                "--leader-elect=true", "--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={self._directory}/{name}"]


class Processes:
    """Of one cluster: started one by one, ended last first, each with a log."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def start(self, name: str, command: Sequence[str]) -> None:
        log = self._stack.enter_context(self._log(name).open("wb"))
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._running[name] = process
        self._stack.callback(self._end, process)

    def wait(self, name: str, is_there: Callable[[], bool]) -> None:
        """Until what the component brings is there. It tells nobody, so it is asked. Raises NotReady."""
        deadline = time.monotonic() + READY_SECONDS
        while not is_there():
            code = self._running[name].poll()
            if code is not None or time.monotonic() > deadline:
                how = f"ended with {code}" if code is not None else f"was not ready after {READY_SECONDS:.0f} s"
                raise NotReady(f"{name} {how}:\n{self._log(name).read_text(errors='replace')[-2000:]}")
            time.sleep(LOOK_SECONDS)

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count: int) -> list[int]:
    """Free now: held open together, so that all differ."""
    with ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]
