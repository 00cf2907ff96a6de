"""cp: what arrives is what was sent, and nothing is written beside the destination."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.kubectl.conftest import Kubectl
from tests.unit.kubectl.fakeserver import FakeServer


@pytest.fixture
def container(fake: FakeServer, tmp_path: Path) -> Path:
    directory = tmp_path / "container"
    directory.mkdir()
    fake.runs_in["a"] = str(directory)
    return directory


def test_a_file_goes_there_and_back(kubectl: Kubectl, container: Path, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(os.urandom(200_000))
    assert kubectl("cp here a:there")[:2] == (0, "")
    assert (container / "there").read_bytes() == (tmp_path / "here").read_bytes()
    assert kubectl("cp default/a:there back -c c")[:2] == (0, "")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "here").read_bytes()


def test_a_directory_goes_into_one_that_is_there(kubectl: Kubectl, container: Path, tmp_path: Path) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "file").write_text("x")
    (container / "to").mkdir()
    assert kubectl("cp tree a:to").code == 0
    assert (container / "to" / "tree" / "sub" / "file").read_text() == "x"
    assert kubectl("cp a:to/tree got").code == 0
    assert (tmp_path / "got" / "sub" / "file").read_text() == "x"


def test_links_are_left_out(kubectl: Kubectl, container: Path, tmp_path: Path) -> None:
    (container / "d").mkdir()
    (container / "d" / "link").symlink_to("/etc/passwd")
    (container / "d" / "file").write_text("x")
    ran = kubectl("cp a:d got")
    assert "skipping symlink" in ran.err and sorted(os.listdir(tmp_path / "got")) == ["file"]


def test_a_link_that_was_there_is_not_followed_out(kubectl: Kubectl, container: Path, tmp_path: Path) -> None:
    (container / "d" / "link").mkdir(parents=True)
    (container / "d" / "link" / "file").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "got" / "d").mkdir(parents=True)
    (tmp_path / "got" / "d" / "link").symlink_to(tmp_path / "outside")
    assert "outside target destination" in kubectl("cp a:d got").err
    assert os.listdir(tmp_path / "outside") == []


def test_what_is_not_there_fails(kubectl: Kubectl, container: Path) -> None:
    ran = kubectl("cp a:nope got")
    assert ran.code != 0
