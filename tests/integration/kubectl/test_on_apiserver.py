"""Both kubectls on a real API server: a namespace each, the same commands in turn, the same output and exit code."""
from __future__ import annotations

import pytest

from tests.integration.kubectl.conftest import UPSTREAM, Cluster, normal

DEMO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: demo}
data: {index.html: "<h1>hi</h1>\\n", k: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: demo, labels: {app: demo}}
spec:
  replicas: 2
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers:
      - name: web
        image: localhost/web:1
        ports: [{containerPort: 80}]
        env: [{name: A, value: b}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        resources: {requests: {cpu: 100m, memory: 64Mi}}
        readinessProbe: {httpGet: {path: /, port: 80}}
        volumeMounts: [{name: v, mountPath: /v}]
      volumes: [{name: v, configMap: {name: demo}}]
---
apiVersion: v1
kind: Service
metadata: {name: demo}
spec: {selector: {app: demo}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: p}}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "100"]}]
  nodeSelector: {a: b}
"""
CHANGED = DEMO.replace('k: "1"', 'k: "2"').replace("web:1", "web:2")
SPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: NAMESPACE}
"""
STEPS: list[tuple[str, str]] = [
    ("apply -f - --validate=false", DEMO), ("apply -f - --validate=false", DEMO), ("get all", ""), ("get cm,svc -o wide", ""),
    ("get deploy demo -o yaml", ""), ("get pod p -o json", ""), ("describe deploy demo", ""), ("describe svc demo", ""), ("describe cm demo", ""),
    ("describe pod p", ""), ("get pods -o wide --show-labels", ""), ("scale deploy demo --replicas=3", ""), ("set image deploy/demo web=localhost/x:2", ""),
    ("rollout history deploy/demo", ""), ("rollout pause deploy/demo", ""), ("rollout resume deploy/demo", ""), ("rollout restart deploy/demo", ""),
    ("label pod p a=b", ""), ("annotate pod p a=b", ""), ("patch deploy demo --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":1}]'", ""),
    ("apply -f - --validate=false", CHANGED), ("get cm demo -o jsonpath='{.data}'", ""), ("create -f - --validate=false", DEMO),
    ("apply --dry-run=server -f - --validate=false", DEMO), ("wait --for=condition=Ready pod/p --timeout=1s", ""),
    ("rollout status deploy/demo --timeout=1s", ""), ("logs p", ""), ("get foo", ""), ("get pods zz", ""), ("api-resources", ""), ("get ns NAMESPACE -o yaml", ""),
    ("delete -f -", DEMO), ("get all", ""),
]


@pytest.mark.upstream_kubectl
@pytest.mark.skipif(UPSTREAM is None, reason="upstream's kubectl is not installed")
def test_both_say_the_same_step_by_step(cluster: Cluster) -> None:
    for namespace in ("ours", "theirs"):
        assert cluster.ours("apply -f -", SPACE.replace("NAMESPACE", namespace)).code == 0
    different = []
    for line, stdin in STEPS:
        ours = cluster.ours(f"-n ours {line.replace('NAMESPACE', 'ours')}", stdin)
        theirs = cluster.theirs(f"-n theirs {line.replace('NAMESPACE', 'theirs')}", stdin)
        said = [(ran.code, normal(ran.out, namespace)) for ran, namespace in ((ours, "ours"), (theirs, "theirs"))]
        if line == "describe cm demo":          # upstream prints the keys in the order of a Go map: another one each time
            said = [(code, "\n".join(sorted(text.splitlines()))) for code, text in said]
        if said[0] != said[1]:
            different.append((line, ours, theirs))
    assert different == []


WRONG = [
    ("unknown field", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nfoo: 1\n", 'strict decoding error: unknown field "foo"'),
    ("bad name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: X_}\n", 'The ConfigMap "X_" is invalid: metadata.name: Invalid value: "X_"'),
    ("invalid YAML", "a: b\n c: d\n", "error converting YAML to JSON: yaml: line 2"),
    ("unknown kind", "apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n", 'no matches for kind "Foo" in version "v1"'),
    ("wrong type", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: 1}\n", "cannot unmarshal number into Go struct field ConfigMap.data"),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_input_is_refused_in_upstream_s_words(cluster: Cluster, text: str, message: str) -> None:
    ran = cluster.ours("apply -f -", text)
    assert ran.code == 1 and message in ran.err


def test_a_watch_follows_until_it_is_killed(cluster: Cluster) -> None:
    import os
    import subprocess
    import sys

    from tests.integration.kubectl.conftest import ROOT
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(cluster.directory)}
    with subprocess.Popen([sys.executable, "-m", "kubectl", "get", "cm", "-w", "--no-headers", "-o", "name", "-l", "watched=yes"], env=environment, cwd=ROOT,
                          stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        cluster.ours("create -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w1, labels: {watched: 'yes'}}\n")
        assert watching.stdout.readline() == "configmap/w1\n"
        assert cluster.ours("delete cm w1").out == 'configmap "w1" deleted from default namespace\n'
        watching.kill()
