"""What the launcher tells its user when a command cannot work here: one sentence, exit code 1."""
from __future__ import annotations


class CannotRun(Exception):
    """Says what is missing and how to get it."""
