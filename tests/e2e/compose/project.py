"""docker-compose.yml brought up in an engine: its services, its API and kubectl against it."""
from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import ROOT
from tests.e2e.compose.engine import INSIDE, Engine, run

Document = dict[str, Any]
NODES = ("node-1", "node-2", "node-3")
PODS = "/api/v1/namespaces/default/pods"
LIMIT_SECONDS = 120


class Project:
    def __init__(self, engine: Engine, name: str, profile: str, directory: Path) -> None:
        self.engine, self.name, self.kubeconfig = engine, name, directory / "kubeconfig"
        self._command = ["docker-compose", "-p", name, *(["--profile", profile] if profile else [])]
        self._environment = {**engine.environment, "PICOKUBE_BASE": "picokube-base", "PICOKUBE_ADDRESS": INSIDE}
        self._context: ssl.SSLContext | None = None

    def compose(self, *arguments: str, timeout: int = 300, stdin: bytes | None = None) -> str:
        return run([*self._command, *arguments], self._environment, timeout=timeout, cwd=ROOT, stdin=stdin)

    def read_kubeconfig(self) -> None:
        """By the command that docs/compose.md tells users."""
        self.kubeconfig.write_text(self.compose("run", "--rm", "-T", "pki", "cat", "/pki/admin/kubeconfig"))
        config = yaml.safe_load(self.kubeconfig.read_text())
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
        pair = self.kubeconfig.with_suffix(".pem")
        pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        self._context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self._context.load_cert_chain(pair)

    def kubectl(self, *arguments: str, stdin: bytes | None = None) -> str:
        command = [sys.executable, "-m", "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        return run(command, self._environment, timeout=LIMIT_SECONDS, cwd=ROOT, stdin=stdin)

    def get(self, path: str) -> Document:
        document: Document = json.loads(self.kubectl("get", "--raw", path))
        return document

    def until(self, path: str, is_so: Callable[[Document], bool], seconds: float = LIMIT_SECONDS) -> Document:
        """Watches one object until a state of it is as wanted; begins again where the API breaks off."""
        deadline, last = time.monotonic() + seconds, {}
        while (left := deadline - time.monotonic()) > 0:
            try:
                for last in self._states(path, left):
                    if is_so(last):
                        return last
            except (OSError, http.client.HTTPException, ValueError):
                continue
        raise AssertionError(f"{path} did not become as wanted; last seen: {json.dumps(last)[:1500]}")

    def _states(self, path: str, seconds: float) -> Iterator[Document]:
        api = http.client.HTTPSConnection(INSIDE, 6443, timeout=10, context=self._context)
        try:
            api.request("GET", f"{path}{'&' if '?' in path else '?'}watch=true&timeoutSeconds={max(1, min(10, int(seconds)))}")
            answer = api.getresponse()
            while answer.status == 200 and (line := answer.readline()):
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
        finally:
            api.close()

    def create_until_done(self, name: str) -> int:
        """Makes a ConfigMap; how many tries it took."""
        deadline, tries = time.monotonic() + LIMIT_SECONDS, 0
        while True:
            tries += 1
            try:
                self.kubectl("create", "configmap", name, "--request-timeout=10s")
                return tries
            except AssertionError as error:
                if "AlreadyExists" in str(error) or "already exists" in str(error):
                    return tries        # the try before was done, and its answer lost
                if time.monotonic() > deadline:
                    raise

    def import_image(self) -> None:
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            subprocess.run([sys.executable, "hack/make-image", archive.name], cwd=ROOT, check=True, timeout=120)
            data = Path(archive.name).read_bytes()
        for node in NODES:
            self.compose("exec", "-T", node, "python3", "-m", "picokube", "image", "import", "-", "--root-dir", "/var/lib/picokube", stdin=data)

    def web_pods(self) -> list[Document]:
        """Of the Deployment web, those that are not being deleted."""
        pods = self.get(f"{PODS}?labelSelector=app%3Dweb")["items"]
        return [one for one in pods if "deletionTimestamp" not in one["metadata"]]

    def scale(self, replicas: int) -> None:
        """Returns when all are available: the controllers, the scheduler and the kubelets work."""
        self.kubectl("scale", "deployment/web", f"--replicas={replicas}")
        self.until_available(replicas)

    def until_available(self, replicas: int, seconds: float = LIMIT_SECONDS) -> None:
        self.until("/apis/apps/v1/namespaces/default/deployments?fieldSelector=metadata.name%3Dweb", lambda one: (
            one.get("status", {}).get("availableReplicas") == one["status"].get("replicas") == replicas
            and one["status"].get("observedGeneration") == one["metadata"]["generation"]), seconds)

    def leader(self, lease: str) -> str:
        """The service whose container holds the Lease: containers are called by the beginning of their id."""
        holder = self.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{lease}")["spec"]["holderIdentity"]
        component = "controllers" if "controller" in lease else "scheduler"
        ids = {service: self.compose("ps", "-q", service).strip() for service in (component, f"{component}-2")}
        return next(service for service, found in ids.items() if found.startswith(holder.partition("_")[0]))


def node_is(status: str) -> Callable[[Document], bool]:
    def check(node: Document) -> bool:
        conditions = node.get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == status for one in conditions)
    return check


def node_path(name: str) -> str:
    return f"/api/v1/nodes?fieldSelector=metadata.name%3D{name}"


WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      containers: [{name: web, image: "localhost/picokube/web:1"}]
"""


@contextmanager
def running_project(engine: Engine, name: str, profile: str = "") -> Iterator[Project]:
    """Up with three nodes Ready and a pod on each; down with all its data at the end."""
    with tempfile.TemporaryDirectory(prefix="pk-compose-") as directory:
        project = Project(engine, name, profile, Path(directory))
        try:
            project.compose("up", "-d", "--build", timeout=900)
            project.read_kubeconfig()
            for node in NODES:
                project.until(node_path(node), node_is("True"))
            project.import_image()
            project.kubectl("apply", "-f", "-", stdin=WEB.encode())
            project.until_available(3)
            yield project
        except BaseException:
            print(subprocess.run([*project._command, "logs", "--tail=40"], env=project._environment, cwd=ROOT, capture_output=True, text=True,
                                 timeout=60, check=False).stdout[-20000:])
            raise
        finally:
            project.compose("down", "-v", "--timeout", "5")
