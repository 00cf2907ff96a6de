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
    from kubectl.kustomize import bounds
    from kubectl.kustomize.build import build
    if len(args) > 1:
        raise CommandError("specify one path to kustomization.yaml")
    restrictor = session.flags.text("load-restrictor")
    if restrictor not in _RESTRICTORS:
        raise CommandError(f"illegal flag value --load-restrictor {restrictor}; legal values: [{' '.join(_RESTRICTORS)}]")
    if session.flags.on("enable-helm"):
        raise CommandError("--enable-helm is not supported by this kubectl: run `helm template` and list what it prints under resources")
    if restrictor != _RESTRICTORS[0]:
        bounds.lift()
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


_RESTRICTORS = ("LoadRestrictionsRootOnly", "LoadRestrictionsNone")
_HELM = "accepted: there is no helm"
_PLUGINS = "accepted: there are no plugins"
COMMANDS = {"kustomize": Command("kubectl kustomize DIRECTORY", "Print what a kustomization builds", run, (
    Flag("output", short="o", help="a file to write to"),
    Flag("load-restrictor", default=_RESTRICTORS[0], help="LoadRestrictionsNone: files may lie outside of the directory"),
    Flag("enable-helm", "bool", help="refused"), Flag("helm-command", default="helm", help=_HELM), Flag("helm-api-versions", "array", help=_HELM),
    Flag("helm-kube-version", help=_HELM), Flag("helm-debug", "bool", help=_HELM), Flag("enable-alpha-plugins", "bool", help=_PLUGINS), Flag("as-current-user", "bool", help=_PLUGINS),
    Flag("env", "array", short="e", help=_PLUGINS), Flag("mount", "array", help=_PLUGINS), Flag("network", "bool", help=_PLUGINS),
    Flag("network-name", default="bridge", help=_PLUGINS)))}
