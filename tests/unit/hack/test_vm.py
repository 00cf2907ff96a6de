"""How `make test-vm` tells what happened in its machine, whatever happened there."""
from __future__ import annotations

from pathlib import Path

import pytest

from hack.vm import guest, machine, main


@pytest.mark.parametrize(("script", "code"), [
    pytest.param("echo a test; echo 'exit code: 0'", 0, id="all-well"),
    pytest.param("printf 'a test\\r\\nexit code: 1\\r\\n'", 1, id="tests-failed"),
    pytest.param("echo panic", None, id="ended-without-a-word"),
])
def test_the_exit_code_is_what_the_machine_says_last(tmp_path: Path, script: str, code: int | None) -> None:
    assert machine.run(["sh", "-c", script], tmp_path, 60) == code


def test_a_machine_that_hangs_is_ended(tmp_path: Path) -> None:
    assert machine.run(["sleep", "1000"], tmp_path, 0) is None


@pytest.mark.parametrize(("arguments", "suites"), [
    pytest.param([], list(main.SUITES), id="all"),
    pytest.param(["-k", "oom"], list(main.SUITES), id="all-that-match"),
    pytest.param(["tests/e2e/kills"], ["tests/e2e/kills"], id="those-named"),
])
def test_arguments_go_to_pytest(arguments: list[str], suites: list[str]) -> None:
    words = main.guest_command(arguments, 900).split()
    assert [word for word in words if word.startswith("tests/")] == suites
    assert "-k" not in arguments or words[-2:] == arguments


def test_a_command_runs_instead_of_tests() -> None:
    assert main.guest_command(["-c", "uname -r; exit 3"], 900) == "uname -r; exit 3"


def test_the_unit_waits_for_the_port_it_writes_to() -> None:
    assert r"After=dev-virtio\x2dports-picokube.text.device" in guest.UNIT
