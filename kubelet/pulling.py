"""Sees to it that a container's image is on the node: the three pull policies and the back-off after failures.

One image is pulled once at a time, however many containers wait for it, and one pod pulls one at a time.
"""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kubeapi.generated.models.core_v1 import Container
from kubelet.backoff import BackOff
from kubelet.cri import CriError, Image, ImageService, RegistryAuth

# event(type, reason, message)
Tell = Callable[[str, str, str], None]
Auths = Callable[[], Awaitable[Sequence[RegistryAuth]]]
SERIALIZED = 1                        # pulls at once, unless the node is told otherwise
UNLIMITED = 1 << 30
AFTER_FAILURE_SECONDS = 2.0           # then users see that it backs off


class PullError(CriError):
    """`retry_seconds`: when another attempt makes sense."""

    def __init__(self, reason: str, message: str, retry_seconds: float) -> None:
        super().__init__(reason, message)
        self.retry_seconds = retry_seconds


class ImagePuller:
    def __init__(self, images: ImageService, initial_seconds: float = 10.0, pulled: Callable[[], None] = lambda: None,
                 at_once: int = SERIALIZED, of_handlers: Mapping[str, ImageService] | None = None) -> None:
        """`pulled` is called when the node has a new image; `at_once`: how many pulls (0: as many as there are); `of_handlers`: the
        images of runtimes that have their own."""
        self._images, self._pulled, self._of_handlers = images, pulled, of_handlers or {}
        self._backoff = BackOff(initial_seconds)
        self._retry_seconds = initial_seconds
        self._errors: dict[str, str] = {}
        self._told: dict[str, float] = {}
        self._pulls = asyncio.Semaphore(at_once or UNLIMITED)
        self._locks: dict[str, asyncio.Lock] = {}
        self._of_pods: dict[str, asyncio.Lock] = {}

    async def ensure(self, pod_uid: str, container: Container, auths: Auths, tell: Tell, handler: str = "") -> Image:
        """Raises PullError. `auths` is asked only where a registry is."""
        name, images = container.image, self._of_handlers.get(handler, self._images)
        try:
            present = await images.status(name)
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
        async with self._of_pods.setdefault(pod_uid, asyncio.Lock()):
            return await self._pull(images, f"{pod_uid}/{name}", name, auths, tell)

    def forget(self, pod_uid: str) -> None:
        self._of_pods.pop(pod_uid, None)
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

    async def _pull(self, images: ImageService, key: str, name: str, auths: Auths, tell: Tell) -> Image:
        loop = asyncio.get_running_loop()
        if (wait := self._backoff.remaining_since_update(key, loop.time())) > 0:
            if self._told.get(key) != self._backoff.delay(key):
                self._told[key] = self._backoff.delay(key)
                tell("Normal", "BackOff", f'Back-off pulling image "{name}"')
            raise PullError("ImagePullBackOff", f'Back-off pulling image "{name}": {self._errors.get(key, "ErrImagePull")}', wait)
        tell("Normal", "Pulling", f'Pulling image "{name}"')
        began = loop.time()
        credentials = await auths()
        try:
            async with self._locks.setdefault(name, asyncio.Lock()), self._pulls:
                pulling = loop.time()
                image = await images.pull(name, credentials)
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
