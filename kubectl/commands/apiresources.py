"""kubectl api-resources and api-versions."""
from __future__ import annotations

from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag
from kubectl.tabwriter import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.discovery import Kind
    from kubectl.session import Session

FLAGS = (Flag("api-group", help="only of this group"), Flag("namespaced", "bool", True, help="only namespaced ones, or only the others"),
         Flag("no-headers", "bool", help="no header line"), Flag("output", short="o", help="wide or name"), Flag("sort-by", help="name or kind"),
         Flag("verbs", "strings", help="only with these verbs"), Flag("categories", "strings", help="only of these categories"),
         Flag("cached", "bool", help="do not ask the server if it is known"))


def resources(session: Session, args: list[str]) -> int:
    flags = session.flags
    if args:
        raise session.usage(f"unexpected arguments: [{' '.join(args)}]")
    output = flags.text("output")
    if output not in ("", "wide", "name"):
        raise CommandError(f"--output {output} is not available")
    if flags.text("sort-by") not in ("", "name", "kind"):
        raise CommandError("--sort-by accepts only name or kind")
    found = [kind for kind in session.discovery.kinds(refresh=not flags.on("cached")) if kind.verbs and kind.preferred and _wanted(session, kind)]
    key = flags.text("sort-by")
    found.sort(key=lambda kind: kind.kind if key == "kind" else kind.plural if key == "name" else (kind.group, kind.plural))
    if output == "name":
        session.out("".join(f"{kind.group_resource}\n" for kind in found))
        return 0
    rows = [] if flags.on("no-headers") else [["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", *(["VERBS", "CATEGORIES"] if output else [])]]
    rows += [[kind.plural, ",".join(kind.short_names), kind.api_version, "true" if kind.namespaced else "false", kind.kind,
              *([",".join(kind.verbs), ",".join(kind.categories)] if output else [])] for kind in found]
    session.out(Rows().format(rows))
    return 0


def _wanted(session: Session, kind: Kind) -> bool:
    flags = session.flags
    if "api-group" in flags.given and kind.group != flags.text("api-group"):
        return False
    if "namespaced" in flags.given and kind.namespaced != flags.on("namespaced"):
        return False
    return set(flags.texts("verbs")) <= set(kind.verbs) and set(flags.texts("categories")) <= set(kind.categories)


def versions(session: Session, args: list[str]) -> int:
    if args:
        raise session.usage(f"unexpected arguments: [{' '.join(args)}]")
    session.out("".join(f"{version}\n" for version in sorted({kind.api_version for kind in session.discovery.kinds(refresh=True)})))
    return 0


COMMANDS = {"api-resources": Command("kubectl api-resources", "Show the resources that the server has", resources, FLAGS),
            "api-versions": Command("kubectl api-versions", "Show the group-versions that the server has", versions)}
