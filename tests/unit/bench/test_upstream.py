"""What `make bench UPSTREAM=DIR` asks of upstream's programs, and what it says where they are missing."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.__main__ import by_component, compared
from bench.report import NOT_FOUND, print_table, write_json
from bench.upstream import Plan, Upstream, found_in

# From hack/local-up-cluster.sh of Kubernetes 1.35, where each is passed; those marked "reference" from the pages that the programs print
# of themselves (kubernetes.io, Reference, Component tools).
CLIENT_FLAGS = {"--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig", "--leader-elect", "--cert-dir",
                "--bind-address", "--secure-port"}                  # the last two: reference
FLAGS = {
    "apiserver": {
        "--etcd-servers", "--secure-port", "--bind-address", "--advertise-address", "--tls-cert-file", "--tls-private-key-file", "--client-ca-file",
        "--service-account-issuer", "--service-account-key-file", "--service-account-signing-key-file", "--service-cluster-ip-range",
        "--authorization-mode", "--kubelet-client-certificate", "--kubelet-client-key", "--endpoint-reconciler-type"},      # the last: reference
    "controller_manager": {
        *CLIENT_FLAGS, "--root-ca-file", "--service-account-private-key-file", "--cluster-signing-cert-file", "--cluster-signing-key-file",
        "--service-cluster-ip-range", "--use-service-account-credentials", "--cluster-cidr", "--allocate-node-cidrs"},      # the last two: reference
    "scheduler": CLIENT_FLAGS,
}
ABOUT = {"cores": 4.0, "load": 0.0, "calibration": 20.0}


@pytest.mark.parametrize("component", FLAGS)
def test_only_flags_that_upstream_has_are_passed(component: str, tmp_path: Path) -> None:
    arguments = getattr(Plan(tmp_path, 1, 2, 3, 4, 5, 6), component)()
    names = [argument.partition("=")[0] for argument in arguments]
    assert set(names) <= FLAGS[component]
    assert len(names) == len(set(names))


def test_every_file_that_a_flag_names_is_there(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 1, 2, 3, 4, 5, 6)
    named = {Path(value) for argument in (*plan.apiserver(), *plan.controller_manager(), *plan.scheduler())
             for name, _, value in (argument.partition("="),) if name.endswith(("-file", "kubeconfig", "certificate", "-key"))}
    assert len(named) == 9
    assert [path for path in named if not path.is_file()] == []


def test_rows_of_a_component_that_is_not_there_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An API server alone would measure some rows; here there is but a scheduler, so nothing is started at all."""
    (tmp_path / "kube-scheduler").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "kube-scheduler").chmod(0o755)
    (tmp_path / "kube-apiserver").write_text("no program\n")
    upstream = Upstream(found_in(tmp_path), {})
    assert set(upstream.binaries) == {"kube-scheduler"}
    found = compared(upstream, ["start", "memory", "scheduler"])
    assert found == dict.fromkeys(("start", "start_account", "idle_memory", "idle_cpu", "object_memory"), NOT_FOUND)
    assert "start is not measured of upstream: there is no kube-apiserver, kube-controller-manager" in capsys.readouterr().err


def test_the_table_stands_beside_what_was_measured_else_beside_what_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(ABOUT, {"get": 8000, "post": 1000, "patch": 700}, {"get": 4000, "post": NOT_FOUND})
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(("GET", "POST", "PATCH"))]
    assert [line[-3:] for line in lines] == [["4,000", "2.00", "/s"], ["not", "found", "/s"], ["1,459", "0.48", "/s"]]


def test_results_for_machines_hold_both_and_the_ratio(tmp_path: Path) -> None:
    write_json(tmp_path / "out.json", ABOUT, {"get": 8000, "start": 1.0}, {"get": 4000, "start": 4.0, "post": NOT_FOUND})
    rows = json.loads((tmp_path / "out.json").read_text())["figures"]
    assert {key: (row["value"], row["upstream"], row["ratio"]) for key, row in rows.items()} == {
        "get": (8000, 4000, 2.0), "start": (1.0, 4.0, 4.0), "post": (None, NOT_FOUND, None)}


def test_more_arguments_go_to_their_component() -> None:
    given = [("kube-scheduler", "--v=2"), ("kube-apiserver", "--v=1"), ("kube-scheduler", "--kube-api-qps=5000")]
    assert by_component(given) == {"kube-scheduler": ["--v=2", "--kube-api-qps=5000"], "kube-apiserver": ["--v=1"]}
