"""kubectl set: image, resources and serviceaccount of pod templates. `env` is in setenv.py, what is no template in setothers.py."""
from __future__ import annotations

from kubectl import builder, printers, workloads
from kubectl.client import STRATEGIC_MERGE
from kubectl.command import ALL, DRY_RUN, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

    # From the pod spec to what changes in it; {} if nothing does. Raises CommandError.
    Change = Callable[[Document], Document]
    Found = list[tuple[Target, Document]]

_COMMON = (ALL, *PRINT, DRY_RUN, field_manager("kubectl-set"), Flag("local", "bool", help="change the file's object only"))
COMMON = (*FILES, SELECTOR, *_COMMON)
# Some commands look below directories unless told not to.
_BELOW = (FILES[0], Flag("recursive", "bool", True, short="R", help="read directories named by -f recursively"))


def split(args: list[str]) -> tuple[list[str], list[str]]:
    """Resources and `name=value` pairs (`name-` removes)."""
    resources: list[str] = []
    pairs: list[str] = []
    for arg in args:
        (pairs if "=" in arg or arg.endswith("-") and len(arg) > 1 else resources).append(arg)
    return resources, pairs


def found(session: Session, resources: list[str]) -> Found:
    """The objects that resources or files name: as they are, or with --local as the file says. Raises CommandError."""
    local = session.flags.on("local")
    if local and resources:
        raise CommandError("you must specify resources by --filename when --local is set.\nExample resource specifications include:\n"
                           "   '-f rsrc.yaml'\n   '--filename=rsrc.json'")
    errors: list[CommandError] = []
    targets = builder.targets(session, resources)
    expanded = [(target, target.document or {}) for target in (targets if local else builder.expand(session, targets, errors))]
    raise_all(errors)
    return expanded


def containers(spec: Document) -> list[tuple[str, Document]]:
    """(field, container), those that run first first."""
    return [(field, container) for field in ("initContainers", "containers") for container in spec.get(field) or []]


def template_of(target: Target, document: Document) -> tuple[tuple[str, ...], Document]:
    """Where the object has its pod spec, and that. Raises CommandError."""
    path = workloads.pod_spec_path(document["kind"])
    if path is None:
        raise CommandError(f"{target.kind.plural}/{target.name} the object is not a pod or does not have a pod template: *v1.{document['kind']}")
    return path, workloads.at(document, path)


def change_templates(session: Session, objects: Found, change: Change, done: str, doing: str) -> int:
    """Patch each object's pod template. A failure does not keep the others from it; they are raised at the end."""
    report = printers.Report(session)
    errors: list[CommandError] = []
    for target, document in objects:
        try:
            path, spec = template_of(target, document)
            changed = change(spec)
            if changed or session.flags.on("local"):
                report(send(session, target, document, workloads.nested(path, changed), doing), done)
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
    return 0


def send(session: Session, target: Target, document: Document, patch: Document, doing: str) -> Document:
    """The object with the strategic patch. Raises CommandError."""
    if session.flags.on("local") or session.dry_run == "client":
        from kubeapi.patch import strategic
        from kubeapi.schemas import schema_of
        return strategic.apply(document, patch, schema_of(target.kind.group, target.kind.version, target.kind.kind))
    try:
        return session.client.request("PATCH", target.path, session.writing(), patch, content_type=STRATEGIC_MERGE)
    except StatusError as error:
        raise CommandError(f"failed to patch {doing}: {error.message}") from None


def image(session: Session, args: list[str]) -> int:
    resources, pairs = split(args)
    objects = found(session, resources)
    wanted = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if not wanted:
        raise CommandError("at least one image update is required")
    if "*" in wanted and len(wanted) > 1:
        raise CommandError("all containers are already specified by *, but saw more than one container_name=container_image pairs")

    def change(spec: Document) -> Document:
        names = {container["name"] for _, container in containers(spec)}
        for name in wanted:
            if name != "*" and name not in names:
                raise CommandError(f'unable to find container named "{name}"')
        result: Document = {}
        for field, container in containers(spec):
            new = wanted.get(container["name"], wanted.get("*"))
            if new is not None and new != container.get("image"):
                result.setdefault(field, []).append({"name": container["name"], "image": new})
        return result
    return change_templates(session, objects, change, "image updated", "image update to pod template")


def resources(session: Session, args: list[str]) -> int:
    words, _ = split(args)
    objects = found(session, words)
    wanted = {name: _quantities(session.flags.text(name)) for name in ("limits", "requests") if session.flags.text(name)}
    if not wanted:
        raise CommandError("you must specify an update to requests or limits (in the form of --requests/--limits)")
    only = session.flags.text("containers")

    def change(spec: Document) -> Document:
        chosen = [container for field, container in containers(spec) if field == "containers" and matches(only, container["name"])]
        if not chosen:
            raise CommandError(f"unable to find container named {only}")
        changed = [{"name": container["name"], "resources": wanted} for container in chosen if not _has(container.get("resources") or {}, wanted)]
        return {"containers": changed} if changed else {}
    return change_templates(session, objects, change, "resource requirements updated", "resources update to pod template")


def _has(resources: Document, wanted: Document) -> bool:
    return all((resources.get(name) or {}).get(key) == amount for name, amounts in wanted.items() for key, amount in amounts.items())


def _quantities(text: str) -> dict[str, str]:
    from kubectl.generators.policies import canonical
    found = {}
    for pair in text.split(","):
        parts = pair.split("=")
        if len(parts) != 2:
            raise CommandError(f"Invalid argument syntax {pair}, expected <resource>=<value>")
        found[parts[0]] = canonical(parts[1])
    return found


def matches(pattern: str, name: str) -> bool:
    """Whether -c means the container; `*` stands for any text."""
    from fnmatch import fnmatchcase
    return fnmatchcase(name, pattern)


def service_account(session: Session, args: list[str]) -> int:
    if not args:
        raise CommandError("serviceaccount is required")
    objects = found(session, args[:-1])
    return change_templates(session, objects, lambda spec: {"serviceAccountName": args[-1]}, "serviceaccount updated", "ServiceAccountName")


def _elsewhere(module: str, function: str) -> Callable[[Session, list[str]], int]:
    def run(session: Session, args: list[str]) -> int:
        from importlib import import_module
        code: int = getattr(import_module(f"kubectl.commands.{module}"), function)(session, args)
        return code
    return run


_ONLY = Flag("containers", default="*", short="c", help="which container")
_SUBCOMMANDS = {
    "env": Command("kubectl set env (TYPE NAME | TYPE/NAME) KEY=VALUE ...", "Change environment variables", _elsewhere("setenv", "run"),
                   (*COMMON, _ONLY, Flag("list", "bool", help="only show them"), Flag("env", "array", short="e", help="KEY=VALUE"),
                    Flag("from", help="configmap/NAME or secret/NAME to take all keys of"), Flag("keys", "strings", help="with --from: only these"),
                    Flag("prefix", help="with --from: put before the names"), Flag("overwrite", "bool", True, help="change what is there"),
                    Flag("resolve", "bool", help="with --list: show what references stand for"))),
    "image": Command("kubectl set image (TYPE NAME | TYPE/NAME) CONTAINER=IMAGE ...", "Change images", image, COMMON),
    "resources": Command("kubectl set resources (TYPE NAME | TYPE/NAME)", "Change requests and limits", resources,
                         (*COMMON, _ONLY, Flag("limits", help="cpu=1,memory=1Gi"), Flag("requests", help="cpu=1,memory=1Gi"))),
    "selector": Command("kubectl set selector (TYPE NAME | TYPE/NAME) EXPRESSIONS", "Change the selector of a service",
                        _elsewhere("setothers", "selector"), (*_BELOW, *_COMMON, Flag("resource-version", help="only at this version"))),
    "serviceaccount": Command("kubectl set serviceaccount (TYPE NAME | TYPE/NAME) ACCOUNT", "Change the service account", service_account, (*FILES, *_COMMON)),
    "subject": Command("kubectl set subject (TYPE NAME | TYPE/NAME) --user=USER", "Add subjects to a role binding", _elsewhere("setothers", "subject"),
                       (*COMMON, Flag("user", "array", help="user"), Flag("group", "array", help="group"),
                        Flag("serviceaccount", "array", help="namespace:name"))),
}
COMMANDS = {"set": Command("kubectl set SUBCOMMAND", "Change one aspect of resources", subcommands={**_SUBCOMMANDS, "sa": _SUBCOMMANDS["serviceaccount"]})}
