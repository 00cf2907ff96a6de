"""Credential provider plugins that are run: what they are told, how often they are asked, and what their failures do."""
from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kubelet.credentialproviders import VERSION, CredentialProviders, Provider

PROGRAM = """#!{python}
import json, os, sys
request = json.load(sys.stdin)
with open("{directory}/asked", "a") as file:
    file.write(json.dumps([request, sys.argv[1:], os.environ.get("WHO")]) + chr(10))
print(open("{directory}/answer").read())
"""


class Plugin:
    def __init__(self, directory: Path, **answer: Any) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.answer(**answer)
        (directory / "plugin").write_text(PROGRAM.format(python=sys.executable, directory=directory))
        (directory / "plugin").chmod(0o755)
        self.provider = Provider("plugin", str(directory / "plugin"), ("*.example",), 600.0, ("get",), {"WHO": "kubelet"})

    def answer(self, **fields: Any) -> None:
        (self.directory / "answer").write_text(json.dumps({
            "apiVersion": VERSION, "kind": "CredentialProviderResponse", "cacheKeyType": "Image",
            "auth": {"*.example": {"username": "u", "password": "p"}}, **fields}))

    def asked(self) -> list[Any]:
        path = self.directory / "asked"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def configs(plugins: Sequence[Plugin], *images: str) -> list[list[Any]]:
    async def scene() -> list[list[Any]]:
        providers = CredentialProviders([one.provider for one in plugins])
        return [await providers.configs(image) for image in images]
    return asyncio.run(scene())


def test_a_plugin_is_told_the_image(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    assert configs([plugin], "r.example/app") == [[{"*.example": {"username": "u", "password": "p"}}]]
    request = {"kind": "CredentialProviderRequest", "apiVersion": VERSION, "image": "r.example/app"}
    assert plugin.asked() == [[request, ["get"], "kubelet"]]


@pytest.mark.parametrize(("answer", "times"), [
    pytest.param({"cacheKeyType": "Image"}, 3, id="image"),
    pytest.param({"cacheKeyType": "Registry"}, 2, id="registry"),
    pytest.param({"cacheKeyType": "Global"}, 1, id="global"),
    pytest.param({"cacheKeyType": "Global", "cacheDuration": "0s"}, 4, id="not-kept"),
    pytest.param({"cacheKeyType": "Global", "cacheDuration": "1h"}, 1, id="kept-as-it-says"),
])
def test_answers_are_kept(tmp_path: Path, answer: dict[str, str], times: int) -> None:
    plugin = Plugin(tmp_path, **answer)
    configs([plugin], "a.example/x", "a.example/x", "a.example/y", "b.example/x")
    assert len(plugin.asked()) == times


def test_many_pods_ask_once(tmp_path: Path) -> None:
    async def scene() -> None:
        plugin = Plugin(tmp_path)
        providers = CredentialProviders([plugin.provider])
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(providers.configs("a.example/x"))
        assert len(plugin.asked()) == 1
    asyncio.run(scene())


def test_several_are_merged_and_others_left_alone(tmp_path: Path) -> None:
    one, two = Plugin(tmp_path / "one"), Plugin(tmp_path / "two", auth={"a.example": {"username": "other"}})
    assert configs([one, two], "a.example/x", "elsewhere.org/x") == [
        [{"*.example": {"username": "u", "password": "p"}}, {"a.example": {"username": "other"}}], []]


@pytest.mark.parametrize("program", [
    pytest.param("#!/bin/sh\nexit 3\n", id="fails"),
    pytest.param("#!/bin/sh\necho nonsense\n", id="nonsense"),
    pytest.param("#!/nowhere\n", id="cannot-run"),
    pytest.param("#!/bin/sh\nhead -c 3000000 /dev/zero\n", id="endless"),
])
def test_a_failing_plugin_knows_nothing(tmp_path: Path, program: str) -> None:
    plugin, other = Plugin(tmp_path / "bad"), Plugin(tmp_path / "good")
    (tmp_path / "bad" / "plugin").write_text(program)
    assert configs([plugin, other], "a.example/x") == [[{}, {"*.example": {"username": "u", "password": "p"}}]]


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path, cacheKeyType="Planet")

    async def scene() -> None:
        providers = CredentialProviders([plugin.provider])
        assert await providers.configs("a.example/x") == [{}]
        plugin.answer()
        assert await providers.configs("a.example/x") == [{"*.example": {"username": "u", "password": "p"}}]
    asyncio.run(scene())
