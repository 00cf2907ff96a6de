"""Imports only go down, and the components meet nowhere but over HTTP."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = {"apiserver", "controllers", "scheduler", "kubelet", "kubeproxy", "kubectl"}
LAYERS = [{"kubeapi"}, {"kubeclient"}, COMPONENTS, {"picokube"}]
RANK = {package: rank for rank, layer in enumerate(LAYERS) for package in layer}
# Inside the API server: storage <- cacher <- registry <- admission <- http.
APISERVER = {"storage": 0, "cacher": 1, "registry": 2, "admission": 3, "http": 4}


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(RANK))
def test_imports_only_go_down(package: str) -> None:
    upward = [f"{path.relative_to(ROOT)} imports {name}"
              for path in modules(package) for name in imported_modules(path)
              if (other := name.partition(".")[0]) != package and RANK.get(other, -1) >= RANK[package]]
    assert not upward


def test_the_api_server_s_layers_only_import_downwards() -> None:
    upward = [f"{path.relative_to(ROOT)} imports {name}"
              for part, rank in APISERVER.items() for path in modules(f"apiserver/{part}") for name in imported_modules(path)
              if name.startswith("apiserver.") and APISERVER.get(name.split(".")[1], -1) > rank]
    assert not upward


def test_kubeapi_does_no_io() -> None:
    forbidden = {"asyncio", "socket", "subprocess", "http", "aiohttp", "httpx", "grpc", "threading"}
    found = [f"{path.relative_to(ROOT)} imports {name}" for path in modules("kubeapi") for name in imported_modules(path)
             if name.partition(".")[0] in forbidden]
    assert not found
