"""A command of kubectl: what it is called, which flags it knows, and what runs it."""
from __future__ import annotations

from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl.session import Session

    Run = Callable[[Session, list[str]], int | None]


class Command:
    """`run` gets the session and the arguments, and returns an exit code (None is 0)."""

    __slots__ = ("flags", "interspersed", "run", "subcommands", "summary", "usage")

    def __init__(self, usage: str, summary: str, run: Run | None = None, flags: tuple[Flag, ...] = (), *,
                 subcommands: dict[str, Command] | None = None, interspersed: bool = True) -> None:
        self.usage, self.summary, self.run, self.flags = usage, summary, run, flags
        self.subcommands = subcommands or {}
        self.interspersed = interspersed


# Flags that several commands share.
FILES = (Flag("filename", "strings", short="f", help="file, directory or URL to read the resources from"),
         Flag("recursive", "bool", short="R", help="read directories named by -f recursively"),
         Flag("kustomize", short="k", help="a directory with a kustomization to build the resources from"))
SELECTOR = Flag("selector", short="l", help="label selector, such as app=web,tier!=db")
FIELD_SELECTOR = Flag("field-selector", help="field selector, such as status.phase=Running")
ALL_NAMESPACES = Flag("all-namespaces", "bool", short="A", help="look in all namespaces")
ALL = Flag("all", "bool", help="all resources of the given types in the namespace")
DRY_RUN = Flag("dry-run", default="none", no_value="unchanged", help="none, client (print only) or server (try without storing)")
OUTPUT = Flag("output", short="o", help="output format: json, yaml, name, jsonpath=..., custom-columns=...")
PRINT = (OUTPUT, Flag("template", help="template of -o jsonpath or -o go-template"),
         Flag("show-managed-fields", "bool", help="keep managedFields in JSON and YAML"),
         Flag("allow-missing-template-keys", "bool", True, help="a template may name keys that are not there"))


def field_manager(name: str) -> Flag:
    """The flag that names the writer in managedFields."""
    return Flag("field-manager", default=name, help="name of the writer in managedFields")
