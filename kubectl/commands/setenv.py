"""kubectl set env: sets, removes, takes over from a config map or secret, and lists."""
from __future__ import annotations

import re

from kubectl import builder
from kubectl.commands.set import change_templates, containers, found, matches, split, template_of
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.commands.set import Found
    from kubectl.session import Session

_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    resources, words = split(args)
    if not resources and not builder.has_files(session):
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    entries, removed = parsed([*words, *flags.texts("env")])
    if flags.text("from"):
        entries += _referenced(session)
    objects = found(session, resources)
    if flags.on("list"):
        return _list(session, objects)
    if not entries and not removed and not flags.text("from"):
        return 0
    for target, document in objects:
        _check(session, target, document, entries)
    only = flags.text("containers")
    return change_templates(session, objects, lambda spec: _changed(spec, only, entries, removed), "env updated", "env update to pod template")


def parsed(words: list[str]) -> tuple[list[Document], list[str]]:
    """What to set and what to remove. Raises CommandError."""
    entries: dict[str, Document] = {}
    removed = []
    for word in words:
        name, given, value = word.partition("=")
        if given:
            if not _NAME.fullmatch(name):
                raise CommandError(f'"{name}" is not a valid key name: a valid environment variable name must consist of alphabetic characters, digits, '
                                   "'_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex "
                                   "used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')")
            entries[name] = {"name": name, "value": value}
        elif word.endswith("-"):
            removed.append(word[:-1])
        else:
            raise CommandError(f"unknown argument: {word}")
    if set(removed) & set(entries):
        raise CommandError("can not both modify and remove the same environment variable in the same command")
    return list(entries.values()), removed


def _referenced(session: Session) -> list[Document]:
    """A variable per key of the config map or secret that --from names."""
    flags = session.flags
    entries = []
    for source in builder.targets(session, [flags.text("from")]):
        document = source.fetch(session)
        kinds = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
        if document["kind"] not in kinds:
            raise CommandError("unsupported resource specified in --from")
        for key in sorted(document.get("data") or {}):
            if not flags.texts("keys") or key in flags.texts("keys"):
                name = re.sub(r"[^A-Za-z0-9_]", "_", key).upper()
                if name != key:
                    session.warn(f"Warning: key {key} transferred to {name}")
                entries.append({"name": flags.text("prefix") + name,
                                "valueFrom": {kinds[document["kind"]]: {"name": source.name, "key": key}}})
    return entries


def _check(session: Session, target: Target, document: Document, entries: list[Document]) -> None:
    """Raises CommandError where --overwrite=false forbids a change; warns where -c means nobody."""
    only = session.flags.text("containers")
    _, spec = template_of(target, document)
    chosen = [container for _, container in containers(spec) if matches(only, container["name"])]
    if not chosen:
        session.warn(f'Warning: {target.kind.kind}/{target.name} does not have any containers matching "{only}"')
    if session.flags.on("overwrite"):
        return
    for container in chosen:
        before = {each["name"]: each.get("value", "") for each in container.get("env") or []}
        for entry in entries:
            if entry["name"] in before:
                raise CommandError(f"{target.kind.plural}/{target.name} '{entry['name']}' already has a value ({before[entry['name']]}), and "
                                   "--overwrite is false")


def _changed(spec: Document, only: str, entries: list[Document], removed: list[str]) -> Document:
    result: Document = {}
    for field, container in containers(spec):
        if not matches(only, container["name"]):
            continue
        before = {each["name"]: each for each in container.get("env") or []}
        changes: list[Document] = [{"name": name, "$patch": "delete"} for name in removed if name in before]
        for entry in entries:
            old = before.get(entry["name"], {})
            if old != entry:
                changes.append({**{key: None for key in old if key not in entry}, **entry})
        if changes:
            order = [name for name in before if name not in removed] + [entry["name"] for entry in entries if entry["name"] not in before]
            result.setdefault(field, []).append({"name": container["name"], "env": changes, "$setElementOrder/env": [{"name": name} for name in order]})
    return result


def _list(session: Session, objects: Found) -> int:
    only = session.flags.text("containers")
    for target, document in objects:
        _, spec = template_of(target, document)
        for _, container in containers(spec):
            if not matches(only, container["name"]):
                continue
            session.out(f"# {target.kind.kind} {target.name}, container {container['name']}\n")
            for entry in container.get("env") or []:
                session.out(_line(session, target, document, entry) + "\n")
    return 0


def _line(session: Session, target: Target, document: Document, entry: Document) -> str:
    source = entry.get("valueFrom")
    if not source:
        return f"{entry['name']}={entry.get('value', '')}"
    if session.flags.on("resolve"):
        try:
            return f"{entry['name']}={_resolved(session, target, document, source)}"
        except (StatusError, KeyError) as error:
            return f"error retrieving reference for {entry['name']}: {error}"
    return f"# {entry['name']} from {_described(source)}"


def _described(source: Document) -> str:
    if reference := source.get("fieldRef"):
        return f"field path {reference['fieldPath']}"
    if reference := source.get("resourceFieldRef"):
        container = f"{reference['containerName']}/" if reference.get("containerName") else ""
        return f"resource field {container}{reference['resource']}"
    if reference := source.get("secretKeyRef"):
        return f"secret {reference['name']}, key {reference['key']}"
    if reference := source.get("configMapKeyRef"):
        return f"configmap {reference['name']}, key {reference['key']}"
    return "invalid valueFrom"


def _resolved(session: Session, target: Target, document: Document, source: Document) -> str:
    """What the reference stands for now. Raises StatusError or KeyError."""
    for kind, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
        if reference := source.get(kind):
            found = session.client.get(f"/api/v1/namespaces/{target.namespace}/{plural}/{reference['name']}")
            text = str(found["data"][reference["key"]])
            if kind == "configMapKeyRef":
                return text
            from binascii import a2b_base64
            return a2b_base64(text).decode("utf-8", "replace")
    if reference := source.get("fieldRef"):
        value: Any = document
        for part in reference["fieldPath"].split("."):
            value = value[part]
        return str(value)
    raise KeyError(_described(source))
