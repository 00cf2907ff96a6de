"""docker-compose.yml says what the components understand, and nobody may see more of the certificates than it needs."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import apiserver.options
import controllers.options
import kubelet.options
import scheduler.options

ROOT = Path(__file__).resolve().parents[3]
HA = {"etcd-2", "etcd-3", "apiserver-2", "controllers-2", "scheduler-2"}
PARSERS: dict[str, Callable[[Sequence[str]], object]] = {
    "apiserver": apiserver.options.parse, "controllers": controllers.options.parse, "scheduler": scheduler.options.parse}


def compose(**environment: str) -> dict[str, Any]:
    """The file with its variables filled in, as compose does."""
    def value(match: re.Match[str]) -> str:
        return environment.get(match[1], match[2])

    document: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+):-([^}]*)\}", value, (ROOT / "docker-compose.yml").read_text()))
    return document


SERVICES: dict[str, dict[str, Any]] = compose()["services"]


def test_the_profile_ha_adds_to_the_plain_cluster() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["ha"]} == HA
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == {
        "pki", "etcd-1", "apiserver", "balancer", "controllers", "scheduler", "node-1", "node-2", "node-3"}


@pytest.mark.parametrize("name", [name for name, one in SERVICES.items() if one.get("command", [])[2:3] and one["command"][2] in PARSERS])
def test_the_components_know_their_flags(name: str) -> None:
    module, *arguments = SERVICES[name]["command"][2:]
    assert PARSERS[module](arguments)


@pytest.mark.parametrize("name", ["node-1", "node-2", "node-3"])
def test_each_node_is_a_kubelet_with_a_name_and_an_address_of_its_own(name: str) -> None:
    service = SERVICES[name]
    command: list[str] = [*service["entrypoint"], *service["command"]]
    entry, arguments = command[0], command[1:]
    assert entry == "hack/compose/node"
    options = kubelet.options.parse(arguments)
    assert (options.node_name, service["hostname"]) == (name, name)
    assert options.node_ip == service["networks"]["cluster"]["ipv4_address"]
    assert f"--node={name}={options.node_ip}" in SERVICES["pki"]["command"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"pki"}))
def test_a_component_sees_its_own_certificates_only_and_cannot_change_them(name: str) -> None:
    mounts = [mount for mount in SERVICES[name]["volumes"] if mount.startswith("pki-")]
    assert len(mounts) == 1
    assert mounts[0].endswith(":/pki:ro")
    if name != "balancer":      # it needs the authority's certificate only, which everybody has
        assert mounts[0].startswith(f"pki-{name if name.startswith('node') else name.partition('-')[0]}:")


def test_the_authoritys_keys_are_seen_by_nobody_else() -> None:
    assert [name for name, one in SERVICES.items() if any(mount.startswith("pki-authority:") for mount in one["volumes"])] == ["pki"]


def test_every_volume_is_used_and_declared() -> None:
    used = {mount.partition(":")[0] for one in SERVICES.values() for mount in one["volumes"]}
    assert used == set(compose()["volumes"])


def test_every_name_that_components_use_is_the_containers_address() -> None:
    hosts = dict(one.split(":") for one in SERVICES["apiserver"]["extra_hosts"])
    assert {"balancer", "apiserver", "apiserver-2", "etcd-1", "etcd-2", "etcd-3"} == set(hosts)
    assert {name: SERVICES[name]["networks"]["cluster"]["ipv4_address"] for name in hosts} == hosts


def test_one_variable_moves_the_whole_network() -> None:
    moved = compose(PICOKUBE_NETWORK="10.1.2")
    assert moved["networks"]["cluster"]["ipam"]["config"][0]["subnet"] == "10.1.2.0/24"
    assert "10.189.77" not in yaml.safe_dump(moved)


def test_nothing_that_version_1_of_compose_rejects() -> None:
    assert not {"name", "include", "configs"} & set(compose())
    for service in SERVICES.values():
        assert not {"cgroup", "develop", "pull_policy"} & set(service)
        assert "start_interval" not in service.get("healthcheck", {})
        assert "required" not in str(service.get("depends_on"))


def test_the_image_has_no_more_than_it_needs() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept >= {"apiserver", "controllers", "scheduler", "kubelet", "kubectl", "kubeapi", "kubeclient", "picokube"}
    assert not {"tests", ".git", ".venv", "."} & kept
