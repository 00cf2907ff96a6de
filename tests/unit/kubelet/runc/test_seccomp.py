from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubelet.cri import CriError
from kubelet.runc import seccomp


def allowed(profile: dict[str, Any]) -> set[str]:
    """Without conditions."""
    return {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule for name in rule["names"]}


@pytest.mark.parametrize(("capabilities", "names", "is_allowed"), [
    pytest.param((), {"read", "execve", "clone", "arch_prctl"} - {"clone"}, True, id="ordinary"),
    pytest.param((), {"mount", "unshare", "reboot", "bpf", "keyctl", "kexec_load", "io_uring_setup", "userfaultfd", "clone"}, False, id="not-for-all"),
    pytest.param(("SYS_ADMIN",), {"mount", "unshare", "clone", "clone3"}, True, id="administrator"),
    pytest.param(("SYS_CHROOT",), {"chroot"}, True, id="chroot"),
])
def test_the_default_profile(capabilities: tuple[str, ...], names: set[str], is_allowed: bool) -> None:
    found = allowed(seccomp.default_profile("x86_64", capabilities)) & names
    assert found == (names if is_allowed else set())


def test_programs_are_told_that_there_is_no_clone3() -> None:
    (rule,) = [one for one in seccomp.default_profile("x86_64", ())["syscalls"] if one["names"] == ["clone3"]]
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_a_profile_of_the_node_is_taken_without_what_runc_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_LOG", "archMap": [], "syscalls": []}))
    assert seccomp.profile("Localhost/p.json", tmp_path, ()) == {"defaultAction": "SCMP_ACT_LOG", "syscalls": []}


@pytest.mark.parametrize(("name", "message"), [
    pytest.param("none.json", "no such file or directory", id="missing"), pytest.param("broken.json", "Expecting value", id="no-json"),
    pytest.param("../../etc/passwd", "is outside", id="elsewhere"),
])
def test_a_profile_that_cannot_be_used(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "broken.json").write_text("broken")
    with pytest.raises(CriError, match=message):
        seccomp.profile(f"Localhost/{name}", tmp_path, ())
