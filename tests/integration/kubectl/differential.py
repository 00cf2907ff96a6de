"""Runs one command line with both kubectls against one cluster and says where they differ.

A scene is a list of lines that build on each other. Each side plays it in a namespace of its own (`a-SCENE` and `b-SCENE`),
so that neither sees what the other did. What must differ from object to object (uids, ages, random names) is made alike first.
"""
from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.integration.kubectl.differential_table import ALIKE, EDITORS, FILES, ONLY_EXIT_CODE, Scene

ROOT = Path(__file__).parents[3]
_CHANGING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"20\d\d-\d\d-\d\d[T ][\d:.]+ ?(Z|[-+]\d\d:?\d\d)( UTC)?", "TIME"), (r"\w{3}, \d\d \w{3} 20\d\d [\d:]{8} [-+]\d{4}", "DATE"),
    (r'(resourceVersion"?): ?"?\d+"?', r"\1: REVISION"), (r"\b100?\.\d+\.\d+\.\d+\b", "ADDRESS"), (r"\b(\d+m)?\d+(\.\d+)?(m|µ)?s\b", "AGE"),
    # 120 s are told as `2m`, which is a quantity elsewhere: the age of events, and of a row whose last column it is
    (r"(?<=over )\d+m(?=\))|^\d+m(?=[ \t])|(?<=[ \t])\d+m(?= \(x\d)", "AGE"), (r"^([^\n:]*\S[ \t]+)\d+m$", r"\1AGE"),
    (r"((?:Running|Pending|Ready[\w,]*)[ \t]+\S+[ \t]+)\d+m\b", r"\1AGE"), (r"(\d+/\d+[ \t]+\d+[ \t]+\d+[ \t]+)\d+m\b", r"\1AGE"),
    (r"-([a-z0-9]{8,10})-[a-z0-9]{5}\b", r"-\1-RANDOM"), (r"kube-api-access-[a-z0-9]{5}", "kube-api-access-RANDOM"), (r"hollow://\w+", "hollow://ID"), (r"/tmp/(LIVE|MERGED)-[\w]+", r"/tmp/\1-RANDOM"), (r"\b(web|ds|sts)-[a-z0-9]{5}\b", r"\1-RANDOM"),
    (r"/tmp/kubectl-edit-\w+\.(yaml|json)", "EDITED"), (r"\b(node-debugger-NODE|debugger)-[a-z0-9]{5}\b", r"\1-RANDOM"),
)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Stage(NamedTuple):
    """A cluster, where its kubeconfig lies, two of its nodes, and upstream's kubectl."""

    kubeconfig: str
    home: Path
    nodes: tuple[str, str]
    upstream: str

    def run(self, scene: str, side: int, line: str) -> Ran:
        """One line as side 0 (ours) or 1 (upstream's)."""
        namespace = f"{'ab'[side]}-{scene}"
        program = [sys.executable, "-m", "kubectl"] if side == 0 else [self.upstream]
        words = [word.replace("NAMESPACE", namespace).replace("NODE", self.nodes[side]) for word in shlex.split(line)]
        stdin = ""
        if "<" in words:
            at = words.index("<")
            stdin, words = (self.home / "ab"[side] / words[at + 1]).read_text(), words[:at]
        environment = {**os.environ, "KUBECONFIG": self.kubeconfig, "HOME": str(self.home / "ab"[side]), "TZ": "UTC", "PYTHONPATH": str(ROOT),
                       "PATH": f"{self.home / 'ab'[side]}/bin:{os.environ['PATH']}"}
        if words[0].startswith("EDITOR="):
            environment["KUBE_EDITOR"] = EDITORS.get(words[0][7:], words[0][7:])
            words = words[1:]
        directory = self.home / "ab"[side]
        command = [*program, "-n", namespace, *words] if words[0] != "--" else [*program, *words[1:]]
        try:
            done = subprocess.run(command, env=environment, cwd=directory, input=stdin, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            return Ran(-1, "", "did not end within 30 s")
        return Ran(done.returncode, done.stdout, done.stderr)

    def normal(self, text: str, scene: str) -> str:
        """The text without what differs from object to object, and without the intended differences."""
        for namespace in (f"a-{scene}", f"b-{scene}"):
            text = text.replace(namespace, "NAMESPACE")
        for directory in (self.home / "a", self.home / "b"):
            text = text.replace(str(directory), "HOME")
        for node in self.nodes:
            text = text.replace(node, "NODE")
        for pattern, instead in (*_CHANGING, *((pattern, instead) for pattern, instead, _ in ALIKE)):
            text = re.sub(pattern, instead, text, flags=re.MULTILINE)
        if "AGE" in text or "RANDOM" in text or "ADDRESS" in text or "DATE" in text:     # columns are as wide as what stood there
            text = re.sub(r"[^\S\n]+", " ", text)
        text = re.sub(r"(?:^(?: *(?:AGE )?(?:Normal|Warning) | +(?:Available|Progressing) |evicting pod |pod/\S+ evicted).*\n)+", _sorted, text, flags=re.MULTILINE)
        return re.sub(r"[^\S\n]+$", "", text, flags=re.MULTILINE)


def _sorted(match: re.Match[str]) -> str:
    """Events of one second have no order, nor have evictions, nor a deployment's conditions: it depends on what was seen first."""
    return "".join(sorted(match.group().splitlines(keepends=True)))


def prepare(stage: Stage, name: str, scene: Scene) -> None:
    """Both sides' namespaces and files, and what the scene needs in them."""
    for side in (0, 1):
        directory = stage.home / "ab"[side]
        directory.mkdir(exist_ok=True)
        namespace = f"{'ab'[side]}-{name}"
        for file, text in FILES.items():
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / file).write_text(text.replace("NAMESPACE", namespace).replace("NODE", stage.nodes[side]))
            (directory / file).chmod(0o755 if file.startswith("bin/") else 0o644)
        lines = [f"-- create namespace {namespace}", *scene.setup]
        for line in lines:
            ran = stage.run(name, side, line)
            if ran.code:
                raise AssertionError(f"{line}: {ran.err}")


def differences(stage: Stage, name: str, scene: Scene) -> list[str]:
    """A readable report per line on which the two do not say and exit the same."""
    prepare(stage, name, scene)
    found = []
    with ThreadPoolExecutor(2) as pool:
        for line in scene.lines.strip().splitlines():
            if not line or line.startswith("#"):
                continue
            ours, theirs = pool.map(lambda side, line=line: stage.run(name, side, line), (0, 1))
            if line in ONLY_EXIT_CODE:
                if ours.code != theirs.code:
                    found.append(f"{line}\n  code: ours {ours.code}, theirs {theirs.code}\n")
                continue
            said = [(ran.code, stage.normal(ran.out, name), stage.normal(ran.err, name)) for ran in (ours, theirs)]
            if said[0] != said[1]:
                found.append(_report(line, said))
    return found


def _report(line: str, said: list[tuple[int, str, str]]) -> str:
    from difflib import unified_diff
    parts = [line]
    if said[0][0] != said[1][0]:
        parts.append(f"  code: ours {said[0][0]}, theirs {said[1][0]}")
    for index, stream in ((1, "stdout"), (2, "stderr")):
        ours, theirs = str(said[0][index]), str(said[1][index])
        if ours != theirs:
            parts += [f"  {each.rstrip()}" for each in unified_diff(theirs.splitlines(), ours.splitlines(), f"{stream} of upstream", f"{stream} of ours", n=1, lineterm="")]
    return "\n".join(parts) + "\n"
