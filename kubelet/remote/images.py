"""ImageService of a CRI runtime."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from kubelet.cri import CriError, Image, RegistryAuth
from kubelet.images.names import parse
from kubelet.remote.client import CriClient
from kubelet.remote.codec import Document

PULL_SECONDS = 3600.0


class RemoteImages:
    def __init__(self, client: CriClient, handler: str = "") -> None:
        """`handler`: the one of the runtime's whose images these are."""
        self._client, self._handler = client, handler

    async def status(self, image: str) -> Image | None:
        if not image.startswith("sha256:"):
            parse(image)                              # says InvalidImageName
        found = (await self._client.call("ImageStatus", {"image": self._spec(image)}))["image"]
        return _image(found) if found else None

    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        """With each of the credentials until one will do."""
        parse(image)
        fault: CriError | None = None
        credentials: list[Document | None] = [asdict(one) for one in auths]
        for auth in credentials or [None]:
            try:
                answer = await self._client.call("PullImage", {"image": self._spec(image), "auth": auth}, seconds=PULL_SECONDS,
                                                 reason="ErrImagePull")
            except CriError as error:
                fault = error
                continue
            found = await self.status(answer["image_ref"] if answer["image_ref"].startswith("sha256:") else image)
            if found is not None:
                return found
            fault = CriError("ErrImagePull", f"{image} was pulled but is not there")
        assert fault is not None
        raise fault

    async def list(self) -> Sequence[Image]:
        """None while the runtime cannot be asked: who lists them tells of a node what is known of it."""
        try:
            found = (await self._client.call("ListImages"))["images"]
            needed = await self._sandbox_image()
        except CriError as error:
            if error.reason == "RuntimeNotReady":
                return []
            raise
        return [_image(one, is_needed=needed in one["repo_tags"]) for one in found]

    async def _sandbox_image(self) -> str:
        """containerd's, which it cannot make a sandbox without."""
        info: Mapping[str, str] = (await self._client.call("Status", {"verbose": True}))["info"]
        with suppress(ValueError, AttributeError):
            return str(json.loads(info.get("config", "{}")).get("sandboxImage", ""))
        return ""

    async def remove(self, image: str) -> None:
        await self._client.call("RemoveImage", {"image": self._spec(image)})

    async def import_archive(self, path: str) -> Sequence[Image]:
        raise CriError("ErrImagePull", f"{self._client.endpoint}: the CRI knows of no archives: import it with the runtime's own tool")

    def _spec(self, image: str) -> Document:
        return {"image": image, "runtime_handler": self._handler}


def _image(document: Document, *, is_needed: bool = False) -> Image:
    user = document["username"] or (str(document["uid"]["value"]) if document["uid"] else "")
    return Image(document["id"], tuple(document["repo_tags"]), tuple(document["repo_digests"]), document["size"], user=user,
                 pinned=document["pinned"] or is_needed)
