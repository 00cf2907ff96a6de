"""Every command and flag that upstream's kubectl has, with the same short name and default, but for what is listed here.

upstream_surface.txt is upstream's help, written down; where upstream's kubectl is installed, it is compared with that.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl import main
from kubectl.command import Command

# What we do not have, or have otherwise, and why.
MISSING_COMMANDS: dict[str, str] = {}
MISSING_FLAGS: dict[tuple[str, str], str] = {}
OTHER_LETTERS = {("config set-cluster", "server"): "-s is the connection's here, too", ("config set-context", "namespace"): "-n is the connection's here, too"}
OTHER_DEFAULTS = {("create clusterrole", "aggregation-rule"): "upstream prints that of a map"}
OURS_ALONE = {("apply", "applyset"): "upstream hides it until an environment variable asks for it"}


class Surface(NamedTuple):
    aliases: frozenset[str]
    flags: dict[str, tuple[str, str]]             # name -> (letter, default as help prints it)


def written_down() -> tuple[set[str], dict[str, Surface]]:
    """(global flags, commands) of upstream."""
    lines = (Path(__file__).parent / "upstream_surface.txt").read_text().splitlines()
    known = lines[1].removeprefix(": ").split()
    return set(known), dict(_read(line) for line in lines[2:])


def _read(line: str) -> tuple[str, Surface]:
    head, _, tail = line.partition(":")
    name, _, aliases = head.rstrip(")").partition(" (")
    flags = {}
    for word in tail.split():
        flag, _, default = word.partition("=")
        letter, _, long = flag.rpartition(",")
        flags[long] = (letter.removeprefix("-"), default)
    return name, Surface(frozenset(aliases.split()), flags)


def ours() -> dict[str, Surface]:
    found: dict[str, Surface] = {}

    def walk(command: Command, name: str, aliases: frozenset[str]) -> None:
        found[name] = Surface(aliases, {flag.name: (flag.short, main.default_text(flag)) for flag in command.flags})
        names: dict[int, list[str]] = {}
        for word, each in command.subcommands.items():
            names.setdefault(id(each), []).append(word)
        for first, *others in names.values():
            walk(command.subcommands[first], f"{name} {first}", frozenset(others))
    for name, (module, _) in main.COMMANDS.items():
        walk(import_module(f"kubectl.commands.{module}").COMMANDS[name], name, frozenset())
    return found


GLOBAL, UPSTREAM = written_down()


def test_the_flags_of_all_commands_are_upstream_s() -> None:
    assert {flag.name for flag in main.GLOBAL_FLAGS} == GLOBAL


def test_every_command_is_there() -> None:
    assert set(UPSTREAM) - set(ours()) == set(MISSING_COMMANDS)


@pytest.mark.parametrize("name", UPSTREAM)
def test_a_command_has_upstream_s_flags(name: str) -> None:
    own, theirs = ours()[name], UPSTREAM[name]
    assert set(theirs.flags) - set(own.flags) == {flag for command, flag in MISSING_FLAGS if command == name}
    assert set(own.flags) - set(theirs.flags) == {flag for command, flag in OURS_ALONE if command == name}
    assert theirs.aliases <= own.aliases
    for flag, (letter, default) in theirs.flags.items():
        if flag in own.flags:
            if (name, flag) not in OTHER_LETTERS:
                assert own.flags[flag][0] == letter, flag
            if (name, flag) not in OTHER_DEFAULTS:
                assert own.flags[flag][1] == default, flag


PROGRAM = next((path for path in ("/usr/bin/kubectl", "/usr/local/bin/kubectl", "/snap/bin/kubectl") if shutil.which(path)), None)


@pytest.mark.upstream_kubectl
@pytest.mark.skipif(PROGRAM is None, reason="upstream's kubectl is not installed")
@pytest.mark.parametrize("name", ["get", "debug", "apply", "config set-credentials", "top node"])
def test_what_is_written_down_is_what_upstream_says(name: str, tmp_path: Path) -> None:
    text = subprocess.run([PROGRAM or "", *name.split(), "--help"], capture_output=True, text=True, check=True, timeout=30,
                          env={**os.environ, "KUBECONFIG": str(tmp_path / "none")}).stdout
    flags = {long: (letter, default) for letter, long, default in re.findall(r"^    (?:-(\w), )?--([\w-]+)=(.*):$", text.split("Options:\n")[-1], re.MULTILINE)}
    assert flags == UPSTREAM[name].flags
