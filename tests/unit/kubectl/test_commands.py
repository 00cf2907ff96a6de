"""What the commands print, exit with and ask of the server."""
from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.kubectl.conftest import Kubectl
from tests.unit.kubectl.fakeserver import FakeServer, status
from tests.unit.kubectl.objects import a_config_map, a_deployment, a_pod

WIDE = """NAME           PHASE     AGE   IP
a              Running   5d    1.2.3.4
bbbbbbbbbbbb   Running   5d    1.2.3.4
"""


@pytest.mark.parametrize(("line", "out"), [
    ("get pods -o wide", WIDE),
    ("get po a --no-headers", "a     Running   5d\n"),
    ("get pod/a svc/s", "NAME    PHASE     AGE\npod/a   Running   5d\n\nNAME        PHASE    AGE\nservice/s   <none>   5d\n"),
    ("get pods -A -l x=z", "NAMESPACE     NAME   PHASE     AGE\nkube-system   z      Running   5d\n"),
    ("get pods -L app", "NAME           PHASE     AGE   APP\na              Running   5d    web\nbbbbbbbbbbbb   Running   5d    web\n"),
    ("get pods -o name", "pod/a\npod/bbbbbbbbbbbb\n"),
    ("get deployments.apps,rs -o name", "deployment.apps/web\nreplicaset.apps/web-1\nreplicaset.apps/web-2\n"),
    ("get pods --sort-by=.metadata.labels.x --no-headers -o custom-columns=N:.metadata.name", "a\nbbbbbbbbbbbb\n"),
    ("get cm cm -o jsonpath={.data.a}", "1"),
    ("get --raw /version", '{"major": "1", "minor": "36", "gitVersion": "v1.36.0-fake", "platform": "linux/amd64"}'),
    ("delete pod a", 'pod "a" deleted from default namespace\n'),
    ("delete pods --all", 'pod "a" deleted from default namespace\npod "bbbbbbbbbbbb" deleted from default namespace\n'),
    ("delete pod a --force", 'pod "a" force deleted from default namespace\n'),
    ("delete ns default -o name", "namespace/default\n"),
    ("delete pod zz --ignore-not-found", ""),
    ("scale deploy/web --replicas=5", "deployment.apps/web scaled\n"),
    ("set image deploy/web c=i:9", "deployment.apps/web image updated\n"),
    ("set image deploy/web c=i:1", ""),
    ("rollout status deploy/web", 'deployment "web" successfully rolled out\n'),
    ("rollout history deploy/web", "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"),
    ("rollout undo deploy/web", "deployment.apps/web rolled back\n"),
    ("rollout undo deploy/web --to-revision=2", "deployment.apps/web skipped rollback (current template already matches revision 2)\n"),
    ("rollout restart deploy/web", "deployment.apps/web restarted\n"),
    ("rollout pause deploy/web", "deployment.apps/web paused\n"),
    ("label pod a k=v", "pod/a labeled\n"), ("annotate pod a k=v", "pod/a annotated\n"), ("cordon n1", "node/n1 cordoned\n"),
    ("taint node n1 k=v:NoSchedule", "node/n1 tainted\n"), ("patch pod a -p '{\"metadata\":{\"labels\":{\"k\":\"v\"}}}'", "pod/a patched\n"),
    ("wait --for=condition=Ready pod/a", "pod/a condition met\n"), ("create ns new", "namespace/new created\n"),
    ("create deployment new --image=i --dry-run=client", "deployment.apps/new created (dry run)\n"),
    ("run new --image=i", "pod/new created\n"), ("expose deploy web --port=80 --name=w", "service/w exposed\n"),
    ("api-versions", "apps/v1\ncoordination.k8s.io/v1\ndiscovery.k8s.io/v1\nexample.com/v1\nv1\n"),
], ids=str)
def test_success_prints(kubectl: Kubectl, line: str, out: str) -> None:
    ran = kubectl(line)
    assert (ran.out, ran.code) == (out, 0), ran.err


@pytest.mark.parametrize(("line", "err"), [
    ("get pods zz", 'Error from server (NotFound): pods "zz" not found\n'),
    ("get foo", 'error: the server doesn\'t have a resource type "foo"\n'),
    ("get pods --foo", "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n"),
    ("get po a b/c", "error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form "
                     "(e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'\n"),
    ("get pods a -l x=y", "error: name cannot be provided when a selector is specified\n"),
    ("get pods a -A", "error: a resource cannot be retrieved by name across all namespaces\n"),
    ("delete pods", "error: resource(s) were provided, but no name was specified\n"),
    ("delete pod zz", 'Error from server (NotFound): pods "zz" not found\n'),
    ("apply -f nope.yaml", 'error: the path "nope.yaml" does not exist\n'),
    ("apply", "error: must specify one of -f and -k\n"),
    ("scale deploy/web --replicas=1 --current-replicas=9", "error: Expected replicas to be 9, was 2\n"),
    ("scale deploy/web", 'error: required flag(s) "replicas" not set\n'),
    ("set image deploy/web nope=i", 'error: unable to find container named "nope"\n'),
    ("rollout undo deploy/web --to-revision=9", "error: unable to find specified revision 9 in history\n"),
    ("rollout status pod/a", "error: no status viewer has been implemented for Pod\n"),
    ("rollout foo", "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples\n"),
    ("logs zz", 'error: error from server (NotFound): pods "zz" not found in namespace "default"\n'),
    ("logs a -c nope", "error: container nope is not valid for pod a\n"),
    ("exec a", "error: you must specify at least one command for the container\n"),
    ("label pod a app=other", "error: 'app' already has a value (web), and --overwrite is false\n"),
    ("wait --for=condition=Nope pod/a --timeout=0", "error: condition not met for pods/a\n"),
    ("frobnicate", "error: flags cannot be placed before plugin name: -s\n"),
], ids=str)
def test_failure_says_why(kubectl: Kubectl, line: str, err: str) -> None:
    ran = kubectl(line)
    if "status viewer" in err:
        assert ran.code == 1 and "no status viewer has been implemented for" in ran.err
    else:
        assert (ran.err, ran.code) == (err, 1)


def test_one_missing_object_does_not_hide_the_others(kubectl: Kubectl) -> None:
    ran = kubectl("get pods a zz")
    assert (ran.out, ran.err, ran.code) == ("NAME   PHASE     AGE\na      Running   5d\n", 'Error from server (NotFound): pods "zz" not found\n', 1)


@pytest.mark.parametrize(("line", "err"), [("get pods -n empty", "No resources found in empty namespace.\n"),
                                           ("get widgets -A", "No resources found\n")])
def test_nothing_found_is_said_and_is_no_failure(kubectl: Kubectl, line: str, err: str) -> None:
    ran = kubectl(line)
    assert (ran.out, ran.err, ran.code) == ("", err, 0)


def test_a_server_that_is_not_there_is_named(kubectl: Kubectl) -> None:
    ran = kubectl("-s https://127.0.0.1:1 get pods")
    assert ran.err == "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n" and ran.code == 1


def manifest(path: Path, *documents: dict[str, Any]) -> Path:
    path.write_text("\n---\n".join(json.dumps(document) for document in documents))
    return path


def test_apply_creates_then_leaves_then_changes(kubectl: Kubectl, fake: FakeServer, tmp_path: Path) -> None:
    new = a_config_map("new", a="1", b="2")
    file = manifest(tmp_path / "f.json", new)
    assert kubectl(f"apply -f {file}").out == "configmap/new created\n"
    assert kubectl(f"apply -f {file}").out == "configmap/new unchanged\n"
    manifest(file, a_config_map("new", a="9"))
    assert kubectl(f"apply -f {file}").out == "configmap/new configured\n"
    assert fake.objects["", "configmaps", "default", "new"]["data"] == {"a": "9"}


def test_apply_keeps_what_others_set(kubectl: Kubectl, fake: FakeServer, tmp_path: Path) -> None:
    deployment = a_deployment("other")
    del deployment["status"], deployment["metadata"]["uid"], deployment["metadata"]["generation"]
    file = manifest(tmp_path / "f.json", deployment)
    kubectl(f"apply -f {file}")
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "s"}]}}}}
    kubectl(f"patch deploy other -p '{json.dumps(sidecar)}'")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    manifest(file, deployment)
    assert kubectl(f"apply -f {file}").out == "deployment.apps/other configured\n"
    containers = fake.objects["apps", "deployments", "default", "other"]["spec"]["template"]["spec"]["containers"]
    assert {container["name"]: container["image"] for container in containers} == {"c": "i:2", "sidecar": "s"}


def test_apply_warns_where_the_object_was_made_otherwise(kubectl: Kubectl, tmp_path: Path) -> None:
    ran = kubectl(f"apply -f {manifest(tmp_path / 'f.json', a_config_map(a='2'))}")
    assert ran.out == "configmap/cm configured\n" and ran.err.startswith("Warning: resource configmaps/cm is missing the kubectl.kubernetes.io/")


def test_apply_goes_on_after_a_refused_object(kubectl: Kubectl, fake: FakeServer, tmp_path: Path) -> None:
    fake.failures["POST /api/v1/namespaces/default/configmaps"] = status(400, "BadRequest", "no")
    ran = kubectl(f"apply -f {manifest(tmp_path / 'f.json', a_config_map('new'), a_pod('q'))}")
    assert ran.out == "pod/q created\n"
    assert ran.err == f'Error from server (BadRequest): error when creating "{tmp_path / "f.json"}": no\n' and ran.code == 1


@pytest.mark.parametrize(("line", "is_sent"), [("--dry-run=client", False), ("--dry-run=server", True)], ids=str)
def test_a_dry_run_stores_nothing(kubectl: Kubectl, fake: FakeServer, tmp_path: Path, line: str, is_sent: bool) -> None:
    ran = kubectl(f"apply {line} -f {manifest(tmp_path / 'f.json', a_config_map('new'))}")
    assert ran.out == f"configmap/new created ({line.removeprefix('--dry-run=').replace('client', '').strip()}{' ' * is_sent}dry run)\n"
    assert ("", "configmaps", "default", "new") not in fake.objects and bool(fake.writes()) == is_sent


@pytest.mark.parametrize(("text", "err"), [
    ("a: b\n c: d\n", "error: error parsing {path}: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context\n"),
    ("kind: Foo\napiVersion: v9\nmetadata: {name: x}\n",
     'error: resource mapping not found for name: "x" namespace: "" from "{path}": no matches for kind "Foo" in version "v9"\nensure CRDs are installed first\n'),
    ("metadata: {name: x}\n", 'error: error validating "{path}": error validating data: [apiVersion not set, kind not set]; if you choose to ignore '
                              "these errors, turn validation off with --validate=false\n"),
    ("\n", "error: no objects passed to apply\n"),
    ("kind: List\napiVersion: v1\nitems: [1]\n", 'error: error validating "{path}": error validating data: invalid object to validate; if you choose to '
                                                 "ignore these errors, turn validation off with --validate=false\n"),
    ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: [a]}\n",
     'error: unable to decode "{path}": json: cannot unmarshal array into Go struct field ObjectMeta.metadata.name of type string\n'),
    ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: y}\n",
     'error: unable to decode "{path}": json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string\n'),
    ("kind: [a]\napiVersion: v1\n", 'error: unable to decode "{path}": json: cannot unmarshal array into Go struct field .kind of type string\n'),
], ids=repr)
def test_manifests_that_cannot_be_read_are_named(kubectl: Kubectl, tmp_path: Path, text: str, err: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    ran = kubectl(f"apply -f {tmp_path / 'f.yaml'}")
    assert (ran.err, ran.code) == (err.replace("{path}", str(tmp_path / "f.yaml")), 1)


@pytest.mark.parametrize("line", ["get pod \udcff\udcfe", "annotate pod a k=\udcff"])
def test_arguments_that_are_no_text_are_the_server_s_to_judge(kubectl: Kubectl, line: str) -> None:
    assert "Traceback" not in kubectl(line).err


def test_a_token_of_two_lines_is_not_sent(kubectl: Kubectl) -> None:
    ran = kubectl("--token 'a\nX-Remote-User: b' get pods")
    assert (ran.err, ran.code) == ('error: net/http: invalid header field value for "Authorization"\n', 1)


def test_directories_and_lists_are_taken_apart(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    manifest(tmp_path / "dir" / "a.json", {"apiVersion": "v1", "kind": "List", "items": [a_config_map("one"), a_config_map("two")]})
    manifest(tmp_path / "dir" / "sub" / "b.yaml", a_config_map("three"))
    (tmp_path / "dir" / "notes.txt").write_text("not: yaml: at all")
    assert kubectl(f"create -f {tmp_path / 'dir'} --dry-run=client -o name").out == "configmap/one\nconfigmap/two\n"
    assert kubectl(f"create -R -f {tmp_path / 'dir'} --dry-run=client -o name").out == "configmap/one\nconfigmap/two\nconfigmap/three\n"


def test_a_watch_shows_what_is_there_and_what_changes(kubectl: Kubectl, fake: FakeServer) -> None:
    before = fake.revision
    fake.add(a_pod("late"))
    for index in range(len(fake.history)):
        if fake.history[index][0] > before:
            fake.history[index] = (fake.revision + 1, *fake.history[index][1:])
    assert kubectl("get pods late -w").out.splitlines() == ["NAME   PHASE     AGE", "late   Running   5d", "late   Running   5d"]


def test_logs_are_copied_and_prefixed(kubectl: Kubectl, fake: FakeServer) -> None:
    fake.logs["a", "c"] = b"one\ntwo\nthree"
    assert kubectl("logs a").out == "one\ntwo\nthree"
    assert kubectl("logs a --tail=1 --prefix").out == "[pod/a/c] three"


def test_logs_of_a_workload_name_the_pod(kubectl: Kubectl, fake: FakeServer) -> None:
    fake.logs["a", "c"] = b"x\n"
    ran = kubectl("logs deploy/web")
    assert (ran.out, ran.err) == ("x\n", "Found 2 pods, using pod/a\n")


@pytest.mark.parametrize("subprotocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_exec_prints_the_output(kubectl: Kubectl, fake: FakeServer, subprotocol: str) -> None:
    fake.subprotocol = subprotocol
    assert kubectl("exec a -- echo hello world") == (0, "echo hello world\n", "")


def test_exec_exits_as_the_process(kubectl: Kubectl, fake: FakeServer) -> None:
    fake.exits["a"] = (b"", 3)
    assert kubectl("exec a -- sh") == (3, "", "command terminated with exit code 3\n")


def test_exec_carries_megabytes_out(kubectl: Kubectl, fake: FakeServer) -> None:
    fake.exits["a"] = (b"x" * 3_000_000, 0)
    assert len(kubectl("exec a -- cat").out) == 3_000_000


def test_exec_passes_standard_input_on(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    saved = os.dup(0)
    os.dup2(reader, 0)
    try:
        assert kubectl("exec -i a -- cat").out == "typedcat\n"
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reader)


def test_manifests_come_from_standard_input(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(a_config_map("piped"))))
    assert kubectl("apply -f -").out == "configmap/piped created\n"


def test_discovery_is_kept_and_asked_again_for_unknown_names(kubectl: Kubectl, fake: FakeServer) -> None:
    kubectl("get pods")
    fake.requests.clear()
    kubectl("get pods")
    assert [path for _, path, _ in fake.requests] == ["/api/v1/namespaces/default/pods"]
    fake.requests.clear()
    kubectl("get nope")
    assert [path for _, path, _ in fake.requests] == ["/api", "/apis"]


def test_a_node_is_described_with_what_its_pods_ask_for(kubectl: Kubectl) -> None:
    out = kubectl("describe node n1").out
    assert "Non-terminated Pods:          (3 in total)\n" in out
    assert "  default                     a               0 (0%)        1 (25%)     0 (0%)           1Gi (12%)" in out
    assert "  memory             0 (0%)    3Gi (37%)\n" in out


def test_a_pod_is_described_with_its_events(kubectl: Kubectl) -> None:
    out = kubectl("describe pod a").out
    assert "    State:          Running\n      Started:      Mon, 01 Jan 2024 00:00:00 +0000\n" in out
    assert "Tolerations:     k:NoExecute op=Exists for 300s\n" in out
    assert out.splitlines()[-1].split()[:2] == ["Normal", "Started"] and "(x3 over" in out


def test_config_keeps_what_it_is_told(kubectl: Kubectl, tmp_path: Path) -> None:
    config = Path(os.environ["KUBECONFIG"])
    for line, out in (("set-cluster c --server=https://1.2.3.4", 'Cluster "c" set.'), ("set-credentials u --token=t", 'User "u" set.'),
                      ("set-context x --cluster=c --user=u --namespace=n", 'Context "x" created.'), ("use-context x", 'Switched to context "x".'),
                      ("set-context --current --namespace=m", 'Context "x" modified.'), ("current-context", "x")):
        words = line.replace("--server=https://1.2.3.4", "-s https://1.2.3.4")
        ran = kubectl(f"config {words}")
        assert ran.out == f"{out}\n", ran.err
    assert "namespace: m" in config.read_text() and oct(config.stat().st_mode & 0o777) == "0o600"
    assert "token: REDACTED" in kubectl("config view").out
    assert kubectl("config delete-context x").out == f"deleted context x from {config}\n"


@pytest.mark.parametrize(("conflicts", "code"), [(0, 0), (4, 0), (5, 1)])
def test_a_checked_scale_looks_again_when_somebody_wrote_in_between(fake: FakeServer, kubectl: Kubectl, conflicts: int, code: int) -> None:
    fake.conflicts = conflicts
    assert kubectl("scale deploy/web --replicas=1 --current-replicas=2").code == code
    assert [verb for verb, path in fake.writes() if path.endswith("/scale")] == ["PUT"] * min(conflicts + 1, 5)
