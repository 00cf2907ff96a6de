"""The same command line, ours and upstream's, against the same objects: same output, same exit code.

Left out is what upstream changed after 1.32 (`deleted from default namespace`), and typed creates, which it sends as protobuf.
"""
from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.kubectl.conftest import Kubectl
from tests.unit.kubectl.fakeserver import FakeServer

UPSTREAM = next((path for path in ("/usr/bin/kubectl", "/usr/local/bin/kubectl", "/snap/bin/kubectl") if shutil.which(path)), None)
pytestmark = [pytest.mark.upstream_kubectl, pytest.mark.skipif(UPSTREAM is None, reason="upstream's kubectl is not installed")]

LINES = """
get pods
get pods -o wide
get pods -A --show-labels
get pods,svc
get all
get pods a zz
get pods -o json
get po a -o yaml
get cm cm -o yaml
get pods -n empty
get pods -o jsonpath='{range .items[*]}{.metadata.name}{"\\t"}{.status.podIP}{"\\n"}{end}'
get pods -o jsonpath='{.items[?(@.metadata.name=="a")].status.containerStatuses[0].restartCount}'
get pods -o jsonpath-as-json='{.items[*].metadata.name}'
get pods -o custom-columns=NAME:.metadata.name,IP:.status.podIP,N:.x
get ns,po
get deployments.v1.apps
get
get pods -o nope
delete pods
delete pod zz
logs a --tail=1
logs deploy/web
scale deploy web --replicas=3
scale deploy/web --replicas=3 --current-replicas=5
set image deploy/web c=x:2
rollout status deploy/web
rollout history deploy/web
rollout history deploy/web --revision=1
rollout undo deploy/web
rollout pause deploy/web
rollout resume deploy/web
exec a -- echo hi
describe pod a
describe deploy web
describe rs web-1
describe svc s
describe cm cm
describe secret sec
describe ns default
describe pods b
apply -f f.yaml --validate=false
apply -f f.yaml --validate=false --server-side
apply -f bad.yaml --validate=false
create -f f.yaml --validate=false
api-resources
api-versions
label pod a foo=bar
label pod a app-
annotate pod a a=z
patch pod a -p '{"metadata":{"labels":{"app":"web"}}}'
wait --for=condition=Ready pod/a
cordon n1
taint node n1 a=b:NoSchedule
config view
events
""".strip().splitlines()


@pytest.fixture
def upstream(fake: FakeServer, kubectl: Kubectl, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "bad.yaml").write_text("a: b\n c: d\n")
    (tmp_path / "f.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: '2'}\n"
                                     "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm2}\n")
    yield UPSTREAM or ""


@pytest.mark.parametrize("line", LINES)
def test_both_print_the_same(kubectl: Kubectl, fake: FakeServer, upstream: str, line: str) -> None:
    objects = dict(fake.objects)
    ours = kubectl(line)
    fake.objects = objects
    theirs = subprocess.run([upstream, "-s", fake.url, *shlex.split(line)], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=dict(os.environ))
    said = [ours.out, theirs.stdout]
    if line.startswith("describe cm"):          # upstream prints the keys in the order of a Go map: another one each time
        said = ["\n".join(sorted(text.splitlines())) for text in said]
    assert (said[0], ours.code) == (said[1], theirs.returncode), (ours.err, theirs.stderr)


YAML_TEXTS = ["plain", "", "yes", "n", "1", "0x1f", "010", "1.5", "1e3", ".inf", "null", "~", "x: y", "- x", "#x", "a #b", "2024-01-01", "12:30:45",
              "a\nb", "a\nb\n", "a\n\n", "\n", " lead\nx", "trail \nx", "tab\there", "it's", 'say "x"', "*", "=", "<<", "a" * 100, "word " * 40, "é ü", "{}",
              "a,b", "@x", "%x", "!x", "&x", "a: b\nc", "0b11", "0o7", "+1", "-1", "1_000", "-", "--- x", "...", "\u2028x", "x\x07", "emoji 🎉", "\ttab"]


@pytest.mark.parametrize("text", YAML_TEXTS, ids=repr)
def test_yaml_texts_are_printed_the_same(kubectl: Kubectl, fake: FakeServer, upstream: str, text: str) -> None:
    fake.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "text", "namespace": "default"}, "data": {"k": text, "k10": "", "k9": ""}})
    theirs = subprocess.run([upstream, "-s", fake.url, "get", "cm", "text", "-o", "yaml"], capture_output=True, text=True, env=dict(os.environ))
    assert kubectl("get cm text -o yaml").out == theirs.stdout
