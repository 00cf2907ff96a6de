"""How many images are pulled at once, and what is told of it."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from kubelet.cri import CriError, Image, RegistryAuth
from kubelet.pulling import ImagePuller, PullError
from tests.unit.kubelet.core.builders import a_container
from tests.virtualtime import run


class Images:
    """A registry that takes ten seconds for an image."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def status(self, image: str) -> Image | None:
        return None

    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(10)
        self.now -= 1
        return Image("sha256:1", (image,), (), 123)

    async def list(self) -> Sequence[Image]:
        return []

    async def remove(self, image: str) -> None:
        return

    async def import_archive(self, path: str) -> Sequence[Image]:
        return []


async def no_auths() -> list[RegistryAuth]:
    return []


@pytest.mark.parametrize(("at_once", "pods", "most", "seconds"), [
    pytest.param(1, 3, 1, 30, id="serialized"), pytest.param(2, 4, 2, 20, id="two"), pytest.param(0, 5, 5, 10, id="any-number"),
])
def test_pulls_at_once(at_once: int, pods: int, most: int, seconds: float) -> None:
    async def scene() -> None:
        images = Images()
        puller = ImagePuller(images, at_once=at_once)
        async with asyncio.TaskGroup() as group:
            for number in range(pods):
                container = a_container(image=f"app:{number}")
                group.create_task(puller.ensure(f"pod{number}", container, no_auths, lambda type, reason, message: None))
        assert (images.most, asyncio.get_running_loop().time()) == (most, seconds)
    run(scene())


def test_one_pod_pulls_one_image_at_a_time() -> None:
    async def scene() -> None:
        images, told = Images(), list[str]()
        puller = ImagePuller(images, at_once=0)
        async with asyncio.TaskGroup() as group:
            for name in ("a:1", "b:1"):
                group.create_task(puller.ensure("pod", a_container(image=name), no_auths, lambda type, reason, message: told.append(message)))
        assert images.most == 1
        assert told == ['Pulling image "a:1"', 'Successfully pulled image "a:1" in 10s (10s including waiting). Image size: 123 bytes.',
                        'Pulling image "b:1"', 'Successfully pulled image "b:1" in 10s (10s including waiting). Image size: 123 bytes.']
    run(scene())


def test_never_asks_nobody() -> None:
    async def scene() -> None:
        with pytest.raises(PullError) as caught:
            await ImagePuller(Images()).ensure("pod", a_container(imagePullPolicy="Never"), no_auths, lambda *told: None)
        assert caught.value.reason == "ErrImageNeverPull"
    run(scene())


class Nowhere(Images):
    """Has no image."""

    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        self.most += 1
        raise CriError("ErrImagePull", "not found")


def test_a_failing_pull_is_tried_at_doubling_intervals() -> None:
    async def scene() -> None:
        loop, images, told = asyncio.get_running_loop(), Nowhere(), list[str]()
        puller = ImagePuller(images)
        tries: list[float] = []
        reasons: list[str] = []
        while len(tries) < 9:
            with pytest.raises(PullError) as caught:
                await puller.ensure("pod", a_container(image="a:1"), no_auths, lambda type, reason, message: told.append(reason))
            reasons.append(caught.value.reason)
            if caught.value.reason == "ErrImagePull":
                tries.append(loop.time())
            else:
                assert caught.value.message == 'Back-off pulling image "a:1": ErrImagePull: not found'
            await asyncio.sleep(caught.value.retry_seconds)
        assert [round(later - earlier) for earlier, later in pairwise(tries)] == [10, 20, 40, 80, 160, 300, 300, 300]
        assert reasons[:3] == ["ErrImagePull", "ImagePullBackOff", "ErrImagePull"] and told.count("BackOff") >= 6
    run(scene())
