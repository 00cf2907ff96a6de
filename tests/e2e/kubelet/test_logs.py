"""Logs: where they lie, how they are rotated, and what of them is shown."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kubelet.place import LOG_BYTES, LOG_FILES, Place, can_run_pods, has_kubectl, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
LINES = 8000                                # of them a log of that size holds a part
WRITES = f"i=0; while [ $i -lt {LINES} ]; do echo line-$i; i=$((i+1)); done"


def shown(place: Place, query: str = "", name: str = "p") -> str:
    code, answer = place.cluster.request("GET", f"{place.pods}/{name}/log?{query}")
    assert code == 200, answer
    return str(answer["text"])


def files(place: Place, pod: Document, container: str = "main") -> list[Path]:
    metadata = pod["metadata"]
    return sorted((place.log_links / "pods" / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}" / container).iterdir())


def test_they_are_found_where_collectors_look(place: Place) -> None:
    pod = place.running("p", shell("echo hello; trap exit TERM; while :; do sleep 0.1; done"))
    assert [one.name for one in files(place, pod)] == ["0.log"]
    identity = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    link = place.log_links / "containers" / f"p_{place.namespace}_main-{identity}.log"
    time, stream, tag, text = link.read_text().rstrip().split(" ", 3)
    assert (time[-1], stream, tag, text) == ("Z", "stdout", "F", "hello")
    place.delete_all()
    assert not link.is_symlink()
    assert not [one for one in (place.log_links / "pods").iterdir() if one.name.startswith(f"{place.namespace}_")]


def test_they_are_rotated_by_size_and_count(place: Place) -> None:
    pod = place.ended("p", shell(WRITES))
    found = files(place, pod)
    assert len(found) == LOG_FILES and all(one.stat().st_size < 2 * LOG_BYTES for one in found)
    lines = shown(place).splitlines()
    assert lines == [f"line-{number}" for number in range(LINES - len(lines), LINES)] and len(lines) < LINES
    assert len(lines) > LOG_BYTES * (LOG_FILES - 1) // 60, "what is in the older files is shown too"


def test_the_last_lines_reach_into_older_files(place: Place) -> None:
    place.ended("p", shell(WRITES))
    for count in (0, 1, 10, 2000):
        assert shown(place, f"tailLines={count}").splitlines() == [f"line-{number}" for number in range(LINES - count, LINES)]


def test_following_goes_on_over_rotations(place: Place) -> None:
    place.pod("p", shell("while [ ! -e /dev/shm/go ]; do sleep 0.05; done; i=0; while [ $i -lt 4000 ]; do echo line-$i; i=$((i+1)); "
                         "[ $((i % 500)) -ne 0 ] || sleep 0.2; done"), restartPolicy="Never")
    place.until("p", lambda pod: pod["status"]["phase"] == "Running")
    place.exec("p", "touch", "/dev/shm/go")
    lines = shown(place, "follow=true").splitlines()
    assert lines == [f"line-{number}" for number in range(4000)]


def test_those_of_the_previous_attempt_after_rotation(place: Place) -> None:
    place.pod("p", shell(f"[ -e /dev/shm/again ] && {{ echo second; trap exit TERM; while :; do sleep 0.1; done; }}; touch /dev/shm/again; {WRITES}"))
    pod = place.until("p", lambda pod: pod["status"].get("containerStatuses", [{}])[0].get("restartCount") == 1
                      and "running" in pod["status"]["containerStatuses"][0]["state"])
    assert shown(place, "previous=true").splitlines()[-1] == f"line-{LINES - 1}"
    assert shown(place) in ("second\n", "")
    assert {one.name.partition(".")[0] for one in files(place, pod)} == {"0", "1"}


def test_only_the_newest_two_attempts_are_kept(place: Place) -> None:
    place.pod("p", shell("echo one; exit 1"))
    pod = place.until("p", lambda pod: pod["status"].get("containerStatuses", [{}])[0].get("restartCount", 0) >= 2)
    count = pod["status"]["containerStatuses"][0]["restartCount"]
    assert {f"{count}.log"} <= {one.name for one in files(place, pod)} <= {f"{count - 1}.log", f"{count}.log"}


def test_nothing_is_shown_of_a_previous_attempt_where_there_is_none(place: Place) -> None:
    place.running("p", sleeper())
    code, answer = place.cluster.request("GET", f"{place.pods}/p/log?previous=true")
    assert (code, answer["message"]) == (400, 'previous terminated container "main" in pod "p" not found')


@pytest.mark.parametrize(("query", "expected"), [
    pytest.param("limitBytes=10", "line-0\nlin", id="limit"), pytest.param("limitBytes=10&tailLines=1", "line-99\n", id="limit-of-the-tail"),
    pytest.param("sinceTime=2100-01-01T00:00:00Z", "", id="since-later"), pytest.param("sinceSeconds=3600&tailLines=1", "line-99\n", id="since-earlier"),
])
def test_parts(place: Place, query: str, expected: str) -> None:
    place.ended("p", shell("i=0; while [ $i -lt 100 ]; do echo line-$i; i=$((i+1)); done"))
    assert shown(place, query) == expected


@has_kubectl
def test_kubectl_logs(place: Place) -> None:
    place.ended("p", shell("echo first; sleep 2; echo second; echo third"))
    times = [line.split(" ")[0] for line in place.kubectl("logs", "p", "--timestamps").stdout.splitlines()]
    assert place.kubectl("logs", "p", f"--since-time={times[1]}").stdout == "second\nthird\n"
    assert place.kubectl("logs", "p", "--tail=1").stdout == "third\n"
    assert place.kubectl("logs", "p", "--limit-bytes=5").stdout == "first"
    assert place.kubectl("logs", "p", "--since=1h", "--prefix").stdout.splitlines()[0] == "[pod/p/main] first"
