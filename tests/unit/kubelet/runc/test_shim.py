"""The shim without containers: its log, its framing, what it imports."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kubelet import linux, shim


def lines(path: Path) -> list[tuple[bytes, bytes, bytes]]:
    """(stream, tag, text)"""
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        _, stream, tag, text = line.split(b" ", 3)
        found.append((stream, tag, text))
    return found


@given(chunks=st.lists(st.one_of(st.binary(max_size=50), st.sampled_from([b"\n", b"x" * 20000])), max_size=12))
def test_a_log_holds_every_byte(tmp_path_factory: object, chunks: list[bytes]) -> None:
    import tempfile
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "sub" / "0.log"
        log = shim.Log(str(path), 0, 2)
        for chunk in chunks:
            log.add(shim.STDOUT, chunk)
        log.finish()
        written = b"".join(text + (b"\n" if tag == b"F" else b"") for _, tag, text in lines(path))
        data = b"".join(chunks)
        assert written == data + (b"" if not data or data.endswith(b"\n") else b"\n")
        assert all(len(text) <= shim.LONGEST_LINE for _, _, text in lines(path))


def test_streams_do_not_mix(tmp_path: Path) -> None:
    log = shim.Log(str(tmp_path / "0.log"), 0, 2)
    log.add(shim.STDOUT, b"out")
    log.add(shim.STDERR, b"err\n")
    log.add(shim.STDOUT, b"put\n")
    assert lines(tmp_path / "0.log") == [(b"stderr", b"F", b"err"), (b"stdout", b"F", b"output")]


def test_a_log_is_rotated_by_size(tmp_path: Path) -> None:
    log = shim.Log(str(tmp_path / "0.log"), 1000, 3)
    for number in range(100):
        log.add(shim.STDOUT, b"%d\n" % number)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3 and names[0] == "0.log"
    texts = [text for name in [*names[1:], "0.log"] for _, _, text in lines(tmp_path / name)]
    assert texts == [b"%d" % number for number in range(100 - len(texts), 100)]


def test_a_burst_of_short_lines_is_rotated_by_size_too(tmp_path: Path) -> None:
    log = shim.Log(str(tmp_path / "0.log"), 1000, 3)
    log.add(shim.STDOUT, b"".join(b"%d\n" % number for number in range(1000)))
    found = sorted(tmp_path.iterdir())
    assert len(found) == 3 and all(path.stat().st_size < 1100 for path in found)
    texts = [text for path in [*found[1:], found[0]] for _, _, text in lines(path)]
    assert texts == [b"%d" % number for number in range(1000 - len(texts), 1000)]


def test_it_starts_with_next_to_nothing() -> None:
    script = f"import sys; sys.argv = ['shim']; sys.path.insert(0, {str(Path(shim.__file__).parent)!r}); import shim; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert not {"asyncio", "pydantic", "typing", "subprocess", "ssl", "http", "threading", "logging"} & set(loaded)


def test_runc_is_known_by_its_lock_as_long_as_it_lives(tmp_path: Path) -> None:
    """It is, not what it starts: that is known by its group."""
    lock = tmp_path / "runc.lock"
    stdin, keep_open = os.pipe()
    told, stdout = os.pipe()
    pid = shim.spawn(["sh", "-c", "sleep 1000 & echo $!; read line"], [stdin, stdout, stdout], str(lock))
    try:
        child = int(os.read(told, 20))
        assert linux.lock_holder(lock) == pid
        shim.kill_and_wait(pid)
        assert linux.start_time(child)
        assert linux.lock_holder(lock) == 0
        shim.kill_and_wait(child)
    finally:
        os.waitpid(pid, 0)
        for descriptor in (stdin, keep_open, told, stdout):
            os.close(descriptor)


def test_a_lock_that_nobody_has(tmp_path: Path) -> None:
    assert linux.lock_holder(tmp_path / "none") == 0
    (tmp_path / "free").touch()
    assert linux.lock_holder(tmp_path / "free") == 0
