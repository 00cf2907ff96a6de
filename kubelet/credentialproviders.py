"""Credential provider plugins: programs that know a registry's password (credentialprovider.kubelet.k8s.io/v1).

Each that is configured for an image is asked, and what it answers is kept as long, and for as many images, as it says. One
that fails is as one that knows nothing: the pull then tells what the registry thinks of it.
"""
from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from kubeapi.goduration import parse_duration
from kubeapi.yamldoc import YamlError, load
from kubelet.credentials import Entries, fits, key_of

log = logging.getLogger(__name__)

VERSION = "credentialprovider.kubelet.k8s.io/v1"
CONFIG_KIND = ("kubelet.config.k8s.io/v1", "CredentialProviderConfig")
SECONDS = 60.0                        # for a plugin's answer
REAP_SECONDS = 5.0
MOST_ANSWER = 1 << 20
MOST_KEPT = 1000                      # answers per plugin
GLOBAL = "<global>"


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    program: str
    patterns: tuple[str, ...]
    default_seconds: float
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def is_for(self, repository: str) -> bool:
        return any(fits(key_of(pattern), repository) for pattern in self.patterns)


# --- configuration

def read_config(path: Path, directory: Path) -> tuple[Provider, ...]:
    """`directory` is where the programs lie. Raises ValueError."""
    try:
        document = load(path.read_bytes())
    except (OSError, YamlError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != CONFIG_KIND:
        raise ValueError(f"{path} is no {CONFIG_KIND[1]} of {CONFIG_KIND[0]}")
    entries = document.get("providers")
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        raise ValueError(f"{path}: providers: Required value: at least 1 item in plugins is required")
    found = tuple(_provider(entry, directory) for entry in entries)
    if len({one.name for one in found}) < len(found):
        raise ValueError(f"{path}: providers: Duplicate value: two have the same name")
    return found


def _provider(entry: Mapping[str, Any], directory: Path) -> Provider:
    name = entry.get("name")
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or any(one.isspace() for one in name):
        raise ValueError(f"providers.name: Invalid value: {name!r}: the name of a program in {directory}")
    if entry.get("apiVersion") != VERSION:
        raise ValueError(f"provider {name}: apiVersion: Unsupported value: {entry.get('apiVersion')!r}: supported values: {VERSION!r}")
    if "tokenAttributes" in entry:
        raise ValueError(f"provider {name}: tokenAttributes: plugins get no service account tokens here")
    patterns = entry.get("matchImages")
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) and key_of(one) for one in patterns):
        raise ValueError(f"provider {name}: matchImages: Required value: names of registries, whose labels may be globs")
    program = directory / name
    if not os.access(program, os.X_OK) or not program.is_file():
        raise ValueError(f"provider {name}: {program} is no program that can be run")
    try:
        seconds = parse_duration(str(entry["defaultCacheDuration"]))
        env = {str(one["name"]): str(one["value"]) for one in entry.get("env") or ()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"provider {name}: defaultCacheDuration and env: {error!r}") from error
    if seconds < 0:
        raise ValueError(f"provider {name}: defaultCacheDuration must not be negative")
    return Provider(name, str(program), tuple(patterns), seconds, tuple(map(str, entry.get("args") or ())), env)


# --- asking

@dataclass(frozen=True, slots=True)
class Answer:
    """`key`: for what it holds; `seconds`: how long, None: as configured."""

    auth: Entries
    key: str
    seconds: float | None


class CredentialProviders:
    def __init__(self, providers: Sequence[Provider] = ()) -> None:
        self._plugins = [_Plugin(one) for one in providers]

    async def configs(self, repository: str) -> list[Entries]:
        """Of all plugins for it, in the order of their configuration."""
        fitting = [one for one in self._plugins if one.provider.is_for(repository)]
        if not fitting:
            return []
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.auth(repository)) for one in fitting]
        return [task.result() for task in tasks]


class _Plugin:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._kept: dict[str, tuple[float, Entries]] = {}          # until when
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def auth(self, repository: str) -> Entries:
        """One is asked once about an image, however many pods wait for it."""
        async with self._asking.setdefault(repository, asyncio.Lock()):
            kept = self._kept_for(repository)
            if kept is not None:
                return kept
            try:
                answer = parse_answer(await ask(self.provider, repository), repository)
            except (OSError, ValueError, TimeoutError) as error:
                log.warning("credential provider %s: %s", self.provider.name, str(error) or "no answer in time")
                return {}
            self._keep(answer)
            return answer.auth

    def _kept_for(self, repository: str) -> Entries | None:
        now = asyncio.get_running_loop().time()
        for key in (repository, registry_of(repository), GLOBAL):
            if key in self._kept and self._kept[key][0] > now:
                return self._kept[key][1]
        return None

    def _keep(self, answer: Answer) -> None:
        now = asyncio.get_running_loop().time()
        seconds = self.provider.default_seconds if answer.seconds is None else answer.seconds
        self._kept = {key: one for key, one in self._kept.items() if one[0] > now}
        if seconds > 0 and len(self._kept) < MOST_KEPT:
            self._kept[answer.key] = (now + seconds, answer.auth)


async def ask(provider: Provider, repository: str) -> bytes:
    """Its words of complaint go to the kubelet's log. Whatever it has started ends with it: a child that held the pipe open would
    never let us see its end."""
    request = json.dumps({"kind": "CredentialProviderRequest", "apiVersion": VERSION, "image": repository}).encode()
    process = await asyncio.create_subprocess_exec(provider.program, *provider.args, env={**os.environ, **provider.env},
                                                   stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            with suppress(BrokenPipeError, ConnectionResetError):           # it need not read it
                process.stdin.write(request)
                await process.stdin.drain()
                process.stdin.close()
            answer = b""
            while data := await process.stdout.read(1 << 16):
                answer += data
                if len(answer) > MOST_ANSWER:
                    raise ValueError(f"its answer is longer than {MOST_ANSWER} bytes")
            code = await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):                                        # one that left its session may hold the pipe for ever
            async with asyncio.timeout(REAP_SECONDS):
                while await process.stdout.read(1 << 16):                   # until the pipe is closed on our side, too
                    pass
                await process.wait()
    if code:
        raise ValueError(f"it ended with {code}")
    return answer


def parse_answer(data: bytes, repository: str) -> Answer:
    """Raises ValueError."""
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise ValueError("its answer nests too deeply") from error
    if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != (VERSION, "CredentialProviderResponse"):
        raise ValueError(f"its answer is no CredentialProviderResponse of {VERSION}")
    keys = {"Image": repository, "Registry": registry_of(repository), "Global": GLOBAL}
    kind, auth, duration = document.get("cacheKeyType"), document.get("auth") or {}, document.get("cacheDuration")
    if kind not in keys:
        raise ValueError(f"its answer's cacheKeyType is {kind!r}")
    if not isinstance(auth, dict):
        raise ValueError("its answer's auth is no object")
    return Answer(auth, keys[kind], None if duration is None else parse_duration(str(duration)))


def registry_of(repository: str) -> str:
    return repository.partition("/")[0]
