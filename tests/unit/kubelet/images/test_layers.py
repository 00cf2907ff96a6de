"""A layer whose bytes stop coming: the worker ends, and nothing of it stays open."""
from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from kubelet.cri import CriError
from kubelet.images.layers import Unpacker


async def cut_off() -> AsyncGenerator[bytes, None]:
    yield b"\x1f\x8b" + b"\0" * 100
    raise CriError("ErrImagePull", "connection reset")


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_layer_that_is_cut_off_leaves_no_pipe_open(tmp_path: Path) -> None:
    layers, scratch = tmp_path / "layers", tmp_path / "scratch"
    layers.mkdir()
    scratch.mkdir()

    async def scene() -> None:
        with pytest.raises(CriError, match="connection reset"):
            await Unpacker(layers).add("sha256:" + "0" * 64, "sha256:" + "1" * 64, cut_off(), scratch)

    tracemalloc.start()                      # so that a warning tells where the pipe was opened
    try:
        for _ in range(3):
            asyncio.run(scene())
            gc.collect()
    finally:
        tracemalloc.stop()
    assert not [*layers.iterdir()]
