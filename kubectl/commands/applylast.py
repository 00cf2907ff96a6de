"""kubectl apply view-last-applied, set-last-applied and edit-last-applied: the annotation that apply compares with."""
from __future__ import annotations

from kubectl import builder, lastapplied, printers, yamlout
from kubectl.changes import send
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session


def view(session: Session, args: list[str]) -> int:
    flags = session.flags
    output = flags.text("output")
    texts = []
    for target in builder.expand(session, builder.targets(session, args, list_without_name=True)):
        last = lastapplied.of(target.document or {})
        if last is None:
            continue
        if output not in ("", "yaml", "json"):
            raise session.usage(f"Unexpected -o output mode: {output}, the flag 'output' must be one of yaml|json")
        if output == "json":
            from json import dumps
            texts.append(dumps(last, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        else:
            texts.append(yamlout.dump(last))
    session.out("".join(texts))
    return 0


def set_(session: Session, args: list[str]) -> int:
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    report = printers.Report(session)
    found = builder.targets(session, args)
    current: list[tuple[Target, Document]] = []
    for target in found:
        try:
            document = target.fetch(session)
        except StatusError as error:
            raise error.while_doing("retrieving current configuration of:", target.source) from None
        if lastapplied.of(document) is None and not session.flags.on("create-annotation"):
            raise CommandError(f"no last-applied-configuration annotation found on resource: {target.name}, to create the annotation, run the command with "
                               "--create-annotation")
        current.append((target, document))
    for target, document in current:
        text = lastapplied.annotate(target.document or {})["metadata"]["annotations"][lastapplied.ANNOTATION]
        if (document["metadata"].get("annotations") or {}).get(lastapplied.ANNOTATION) == text:
            session.out(f"set-last-applied {target.name}: no changes required.\n")
            continue
        report(send(session, target, document, {"metadata": {"annotations": {lastapplied.ANNOTATION: text}}}), "configured")
    return 0


def edit(session: Session, args: list[str]) -> int:
    from kubectl import editing
    report = printers.Report(session)
    found: list[tuple[Target, Document]] = []
    for target in builder.expand(session, builder.targets(session, args, list_without_name=True)):
        last = lastapplied.of(target.document or {})
        if last is not None:
            found.append((target, last))
    if not found:
        raise CommandError("no last-applied-configuration annotation found on resources, to create the annotation, use command "
                           "`kubectl apply set-last-applied --create-annotation`")

    def use(edited: Document) -> None:
        target, last = next((pair for pair in found if _name(pair[1]) == _name(edited)), (None, None))
        if target is None:
            raise CommandError(f"no original object found for {edited.get('kind', '')} {(edited.get('metadata') or {}).get('name', '')}")
        if edited == last:
            return report(target.document or {}, "skipped")
        text = lastapplied.annotate(edited)["metadata"]["annotations"][lastapplied.ANNOTATION]
        send(session, target, target.document or {}, {"metadata": {"annotations": {lastapplied.ANNOTATION: text}}})
        return report(edited, "edited")
    editing.edit(session, [last for _, last in found], use)
    return 0


def _name(document: Document) -> tuple[object, object, object]:
    metadata = document.get("metadata") or {}
    return document.get("kind"), metadata.get("namespace"), metadata.get("name")
