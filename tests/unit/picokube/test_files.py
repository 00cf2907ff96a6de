from __future__ import annotations

import os
import stat
from pathlib import Path

from picokube.files import write_atomically


def test_a_key_is_not_written_through_what_somebody_else_put_in_the_way(tmp_path: Path) -> None:
    """In a directory of everybody's, such as /tmp, a link there would have been followed, and a file there could be read by who holds it open."""
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "config"
    elsewhere.write_text("theirs")
    in_the_way = path.with_name(f".config.{os.getpid()}.tmp")
    in_the_way.symlink_to(elsewhere)
    write_atomically(path, "secret", 0o600)
    assert (elsewhere.read_text(), path.read_text()) == ("theirs", "secret")

    in_the_way.touch(0o666)
    with in_the_way.open() as held:
        write_atomically(path, "newer", 0o600)
        assert held.read() == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
