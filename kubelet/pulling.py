"""Sees to it that a container's image is on the node: the three pull policies and the back-off after failures.

One image is pulled once at a time, however many containers wait for it.
"""
from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Sequence

from kubeapi.generated.models.core_v1 import Container, Secret
from kubelet.backoff import BackOff
from kubelet.cri import CriError, Image, ImageService, RegistryAuth

# event(type, reason, message)
Tell = Callable[[str, str, str], None]
PULLS_AT_ONCE = 5
AFTER_FAILURE_SECONDS = 2.0           # then users see that it backs off


class PullError(CriError):
    """`retry_seconds`: when another attempt makes sense."""

    def __init__(self, reason: str, message: str, retry_seconds: float) -> None:
        super().__init__(reason, message)
        self.retry_seconds = retry_seconds


class ImagePuller:
    def __init__(self, images: ImageService, initial_seconds: float = 10.0, pulled: Callable[[], None] = lambda: None) -> None:
        """`pulled` is called when the node has a new image."""
        self._images, self._pulled = images, pulled
        self._backoff = BackOff(initial_seconds)
        self._retry_seconds = initial_seconds
        self._errors: dict[str, str] = {}
        self._told: dict[str, float] = {}
        self._pulls = asyncio.Semaphore(PULLS_AT_ONCE)
        self._locks: dict[str, asyncio.Lock] = {}

    async def ensure(self, pod_uid: str, container: Container, auths: Sequence[RegistryAuth], tell: Tell) -> Image:
        """Raises PullError."""
        name = container.image
        try:
            present = await self._images.status(name)
        except CriError as error:
            return self._refuse(name, error, tell)
        if container.image_pull_policy != "Always" or name.startswith("sha256:"):
            if present is not None:
                tell("Normal", "Pulled", f'Container image "{name}" already present on machine and can be accessed by the pod')
                return present
            if container.image_pull_policy == "Never":
                message = f'Container image "{name}" is not present with pull policy of Never'
                tell("Warning", "ErrImageNeverPull", message)
                raise PullError("ErrImageNeverPull", message, self._retry_seconds)
        return await self._pull(f"{pod_uid}/{name}", name, auths, tell)

    def forget(self, pod_uid: str) -> None:
        self._backoff.forget(f"{pod_uid}/")
        for known in (self._errors, self._told):
            for key in [key for key in known if key.startswith(f"{pod_uid}/")]:
                del known[key]

    def _refuse(self, name: str, error: CriError, tell: Tell) -> Image:
        if error.reason != "InvalidImageName":
            message = f'Failed to inspect image "{name}": {error.message}'
            tell("Warning", "InspectFailed", message)
            raise PullError("ImageInspectError", message, self._retry_seconds)
        message = f'Failed to apply default image tag "{name}": {error.message}'
        tell("Warning", "InspectFailed", message)
        raise PullError("InvalidImageName", message, self._retry_seconds)

    async def _pull(self, key: str, name: str, auths: Sequence[RegistryAuth], tell: Tell) -> Image:
        loop = asyncio.get_running_loop()
        if (wait := self._backoff.remaining_since_update(key, loop.time())) > 0:
            if self._told.get(key) != self._backoff.delay(key):
                self._told[key] = self._backoff.delay(key)
                tell("Normal", "BackOff", f'Back-off pulling image "{name}"')
            raise PullError("ImagePullBackOff", f'Back-off pulling image "{name}": {self._errors.get(key, "ErrImagePull")}', wait)
        tell("Normal", "Pulling", f'Pulling image "{name}"')
        began = loop.time()
        try:
            async with self._locks.setdefault(name, asyncio.Lock()), self._pulls:
                pulling = loop.time()
                image = await self._images.pull(name, auths)
        except CriError as error:
            self._backoff.next(key, loop.time(), loop.time())
            self._errors[key] = f"{error.reason}: {error.message}"
            tell("Warning", "Failed", f'Failed to pull image "{name}": {error.message}')
            if error.reason == "InvalidImageName":
                return self._refuse(name, error, tell)
            raise PullError(error.reason, error.message, min(AFTER_FAILURE_SECONDS, self._retry_seconds)) from error
        now = loop.time()
        tell("Normal", "Pulled", f'Successfully pulled image "{name}" in {go_duration(now - pulling)} '
             f"({go_duration(now - began)} including waiting). Image size: {image.size} bytes.")
        self._backoff.forget(key)
        self._pulled()
        return image


def go_duration(seconds: float) -> str:
    """As Go prints a Duration rounded to milliseconds: 231ms, 1.5s, 2m40s."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms" if round(seconds * 1000) else "0s"
    hours, rest = divmod(round(seconds, 3), 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{int(hours)}h{int(minutes)}m{text}" if hours else f"{int(minutes)}m{text}" if minutes else text


def registry_auths(image: str, secrets: Sequence[Secret]) -> list[RegistryAuth]:
    """The credentials of imagePullSecrets that fit the image's registry."""
    found = []
    for secret in secrets:
        for registry, entry in _entries(secret).items():
            if isinstance(entry, dict) and _fits(registry, image):
                found.append(RegistryAuth(str(entry.get("username", "")), str(entry.get("password", "")), str(entry.get("auth", "")),
                                          str(entry.get("registrytoken", ""))))
    return found


def _entries(secret: Secret) -> dict[str, object]:
    text = secret.data.get(".dockerconfigjson") or secret.data.get(".dockercfg") or b"{}"
    try:
        document = json.loads(text)
    except (ValueError, binascii.Error):
        return {}
    entries = document.get("auths", document) if isinstance(document, dict) else {}
    return {name: _decoded(entry) for name, entry in entries.items()}


def _decoded(entry: object) -> object:
    if not isinstance(entry, dict) or entry.get("username") or not entry.get("auth"):
        return entry
    try:
        username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (ValueError, binascii.Error):
        return entry
    return {**entry, "username": username, "password": password}


def _fits(registry: str, image: str) -> bool:
    registry = registry.removeprefix("https://").removeprefix("http://").rstrip("/").removesuffix("/v1").removesuffix("/v2")
    first = image.partition("/")[0]
    host = first if "/" in image and ("." in first or ":" in first or first == "localhost") else "docker.io"
    if host == "docker.io":
        return registry in ("index.docker.io", "docker.io", "registry-1.docker.io")
    return registry == host or image.startswith(f"{registry}/")
