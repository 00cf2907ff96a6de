"""kubectl config: shows and changes kubeconfig files.

A change goes to the file that holds what is changed, else to the first of KUBECONFIG; files are replaced in one step.
"""
from __future__ import annotations

import os

from kubectl import kubeconfig, userplugins
from kubectl.command import Command
from kubectl.configfiles import Files
from kubectl.errors import CommandError
from kubectl.flags import Flag
from kubectl.kubeconfig import LISTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.session import Session

_SECRET = ("token", "password", "client-key-data", "client-certificate-data")
_BYTES = ("certificate-authority-data", "client-certificate-data", "client-key-data")


def _merged(session: Session) -> Document:
    return kubeconfig.load(kubeconfig.paths(session.flags), explicit=bool(session.flags.text("kubeconfig")))


def _one(session: Session, args: list[str]) -> str:
    if len(args) != 1:
        raise CommandError(f"Unexpected args: [{' '.join(args)}]")
    return args[0]


def view(session: Session, args: list[str]) -> int:
    config = _merged(session)
    if session.flags.text("context"):
        config["current-context"] = session.flags.text("context")
    if session.flags.on("minify"):
        config = _minified(config)
    document: Document = {"kind": "Config", "apiVersion": "v1", "preferences": config["preferences"]}
    for plural, singular in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        document[plural] = [{"name": name, singular: _shown(session, config[plural][name])} for name in sorted(config[plural])] or None
    document["current-context"] = config["current-context"]
    output = session.flags.text("output")
    if output in ("", "yaml"):
        from kubectl import yamlout
        session.out(yamlout.dump(document))
    elif output == "json":
        import json
        session.out(json.dumps({**document, "users": [userplugins.in_order(each) for each in document["users"] or []] or None}, indent=4) + "\n")
    else:
        from kubectl import printers
        printer = printers.printer_of(session)
        session.out(printer(document) if printer else "")
    return 0


def _minified(config: Document) -> Document:
    name = config["current-context"]
    if not name:
        raise CommandError("current-context must exist in order to minify")
    if name not in config["contexts"]:
        raise CommandError(f"cannot locate context {name}")
    context = config["contexts"][name]
    found = {**config, "contexts": {name: context}}
    for plural, key in (("clusters", "cluster"), ("users", "user")):
        found[plural] = {each: value for each, value in config[plural].items() if each == context.get(key)}
    return found


def _shown(session: Session, value: Document) -> Document:
    """An entry, its secrets hidden unless --raw."""
    if session.flags.on("raw") or session.flags.on("flatten"):
        return _flattened(value) if session.flags.on("flatten") else value
    shown = {key: "REDACTED" if key in _SECRET and entry and key == "token" or key == "password" else entry for key, entry in value.items()}
    return {key: "DATA+OMITTED" if key in _BYTES and entry else entry for key, entry in shown.items()}


def _flattened(value: Document) -> Document:
    from binascii import b2a_base64
    flat = dict(value)
    for name in ("certificate-authority", "client-certificate", "client-key"):
        if flat.get(name):
            with open(flat.pop(name), "rb") as file:
                flat[f"{name}-data"] = b2a_base64(file.read(), newline=False).decode()
    return flat


def current_context(session: Session, args: list[str]) -> int:
    name = _merged(session)["current-context"]
    if not name:
        raise CommandError("current-context is not set")
    session.out(f"{name}\n")
    return 0


def get_contexts(session: Session, args: list[str]) -> int:
    from kubectl.tabwriter import Rows
    config = _merged(session)
    names = args or sorted(config["contexts"])
    missing = [name for name in names if name not in config["contexts"]]
    output = session.flags.text("output")
    if output not in ("", "name"):
        raise CommandError(f"--output {output} is not available in kubectl config get-contexts; should be one of [name]")
    if output == "name":
        session.out("".join(f"{name}\n" for name in names if name not in missing))
    else:
        rows = [] if session.flags.on("no-headers") else [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]]
        for name in names:
            context = config["contexts"].get(name)
            if context is not None:
                rows.append(["*" if name == config["current-context"] else "", name, context.get("cluster", ""), context.get("user", ""),
                             context.get("namespace", "")])
        session.out(Rows().format(rows))
    if missing:
        raise CommandError("\n".join(f"context {name} not found" for name in missing))
    return 0


def _names(plural: str) -> Callable[[Session, list[str]], int]:
    def run(session: Session, args: list[str]) -> int:
        names = sorted(_merged(session)[plural])
        session.out("NAME\n" + "".join(f"{name}\n" for name in names))
        return 0
    return run


def use_context(session: Session, args: list[str]) -> int:
    name, files = _one(session, args), Files(session)
    if files.find("contexts", name) is None:
        raise CommandError(f'no context exists with the name: "{name}"')
    files.set_current(name)
    session.out(f'Switched to context "{name}".\n')
    return 0


def set_context(session: Session, args: list[str]) -> int:
    flags, files = session.flags, Files(session)
    if flags.on("current") == bool(args):
        raise CommandError("you must specify a non-empty context name or --current" if not args else
                           "you cannot specify both a context name and --current")
    name = args[0] if args else files.current()
    if not name:
        raise CommandError("no current context is set")
    path, context, existed = files.entry("contexts", name)
    for flag in ("cluster", "user", "namespace"):
        if flag in flags.given:
            context[flag] = flags.text(flag)
    context.setdefault("cluster", "")
    context.setdefault("user", "")
    if not context.get("namespace"):
        context.pop("namespace", None)
    files.save(path)
    session.out(f'Context "{name}" {"modified" if existed else "created"}.\n')
    return 0


def set_cluster(session: Session, args: list[str]) -> int:
    name, flags, files = _one(session, args), session.flags, Files(session)
    path, cluster, _ = files.entry("clusters", name)
    if flags.text("server"):
        cluster["server"] = flags.text("server")
    cluster.setdefault("server", "")
    if flags.text("tls-server-name"):
        cluster["tls-server-name"] = flags.text("tls-server-name")
    if "insecure-skip-tls-verify" in flags.given:
        _put(cluster, "insecure-skip-tls-verify", flags.on("insecure-skip-tls-verify"))
        if flags.on("insecure-skip-tls-verify"):
            cluster.pop("certificate-authority", None)
            cluster.pop("certificate-authority-data", None)
    _put_file(session, cluster, "certificate-authority", path)
    if cluster.get("certificate-authority") or cluster.get("certificate-authority-data"):
        cluster.pop("insecure-skip-tls-verify", None)
    if "proxy-url" in flags.given:
        _put(cluster, "proxy-url", flags.text("proxy-url"))
    files.save(path)
    session.out(f'Cluster "{name}" set.\n')
    return 0


def set_credentials(session: Session, args: list[str]) -> int:
    name, flags, files = _one(session, args), session.flags, Files(session)
    userplugins.check(session)
    path, user, _ = files.entry("users", name)
    for flag in ("client-certificate", "client-key"):
        _put_file(session, user, flag, path)
    for flag in ("token", "username", "password"):
        if flag in flags.given:
            _put(user, flag, flags.text(flag))
    userplugins.put(session, user)
    files.save(path)
    session.out(f'User "{name}" set.\n')
    return 0


def _put(value: Document, key: str, given: Any) -> None:
    if given in ("", False):
        value.pop(key, None)
    else:
        value[key] = given


def _put_file(session: Session, value: Document, flag: str, config_path: str) -> None:
    """A certificate's path, or with --embed-certs its content."""
    given = session.flags.text(flag)
    if not given:
        return
    if not session.flags.on("embed-certs"):
        value.pop(f"{flag}-data", None)
        here = os.path.dirname(os.path.abspath(config_path))
        value[flag] = os.path.relpath(given, here) if not os.path.isabs(given) else given
        return
    from binascii import b2a_base64
    try:
        with open(given, "rb") as file:
            value[f"{flag}-data"] = b2a_base64(file.read(), newline=False).decode()
    except OSError as error:
        raise CommandError(f"could not stat {flag} file {given}: stat {given}: {(error.strerror or '').lower()}") from None
    value.pop(flag, None)


def _deleting(plural: str, noun: str) -> Callable[[Session, list[str]], int]:
    def run(session: Session, args: list[str]) -> int:
        name, files = _one(session, args), Files(session)
        found = files.find(plural, name)
        if found is None:
            raise CommandError(f"cannot delete {noun} {name}, not in {files.default}")
        path, entry = found
        if plural == "contexts" and files.current() == name:
            session.warn('warning: this removed your active context, use "kubectl config use-context" to select a different one')
        files.documents[path][plural].remove(entry)
        files.save(path)
        session.out(f"deleted {noun} {name} from {path}\n")
        return 0
    return run


def rename_context(session: Session, args: list[str]) -> int:
    if len(args) != 2:
        raise CommandError(f"Unexpected args: [{' '.join(args)}]")
    old, new = args
    files = Files(session)
    found = files.find("contexts", old)
    if found is None:
        raise CommandError(f'cannot rename the context "{old}", it\'s not in {files.default}')
    if files.find("contexts", new) is not None:
        raise CommandError(f'cannot rename the context "{old}", the context "{new}" already exists in {found[0]}')
    found[1]["name"] = new
    document = files.documents[found[0]]
    document["contexts"].sort(key=lambda entry: str(entry["name"]))
    is_current = files.current() == old
    files.save(found[0])
    if is_current:
        files.set_current(new)
    session.out(f'Context "{old}" renamed to "{new}".\n')
    return 0


def set_property(session: Session, args: list[str]) -> int:
    if len(args) != 2:
        raise CommandError(f"Unexpected args: [{' '.join(args)}]")
    name, text = args
    files = Files(session)
    if name == "current-context":
        files.set_current(text)
    else:
        plural, entry, key = _property(name)
        path, value, _ = files.entry(plural, entry)
        if key in _BYTES and session.flags.on("set-raw-bytes"):
            from binascii import b2a_base64
            text = b2a_base64(text.encode(), newline=False).decode()
        value[key] = text == "true" if text in ("true", "false") and key == "insecure-skip-tls-verify" else text
        files.save(path)
    session.out(f'Property "{name}" set.\n')
    return 0


def unset_property(session: Session, args: list[str]) -> int:
    name, files = _one(session, args), Files(session)
    if name == "current-context":
        files.set_current("")
    elif name in LISTS:
        for path in files.paths:
            if files.documents[path].get(name):
                files.documents[path][name] = []
                files.save(path)
    else:
        parts = name.split(".")
        if parts[0] not in LISTS or len(parts) < 2:
            raise CommandError(f"unable to parse path {name!r}".replace("'", '"'))
        found = files.find(parts[0], ".".join(parts[1:])) or files.find(parts[0], ".".join(parts[1:-1]))
        if found is not None:
            path, entry = found
            if entry["name"] == ".".join(parts[1:]):
                files.documents[path][parts[0]].remove(entry)
            else:
                (entry.get(LISTS[parts[0]]) or {}).pop(parts[-1], None)
            files.save(path)
    session.out(f'Property "{name}" unset.\n')
    return 0


def _property(name: str) -> tuple[str, str, str]:
    plural, _, rest = name.partition(".")
    entry, _, key = rest.rpartition(".")
    if plural not in LISTS or not entry or not key:
        raise CommandError(f"unable to parse path {name!r}: need plural.name.field".replace("'", '"'))
    return plural, entry, key


_EMBED = Flag("embed-certs", "bool", help="write the certificates' content, not their paths")
_VIEW = (Flag("output", default="yaml", short="o", help="yaml, json, jsonpath=..."), Flag("raw", "bool", help="with secrets"),
         Flag("minify", "bool", help="only what the current context needs"), Flag("flatten", "bool", help="files embedded"),
         Flag("merge", "bool", True, help="accepted"), Flag("show-managed-fields", "bool", help="accepted"), Flag("template", help="template"),
         Flag("allow-missing-template-keys", "bool", True, help="a template may name keys that are not there"))


def _global(*names: str) -> tuple[Flag, ...]:
    """The connection's flags that are what a command sets: its help is to show them."""
    from kubectl.main import GLOBAL_FLAGS
    return tuple(flag for flag in GLOBAL_FLAGS if flag.name in names)


_SUBCOMMANDS = {
    "view": Command("kubectl config view", "Show the merged configuration", view, _VIEW),
    "get-contexts": Command("kubectl config get-contexts [NAME ...]", "List contexts", get_contexts,
                            (Flag("output", short="o", help="name"), Flag("no-headers", "bool", help="no header line"))),
    "current-context": Command("kubectl config current-context", "Show the current context's name", current_context),
    "use-context": Command("kubectl config use-context NAME", "Change the current context", use_context),
    "set-context": Command("kubectl config set-context (NAME | --current)", "Make or change a context", set_context,
                           (Flag("current", "bool", help="the current one"), *_global("cluster", "user", "namespace"))),
    "set-cluster": Command("kubectl config set-cluster NAME", "Make or change a cluster", set_cluster, (
        _EMBED, Flag("proxy-url", help="proxy"), *_global("server", "certificate-authority", "insecure-skip-tls-verify", "tls-server-name"))),
    "set-credentials": Command("kubectl config set-credentials NAME", "Make or change a user", set_credentials, (
        _EMBED, Flag("exec-command", help="credential plugin"), Flag("exec-api-version", help="its API version"),
        Flag("exec-arg", "strings", help="its arguments"), Flag("exec-env", "array", help="its environment"),
        Flag("exec-interactive-mode", help="whether it may ask: Never, IfAvailable, Always"),
        Flag("exec-provide-cluster-info", "bool", help="it is told about the cluster"), Flag("auth-provider", help="kept for other clients"),
        Flag("auth-provider-arg", "array", help="key=value of it"), *_global("client-certificate", "client-key", "token", "username", "password"))),
    "get-clusters": Command("kubectl config get-clusters", "List clusters", _names("clusters")),
    "get-users": Command("kubectl config get-users", "List users", _names("users")),
    "delete-context": Command("kubectl config delete-context NAME", "Delete a context", _deleting("contexts", "context")),
    "delete-cluster": Command("kubectl config delete-cluster NAME", "Delete a cluster", _deleting("clusters", "cluster")),
    "delete-user": Command("kubectl config delete-user NAME", "Delete a user", _deleting("users", "user")),
    "rename-context": Command("kubectl config rename-context OLD NEW", "Rename a context", rename_context),
    "set": Command("kubectl config set PROPERTY VALUE", "Set one value", set_property,
                   (Flag("set-raw-bytes", "bool", help="the value is not base64"),)),
    "unset": Command("kubectl config unset PROPERTY", "Remove one value", unset_property),
}
COMMANDS = {"config": Command("kubectl config SUBCOMMAND", "Show and change kubeconfig files",
                              subcommands={**_SUBCOMMANDS, "use": _SUBCOMMANDS["use-context"]})}
