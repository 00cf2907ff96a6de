"""`picokube image`: options stand where their writer likes."""
from __future__ import annotations

import pytest

from picokube.main import _parser


@pytest.mark.parametrize("line", [
    "image import --name X FILE", "image import FILE --name X", "image --name X import FILE", "image rm --name X FILE", "image rm FILE --name=X",
])
def test_a_name_before_and_after(line: str) -> None:
    found = _parser().parse_args(line.split())
    assert (found.command, found.name, found.arguments) == ("image", "X", ["FILE"])


@pytest.mark.parametrize("line", ["image --root-dir D list", "image list --root-dir D", "image import - --root-dir D", "image rm --root-dir D a b"])
def test_a_directory_before_and_after(line: str) -> None:
    assert _parser().parse_args(line.split()).root_dir == "D"


@pytest.mark.parametrize("line", ["image", "image import", "image rm --name X", "image list FILE", "image push FILE"])
def test_what_is_missing_or_too_much_is_told(line: str) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(line.split())
