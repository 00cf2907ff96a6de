"""kubectl kustomize: prints what `-k` would apply."""
from __future__ import annotations

from kubectl import yamlout
from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.session import Session


def run(session: Session, args: list[str]) -> int:
    from kubectl.kustomize.build import build
    if len(args) > 1:
        raise CommandError("specify one path to kustomization.yaml")
    text = "---\n".join(yamlout.dump(document) for document in build(args[0] if args else "."))
    path = session.flags.text("output")
    if not path:
        session.out(text)
        return 0
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or '').lower()}") from None
    return 0


COMMANDS = {"kustomize": Command("kubectl kustomize DIRECTORY", "Print what a kustomization builds", run,
                                 (Flag("output", short="o", help="a file to write to"), Flag("load-restrictor", help="accepted")))}
