"""kubectl starts fast because of what it does not import."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.kubectl.fakeserver import FakeServer

ROOT = Path(__file__).parents[3]
NEVER = {"pydantic", "asyncio", "http.client", "urllib.request", "aiohttp", "httpx", "typing", "dataclasses", "argparse", "email", "yaml", "kubeapi"}
NEVER_AT_ALL = {"pydantic", "asyncio", "aiohttp", "httpx"}


def imported_by(*argv: str) -> set[str]:
    program = ("import sys; from kubectl.main import main; code = main(sys.argv[1:]); "
               "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)")
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}", *argv],
                         capture_output=True, text=True, check=True)
    return set(ran.stderr.splitlines())


def test_get_imports_nothing_heavy(fake: FakeServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"""apiVersion: v1
kind: Config
clusters:
- cluster:
    server: {fake.url}
  name: c
contexts:
- context: {{}}
  name: unused
- context:
    cluster: c
    user: u
  name: x
current-context: x
users:
- name: u
  user:
    token: abc
""".replace("- context: {}\n  name: unused\n", ""))
    modules = imported_by("--kubeconfig", str(config), "--cache-dir", str(tmp_path / "cache"), "get", "pods")
    assert modules & NEVER == set()


@pytest.mark.parametrize("line", ["apply -f cm.yaml", "describe node n1", "get pods -o yaml", "explain pods"], ids=str)
def test_no_command_imports_models_or_an_event_loop(fake: FakeServer, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cm.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n")
    site = [path for path in sys.path if path.endswith("site-packages")]
    program = (f"import sys; sys.path[:0] = {[str(ROOT), *site]!r}; from kubectl.main import main; main(sys.argv[1:]); "
               "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)")
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program, "-s", fake.url, "--cache-dir", str(tmp_path / "cache"), *line.split()],
                         capture_output=True, text=True, check=True)
    modules = set(ran.stderr.splitlines())
    assert "kubectl.main" in modules
    assert modules & NEVER_AT_ALL == set()
    assert not any(module.startswith("kubeapi.generated.models") for module in modules)
