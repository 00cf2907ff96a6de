"""Images that are there as soon as they are asked for; names with `missing` in them are in no registry."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence

from kubelet.cri import CriError, Image, RegistryAuth


class HollowImages:
    def __init__(self) -> None:
        self._images: dict[str, Image] = {}

    async def status(self, image: str) -> Image | None:
        if not image or " " in image or image != image.lower() and "/" not in image and ":" not in image:
            raise CriError("InvalidImageName", f'couldn\'t parse image name "{image}": invalid reference format')
        return self._images.get(image)

    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        if "missing" in image:
            raise CriError("ErrImagePull", f'failed to resolve reference "{image}": not found')
        digest = hashlib.sha256(image.encode()).hexdigest()
        found = self._images[image] = Image(id=f"sha256:{digest}", repo_tags=(image,), repo_digests=(f"{image.partition(':')[0]}@sha256:{digest}",),
                                            size=1 << 20)
        return found

    async def list(self) -> Sequence[Image]:
        return list(self._images.values())

    async def remove(self, image: str) -> None:
        self._images.pop(image, None)

    async def import_archive(self, path: str) -> Sequence[Image]:
        raise CriError("ErrImagePull", "hollow nodes have no use for an archive")
