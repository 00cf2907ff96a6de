"""kustomize's build: names, references and hashes, as upstream makes them of the same files."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubectl.errors import CommandError
from kubectl.kustomize.build import build
from tests.integration.kubectl.kustomizations import FILES
from tests.unit.kubectl.conftest import Kubectl
from tests.unit.kubectl.fakeserver import FakeServer


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _built(directory: Path) -> dict[str, Any]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in build(str(directory))}


def test_generated_names_end_in_upstream_s_hash(files: Path) -> None:
    names = {name for name in _built(files / "over") if name.startswith(("ConfigMap", "Secret"))}
    assert names == {"ConfigMap/pre-conf-suf-6t6mttgk9b", "ConfigMap/pre-envs-suf-992hg2799m", "ConfigMap/pre-nohash-suf", "Secret/pre-sec-suf-hb2dth72f6"}


def test_who_names_a_renamed_resource_follows(files: Path) -> None:
    found = _built(files / "over")
    pod = found["Deployment/pre-web-suf"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "pre-acct-suf"
    assert pod["volumes"][0]["configMap"]["name"] == "pre-conf-suf-6t6mttgk9b"
    assert found["ClusterRoleBinding/pre-crb-suf"]["subjects"] == [{"kind": "ServiceAccount", "name": "pre-acct-suf", "namespace": "prod"}]
    assert found["HorizontalPodAutoscaler/pre-h-suf"]["spec"]["scaleTargetRef"]["name"] == "pre-web-suf"


def test_a_build_is_in_the_order_to_apply_it(files: Path) -> None:
    kinds = [each["kind"] for each in build(str(files / "over"))]
    assert kinds[:4] == ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"] and kinds.index("Service") < kinds.index("Deployment")


@pytest.mark.parametrize(("text", "message"), [
    ("", "kustomization.yaml is empty"), ("foo: 1", 'unknown field "foo"'), ("resources: [nope.yaml]", "no such file or directory"),
    ("resources: [../outside.yaml]", "security; file"), ("resources: ['https://example.com/x']", "not supported by this kubectl"),
    ("resources: [../x]", "cycle detected"), ("helmCharts: [{name: x}]", "'helmCharts'"), ("namePrefix: x\npatches: [{path: p, patch: q}]", "can't be set at the same time"),
    ("configMapGenerator: [{name: a, behavior: merge}]", "does not exist; cannot merge or replace"),
], ids=str)
def test_a_wrong_kustomization_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "outside.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    (tmp_path / "x" / "kustomization.yaml").write_text(text)
    with pytest.raises(CommandError) as caught:
        build(str(tmp_path / "x"))
    assert message in caught.value.message


def test_apply_takes_what_k_builds(kubectl: Kubectl, fake: FakeServer, files: Path) -> None:
    assert kubectl("apply -k small").out == "configmap/k-cm created\nconfigmap/k-made-h29d89cmmt created\n"
    assert fake.objects["", "configmaps", "default", "k-cm"]["metadata"]["labels"] == {"kustomized": "yes"}
