"""Files that a kustomization reads lie in its own directory, so that it can be moved as a whole, unless --load-restrictor says otherwise.

One setting for the process: a command line has one kustomization.
"""
from __future__ import annotations

import os

from kubectl.errors import CommandError

_is_enforced = True


def lift() -> None:
    """Files may lie anywhere from now on."""
    global _is_enforced
    _is_enforced = False


def outside(root: str, path: str) -> str:
    """Why the file must not be read; "" when it may be."""
    if not _is_enforced or os.path.realpath(path).startswith(os.path.realpath(root) + os.sep):
        return ""
    return f"security; file '{os.path.abspath(path)}' is not in or below '{root}'"


def check(root: str, path: str) -> None:
    """Raises CommandError."""
    if reason := outside(root, path):
        raise CommandError(reason)
