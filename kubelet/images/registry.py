"""Reads from a registry: manifests, configurations and layers (the OCI distribution protocol).

Where that is, and how its certificate is verified, an Endpoint says. What arrives is checked against its digest and size by
whoever reads it: documents here, layers while they are unpacked. A layer goes on where its connection was cut.
"""
from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import httpx

from kubelet.cri import CriError, RegistryAuth
from kubelet.images import manifests, platform
from kubelet.images.connection import PATIENCE_SECONDS, Connection, Denied, Interrupted
from kubelet.images.hosts import Endpoint
from kubelet.images.manifests import Descriptor, Malformed, Manifest
from kubelet.images.names import Reference

__all__ = ["Denied", "Interrupted", "Registry"]

INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST_TYPES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
MOST_MANIFEST, MOST_CONFIGURATION = 4 << 20, 8 << 20
DEEPEST_INDEX = 3
ATTEMPTS, PAUSE_SECONDS = 5, 0.25     # without a PROGRESS of bytes between them; the pause doubles
PROGRESS = 1 << 20


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """One repository at one endpoint, asked with one credential (None: anonymously)."""

    def __init__(self, reference: Reference, auth: RegistryAuth | None, endpoint: Endpoint, patience: float = PATIENCE_SECONDS) -> None:
        self._connection = Connection(reference, auth, endpoint, patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._connection.aclose()

    # --- documents

    async def resolve(self, wanted: str) -> tuple[str, dict[str, Any]]:
        """(digest, document) of a tag or a digest: a manifest or an index."""
        headers = {"Accept": ", ".join(INDEX_TYPES + MANIFEST_TYPES)}
        data, answered = await self._document(f"manifests/{wanted}", headers, MOST_MANIFEST, "the manifest")
        digest = digest_of(data)
        for expected in (wanted if wanted.startswith("sha256:") else "", answered):
            if expected and expected.startswith("sha256:") and expected != digest:
                raise self._connection.fault(f"the manifest's digest is {digest}, not {expected}")
        return digest, self._checked(data)

    async def manifest(self, document: Mapping[str, Any]) -> Manifest:
        """Of an index, the one for this machine."""
        try:
            for _ in range(DEEPEST_INDEX + 1):
                if not manifests.is_index(document):
                    return manifests.manifest(document)
                chosen = platform.choose(manifests.entries(document))
                if chosen is None:
                    raise self._connection.fault(f"no match for platform in manifest: not found (linux/{platform.own_architecture()})")
                one = manifests.descriptor(chosen, "the manifest")
                _, document = await self._described_manifest(one)
        except Malformed as error:
            raise self._connection.fault(f"the manifest cannot be used: {error}") from error
        raise self._connection.fault("its indexes are nested too deeply")

    async def _described_manifest(self, one: Descriptor) -> tuple[str, dict[str, Any]]:
        if one.size > MOST_MANIFEST:
            raise Malformed(f"the size of the manifest is {one.size}; {MOST_MANIFEST} is allowed")
        return await self.resolve(one.digest)

    async def configuration(self, one: Descriptor) -> dict[str, Any]:
        if one.size > MOST_CONFIGURATION:
            raise self._connection.fault(f"the configuration is larger than {MOST_CONFIGURATION} bytes")
        data, _ = await self._document(f"blobs/{one.digest}", {}, MOST_CONFIGURATION, "the configuration")
        if digest_of(data) != one.digest:
            raise self._connection.fault(f"the configuration's digest is {digest_of(data)}, not {one.digest}")
        if len(data) != one.size:
            raise self._connection.fault(f"the configuration has {len(data)} bytes, not {one.size}")
        return self._checked(data)

    async def _document(self, path: str, headers: Mapping[str, str], most: int, what: str) -> tuple[bytes, str]:
        async with self._connection.get(path, headers) as response:
            self._check(response)
            return await self._connection.whole(response, most, what), response.headers.get("docker-content-digest", "")

    def _checked(self, data: bytes) -> dict[str, Any]:
        try:
            return manifests.parsed(data)
        except Malformed as error:
            raise self._connection.fault(f"the registry's answer cannot be used: {error}") from error

    # --- layers

    async def blob(self, one: Descriptor) -> AsyncGenerator[bytes, None]:
        """As it is stored, and exactly as long as it should be; its digest is not checked."""
        done = failures = reached = 0
        while done < one.size:
            try:
                async with aclosing(self._from(one, done)) as parts:
                    async for part in parts:
                        done += len(part)
                        if done > one.size:
                            raise self._connection.fault(f"the layer {one.digest} has more than the {one.size} bytes its manifest says")
                        yield part
                if done < one.size:
                    raise Interrupted("ErrImagePull", self._connection.fault(
                        f"the layer {one.digest} has {done} bytes, not {one.size}").message)
            except Interrupted:
                failures = 1 if done - reached >= PROGRESS else failures + 1
                reached = done
                if failures == ATTEMPTS:
                    raise
                await asyncio.sleep(PAUSE_SECONDS * 2 ** failures)

    async def _from(self, one: Descriptor, offset: int) -> AsyncGenerator[bytes, None]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with self._connection.get(f"blobs/{one.digest}", headers) as response:
            skipped = offset
            if offset and response.status_code == 206:
                if not response.headers.get("content-range", "").startswith(f"bytes {offset}-"):
                    raise self._connection.fault("the registry answers with another part of the layer than was asked for")
                skipped = 0
            else:
                self._check(response)
            async for part in self._connection.chunks(response):
                rest = part[skipped:]
                skipped -= len(part) - len(rest)
                if rest:
                    yield rest

    def _check(self, response: httpx.Response) -> None:
        if response.status_code == 404:
            raise self._connection.fault("not found")
        if response.status_code in (401, 403):
            raise self._connection.denied()
        if response.status_code == 429:
            raise self._connection.fault("the registry's rate limit is exceeded (429 Too Many Requests)")
        if response.status_code >= 500:
            raise Interrupted("ErrImagePull", self._unexpected(response).message)
        if response.status_code != 200:
            raise self._unexpected(response)

    def _unexpected(self, response: httpx.Response) -> CriError:
        return self._connection.fault(f"unexpected status from GET request to {response.url}: {response.status_code} {response.reason_phrase}")
