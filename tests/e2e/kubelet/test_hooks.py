"""postStart and preStop: when they run, what their failure does, and what they are told of."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kubelet.place import Place, can_run_pods, container, shell, sleeper
from tests.e2e.kubelet.test_lives import codes, seen

pytestmark = can_run_pods
Document = dict[str, Any]
NOTING = "trap 'echo term >> /v/order; exit 0' TERM; while :; do sleep 0.05; done"


def noting(name: str = "main", script: str = NOTING, **fields: Any) -> Document:
    return shell(script, name, volumeMounts=[{"name": "v", "mountPath": "/v"}], **fields)


def run_command(text: str) -> Document:
    return {"exec": {"command": ["sh", "-c", text]}}


def directory(place: Place) -> Path:
    return place.node_directory / place.namespace


def volume(place: Place) -> list[Document]:
    return [{"name": "v", "hostPath": {"path": str(directory(place)), "type": "DirectoryOrCreate"}}]


def order(place: Place) -> list[str]:
    return (directory(place) / "order").read_text().split()


def waiting(pod: Document) -> Document:
    (status,) = pod["status"].get("containerStatuses", [{}])
    return dict(status.get("state", {}).get("waiting") or {})


def test_a_container_s_post_start_is_over_before_the_next_one_starts(place: Place) -> None:
    first = noting("first", lifecycle={"postStart": run_command("sleep 0.5; echo hook >> /v/order")})
    has_noted = {"postStart": run_command("until grep -q second /v/order; do sleep 0.1; done")}      # Running may be told before it has
    second = noting("second", f"echo second >> /v/order; {NOTING}", lifecycle=has_noted)
    place.running("p", first, second, volumes=volume(place))
    assert order(place) == ["hook", "second"]


@pytest.mark.parametrize(("hook", "message"), [
    pytest.param(run_command("echo no; exit 3"), "exited with 3", id="exec"),
    pytest.param({"httpGet": {"port": 1, "path": "/x"}}, "HTTP lifecycle hook (/x)", id="httpGet"),
    pytest.param({"tcpSocket": {"port": 8080}}, "invalid handler", id="tcpSocket"),
])
def test_a_failing_post_start_kills_the_container(place: Place, hook: Document, message: str) -> None:
    place.pod("p", sleeper(lifecycle={"postStart": hook}))
    place.until_event("FailedPostStartHook", "PostStartHook failed")
    place.until_event("Killing", "FailedPostStartHook")
    pod = place.until("p", lambda pod: waiting(pod).get("reason") in ("PostStartHookError", "CrashLoopBackOff"))
    if waiting(pod)["reason"] == "PostStartHookError":
        assert message in waiting(pod)["message"]
    place.until("p", lambda pod: pod["status"]["containerStatuses"][0]["restartCount"] >= 1)


def test_post_start_may_sleep_or_ask_the_container_itself(place: Place) -> None:
    web = container("web", lifecycle={"postStart": {"sleep": {"seconds": 1}}})
    # A page that the server does not have is no failure: it was asked.
    place.running("p", web, sleeper("asks", lifecycle={"postStart": {"httpGet": {"port": 8080, "path": "/not-there"}}}))


def test_pre_stop_ends_before_the_signal(place: Place) -> None:
    place.running("p", noting(lifecycle={"preStop": run_command("sleep 0.3; echo hook >> /v/order")}), volumes=volume(place),
                  terminationGracePeriodSeconds=20)
    place.cluster.request("DELETE", f"{place.pods}/p")
    place.wait_gone("p")
    assert order(place) == ["hook", "term"]


def test_pre_stop_counts_into_the_grace_period(place: Place) -> None:
    place.running("p", shell("trap 'sleep 60' TERM; while :; do sleep 0.1; done", lifecycle={"preStop": run_command("sleep 1000")}),
                  terminationGracePeriodSeconds=2)
    with seen(place) as until_gone:
        place.cluster.request("DELETE", f"{place.pods}/p")
        assert codes(until_gone()[-1]) == {"main": 137}


@pytest.mark.parametrize("hook", [
    pytest.param(run_command("exit 1"), id="exec"), pytest.param({"httpGet": {"port": 1}}, id="httpGet"),
    pytest.param({"tcpSocket": {"port": 8080}}, id="tcpSocket"),
])
def test_a_failing_pre_stop_is_told_and_the_container_ends_all_the_same(place: Place, hook: Document) -> None:
    place.running("p", shell("trap 'exit 5' TERM; while :; do sleep 0.05; done", lifecycle={"preStop": hook}), terminationGracePeriodSeconds=20)
    with seen(place) as until_gone:
        place.cluster.request("DELETE", f"{place.pods}/p")
        assert codes(until_gone()[-1]) == {"main": 5}
    place.until_event("FailedPreStopHook", "PreStopHook failed")


def test_pre_stop_may_sleep(place: Place) -> None:
    place.running("p", noting(lifecycle={"preStop": {"sleep": {"seconds": 1}}}), volumes=volume(place), terminationGracePeriodSeconds=20)
    place.cluster.request("DELETE", f"{place.pods}/p")
    place.wait_gone("p")
    assert order(place) == ["term"]


@pytest.mark.parametrize(("lifecycle", "code"), [
    pytest.param({}, 1, id="TERM-by-default"), pytest.param({"stopSignal": "SIGUSR1"}, 2, id="its-own"),
])
def test_the_signal_that_ends_a_container(place: Place, lifecycle: Document, code: int) -> None:
    main = {**shell("trap 'exit 1' TERM; trap 'exit 2' USR1; while :; do sleep 0.05; done"), **({"lifecycle": lifecycle} if lifecycle else {})}
    pod = place.running("p", main, os={"name": "linux"}, terminationGracePeriodSeconds=20)
    assert pod["status"]["containerStatuses"][0].get("stopSignal") == (lifecycle.get("stopSignal") or "SIGTERM")
    with seen(place) as until_gone:
        place.cluster.request("DELETE", f"{place.pods}/p")
        assert codes(until_gone()[-1]) == {"main": code}


