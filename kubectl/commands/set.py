"""kubectl set: image, env, resources and serviceaccount of pod templates."""
from __future__ import annotations

from kubectl import builder, printers, workloads
from kubectl.client import STRATEGIC_MERGE
from kubectl.command import ALL, DRY_RUN, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.errors import CommandError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.session import Session

    # From the pod spec to what changes in it; {} if nothing does.
    Change = Callable[[Document], Document]

COMMON = (*FILES, SELECTOR, ALL, *PRINT, DRY_RUN, field_manager("kubectl-set"), Flag("local", "bool", help="change the file's object only"))


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    """Resources and `name=value` pairs (`name-` removes)."""
    resources: list[str] = []
    pairs: list[str] = []
    for arg in args:
        (pairs if "=" in arg or arg.endswith("-") and len(arg) > 1 else resources).append(arg)
    return resources, pairs


def _apply(session: Session, resources: list[str], change: Change, done: str) -> int:
    if not resources and not session.flags.texts("filename"):
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    report = printers.Report(session)
    errors: list[CommandError] = []
    found = builder.targets(session, resources)
    local = session.flags.on("local")
    for target in found if local else builder.expand(session, found, errors):
        document = target.document or {}
        path = workloads.pod_spec_path(document["kind"])
        try:
            if path is None:
                raise CommandError(f"{target.label} the object is not a pod or does not have a pod template: {document['kind']}")
            changed = change(workloads.at(document, path))
            if not changed and not local:
                continue
            patch = workloads.nested(path, changed)
            if local or session.dry_run == "client":
                from kubeapi.patch import strategic
                from kubeapi.schemas import schema_of
                report(strategic.apply(document, patch, schema_of(target.kind.group, target.kind.version, target.kind.kind)), done)
            else:
                report(session.client.request("PATCH", target.path, session.writing(), patch, content_type=STRATEGIC_MERGE), done)
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
    return 0


def _containers(spec: Document) -> list[tuple[str, Document]]:
    return [(field, container) for field in ("initContainers", "containers") for container in spec.get(field) or []]


def image(session: Session, args: list[str]) -> int:
    resources, pairs = _split(args)
    wanted = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if not wanted:
        raise CommandError("at least one image update is required")
    if "*" in wanted and len(wanted) > 1:
        raise CommandError("all containers are already specified by *, but saw more than one container_name=container_image pairs")

    def change(spec: Document) -> Document:
        names = {container["name"] for _, container in _containers(spec)}
        for name in wanted:
            if name != "*" and name not in names:
                raise CommandError(f'unable to find container named "{name}"')
        result: Document = {}
        for field, container in _containers(spec):
            new = wanted.get(container["name"], wanted.get("*"))
            if new is not None and new != container.get("image"):
                result.setdefault(field, []).append({"name": container["name"], "image": new})
        return result
    return _apply(session, resources, change, "image updated")


def env(session: Session, args: list[str]) -> int:
    resources, pairs = _split(args)
    pairs += session.flags.texts("env")
    if session.flags.on("list"):
        return _list_env(session, resources)
    if not pairs:
        raise CommandError("at least one environment variable must be provided")
    only = session.flags.text("containers")

    def change(spec: Document) -> Document:
        result: Document = {}
        for field, container in _containers(spec):
            if only not in ("*", container["name"]):
                continue
            before = {each["name"]: each for each in container.get("env") or []}
            entries: list[Document] = []
            for pair in pairs:
                name, given, value = pair.partition("=")
                if not given:
                    if name[:-1] in before:
                        entries.append({"name": name[:-1], "$patch": "delete"})
                elif before.get(name) != {"name": name, "value": value}:
                    entries.append({"name": name, "value": value, **({"valueFrom": None} if "valueFrom" in before.get(name, {}) else {})})
            if entries:
                result.setdefault(field, []).append({"name": container["name"], "env": entries})
        return result
    return _apply(session, resources, change, "env updated")


def _list_env(session: Session, resources: list[str]) -> int:
    for target in builder.expand(session, builder.targets(session, resources)):
        document = target.document or {}
        for _, container in _containers(workloads.at(document, workloads.pod_spec_path(document["kind"]) or ())):
            session.out(f"# {target.kind.plural}/{target.name}, container {container['name']}\n")
            for each in container.get("env") or []:
                session.out(f"{each['name']}={each.get('value', '')}\n" if "valueFrom" not in each else f"# {each['name']} from a reference\n")
    return 0


def resources(session: Session, args: list[str]) -> int:
    words, _ = _split(args)
    wanted: Document = {}
    for name in ("limits", "requests"):
        if session.flags.text(name):
            wanted[name] = dict(pair.split("=", 1) for pair in session.flags.text(name).split(",") if "=" in pair)
    if not wanted:
        raise CommandError("you must specify an update to requests or limits (in the form of --requests/--limits)")
    only = session.flags.text("containers")

    def change(spec: Document) -> Document:
        found = [{"name": container["name"], "resources": wanted} for field, container in _containers(spec)
                 if field == "containers" and only in ("*", container["name"])]
        return {"containers": found} if found else {}
    return _apply(session, words, change, "resource requirements updated")


def service_account(session: Session, args: list[str]) -> int:
    if len(args) < 2:
        raise CommandError("serviceaccount is required")
    return _apply(session, args[:-1], lambda spec: {"serviceAccountName": args[-1]}, "serviceaccount updated")


_ONLY = Flag("containers", default="*", short="c", help="which container")
_SUBCOMMANDS = {
    "image": Command("kubectl set image (TYPE NAME | TYPE/NAME) CONTAINER=IMAGE ...", "Change images", image, COMMON),
    "env": Command("kubectl set env (TYPE NAME | TYPE/NAME) KEY=VALUE ...", "Change environment variables", env,
                   (*COMMON, _ONLY, Flag("list", "bool", help="only show them"), Flag("env", "array", short="e", help="KEY=VALUE"))),
    "resources": Command("kubectl set resources (TYPE NAME | TYPE/NAME)", "Change requests and limits", resources,
                         (*COMMON, _ONLY, Flag("limits", help="cpu=1,memory=1Gi"), Flag("requests", help="cpu=1,memory=1Gi"))),
    "serviceaccount": Command("kubectl set serviceaccount (TYPE NAME | TYPE/NAME) ACCOUNT", "Change the service account", service_account, COMMON),
}
COMMANDS = {"set": Command("kubectl set SUBCOMMAND", "Change one aspect of resources", subcommands={**_SUBCOMMANDS, "sa": _SUBCOMMANDS["serviceaccount"]})}
