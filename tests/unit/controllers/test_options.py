"""The controller manager's command line: upstream's names, defaults and durations."""
from __future__ import annotations

import pytest

from controllers.options import Options, parse


def test_defaults_are_upstream_s() -> None:
    found = parse(["--kubeconfig", "k"])
    assert found == Options("k")
    assert (found.node_monitor_period, found.node_monitor_grace_period, found.node_startup_grace_period) == (5, 40, 60)
    assert (found.node_eviction_rate, found.secondary_node_eviction_rate) == (0.1, 0.01)
    assert (found.unhealthy_zone_threshold, found.large_cluster_size_threshold) == (0.55, 50)


@pytest.mark.parametrize(("argument", "name", "expected"), [
    pytest.param("--node-monitor-grace-period=1m30s", "node_monitor_grace_period", 90.0, id="minutes and seconds"),
    pytest.param("--node-monitor-period=500ms", "node_monitor_period", 0.5, id="milliseconds"),
    pytest.param("--endpoint-updates-batch-period=0", "endpoint_updates_batch_period", 0.0, id="nothing"),
    pytest.param("--cluster-cidr=10.0.0.0/16", "cluster_cidr", "10.0.0.0/16", id="a network"),
    pytest.param("--leader-elect=false", "leader_elect", False, id="a boolean"),
])
def test_what_an_argument_means(argument: str, name: str, expected: object) -> None:
    assert getattr(parse(["--kubeconfig=k", argument]), name) == expected


@pytest.mark.parametrize(("argument", "told"), [
    pytest.param("--node-monitor-period=5", "missing unit in duration", id="a duration without a unit"),
    pytest.param("--node-monitor-period=0s", "must be greater than 0", id="no time at all"),
    pytest.param("--cluster-cidr=10.0.0.1/16", "has host bits set", id="an address, not a network"),
    pytest.param("--leader-elect=maybe", "neither true nor false", id="not a boolean"),
])
def test_what_cannot_be_read_is_named(argument: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--kubeconfig=k", argument])
    assert told in capsys.readouterr().err
