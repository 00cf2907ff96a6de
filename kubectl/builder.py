"""From the command line's words and files to targets: which kind, in which namespace, of which name.

A Target without a name stands for the list of its kind; `expand` turns it into the objects. What a manifest holds is on
the target as `document`. Errors of single targets are collected, so that one missing object does not hide the others.
"""
from __future__ import annotations

from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubeapi.resource import Document
    from kubectl.discovery import Kind
    from kubectl.session import Session

CHUNK = 500
NOTHING_GIVEN = """You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""


class Target:
    """One object, or (without a name) the list of a kind."""

    __slots__ = ("document", "kind", "name", "namespace", "source")

    def __init__(self, kind: Kind, namespace: str, name: str = "", document: Document | None = None, source: str = "") -> None:
        self.kind, self.name, self.document, self.source = kind, name, document, source
        self.namespace = namespace if kind.namespaced else ""

    @property
    def path(self) -> str:
        return self.kind.path(self.namespace, self.name)

    def subpath(self, subresource: str) -> str:
        return self.kind.path(self.namespace, self.name, subresource)

    @property
    def label(self) -> str:
        """`deployment.apps/web`."""
        return f"{self.kind.group_kind}/{self.name}"

    def fetch(self, session: Session) -> Document:
        """The object as the server has it now. Raises StatusError."""
        return session.client.get(self.path)


def has_files(session: Session) -> bool:
    """Whether -f or -k is given."""
    flags = session.flags
    return bool(flags.has("filename") and flags.texts("filename") or flags.has("kustomize") and flags.text("kustomize"))


def targets(session: Session, args: list[str], *, list_without_name: bool = False) -> list[Target]:
    """What files (-f) or arguments name. Raises CommandError."""
    if has_files(session):
        if args:
            raise CommandError("when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well")
        return list(each_of_files(session))
    if not args and session.flags.has("selector") and session.flags.text("selector"):
        raise CommandError("at least one resource must be specified to use a selector")
    if not args:
        raise CommandError(NOTHING_GIVEN)
    if any("/" in arg for arg in args):
        return _combined(session, args)
    return _typed(session, args, list_without_name)


def each_of_files(session: Session) -> Iterator[Target]:
    """One target per object in the files of -f or the kustomization of -k; namespaces are filled in and checked."""
    from kubectl import manifests
    flags = session.flags
    files, directory = flags.texts("filename"), flags.text("kustomize") if flags.has("kustomize") else ""
    if files and directory:
        raise CommandError("only one of -f or -k can be specified")
    if directory:
        from kubectl.kustomize.build import build
        for document in build(directory):
            yield of_document(session, document, directory)
        return
    for document, source in manifests.read(files, flags.has("recursive") and flags.on("recursive")):
        yield of_document(session, document, source)


def selected(session: Session, found: Iterable[Target]) -> Iterator[Target]:
    """The targets from files that -l chooses. Raises CommandError."""
    text = session.flags.text("selector") if session.flags.has("selector") else ""
    if not text:
        yield from found
        return
    from kubeapi import labels
    try:
        selector = labels.parse(text)
    except ValueError as error:
        raise CommandError(str(error)) from None
    for target in found:
        if selector.matches((target.document or {}).get("metadata", {}).get("labels") or {}):
            yield target


def of_document(session: Session, document: Document, source: str) -> Target:
    """The target that a manifest describes. Raises CommandError."""
    _check_shape(document, source)
    kind = session.discovery.of_document(document)
    metadata = document.setdefault("metadata", {})
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    if kind is None:
        raise CommandError(f'resource mapping not found for name: "{name}" namespace: "{namespace}" from "{source}": no matches for '
                           f'kind "{document["kind"]}" in version "{document["apiVersion"]}"\nensure CRDs are installed first')
    if kind.namespaced:
        if session.config.namespace_given and namespace and namespace != session.namespace:
            raise CommandError(f'the namespace from the provided object "{namespace}" does not match the namespace "{session.namespace}". '
                               f"You must pass '--namespace={namespace}' to perform this operation.")
        metadata["namespace"] = namespace = namespace or session.namespace
    return Target(kind, namespace, name, document, source)


def _check_shape(document: Document, source: str) -> None:
    missing = [field for field in ("apiVersion", "kind") if not document.get(field)]
    if missing:
        what = f"[{', '.join(f'{field} not set' for field in missing)}]" if len(missing) > 1 else f"{missing[0]} not set"
        raise CommandError(f'error validating "{source}": error validating data: {what}; '
                           "if you choose to ignore these errors, turn validation off with --validate=false")
    metadata = document.get("metadata", {})
    if not isinstance(metadata, dict):
        raise CommandError(f'unable to decode "{source}": json: cannot unmarshal into Go struct field ObjectMeta.metadata')
    texts = {f".{field}": document[field] for field in ("apiVersion", "kind")}
    texts |= {f"ObjectMeta.metadata.{field}": metadata.get(field) for field in ("name", "generateName", "namespace")}
    if wrong := next((field for field, value in texts.items() if not isinstance(value, str | None)), ""):
        raise CommandError(f'unable to decode "{source}": json: cannot unmarshal {_json_type(texts[wrong])} into Go struct field {wrong} of type string')


def _json_type(value: object) -> str:
    """As Go's encoding/json calls it: `name: y` is a bool in YAML."""
    return {bool: "bool", list: "array", dict: "object"}.get(type(value), "number")


def _combined(session: Session, args: list[str]) -> list[Target]:
    """`pod/a deployment/b`."""
    if len(args) > 1 and not all("/" in arg for arg in args):
        raise CommandError("there is no need to specify a resource type as a separate argument when passing arguments in resource/name "
                           "form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'")
    _refuse_all_namespaces(session)
    found = []
    for arg in args:
        word, name, *more = arg.split("/")
        if more:
            raise CommandError("arguments in resource/name form may not have more than one slash")
        if not word or not name:
            raise CommandError("arguments in resource/name form must have a single resource and name")
        found += [Target(kind, session.namespace, name) for kind in _kinds(session, word)]
    return found


def _typed(session: Session, args: list[str], list_without_name: bool) -> list[Target]:
    """`pods`, `pods a b`, `pods,services -l app=web`."""
    kinds, names = _kinds(session, args[0]), args[1:]
    if any("," in name for name in names):
        raise CommandError("arguments cannot consist of comma-separated names" if len(kinds) == 1 else "you may only specify a single resource type")
    selecting = any(session.flags.has(name) and session.flags.text(name) for name in ("selector", "field-selector"))
    if names:
        if selecting:
            raise CommandError("name cannot be provided when a selector is specified")
        if session.flags.has("all") and session.flags.on("all"):
            raise CommandError("name cannot be provided when a selector is specified")
        _refuse_all_namespaces(session)
        return [Target(kind, session.namespace, name) for kind in kinds for name in names]
    if not (selecting or list_without_name or session.flags.has("all") and session.flags.on("all")):
        raise CommandError("resource(s) were provided, but no name was specified")
    everywhere = session.flags.has("all-namespaces") and session.flags.on("all-namespaces")
    return [Target(kind, "" if everywhere else session.namespace) for kind in kinds]


def _refuse_all_namespaces(session: Session) -> None:
    if session.flags.has("all-namespaces") and session.flags.on("all-namespaces"):
        raise CommandError("a resource cannot be retrieved by name across all namespaces")


def _kinds(session: Session, words: str) -> list[Kind]:
    found: list[Kind] = []
    for word in words.split(","):
        if not word:
            continue
        found += session.discovery.category(word) or [session.discovery.find(word)]
    return found


def selectors(session: Session) -> Document:
    """The query of a list, from -l and --field-selector."""
    flags = session.flags
    return {parameter: flags.text(name) for name, parameter in (("selector", "labelSelector"), ("field-selector", "fieldSelector"))
            if flags.has(name) and flags.text(name)}


def pages(session: Session, target: Target, accept: str = "application/json", chunk: int = CHUNK,
          more: Document | None = None) -> Iterator[Document]:
    """The list of the target's kind, page by page."""
    parameters: Document = {**selectors(session), "limit": chunk or None, **(more or {})}
    while True:
        try:
            page = session.client.get(target.path, parameters, accept)
        except StatusError as error:
            raise _unlistable(target, parameters, error) from None
        yield page
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return
        parameters["continue"] = token


def _unlistable(target: Target, parameters: Document, error: StatusError) -> StatusError:
    """The same failure; where the query is at fault, the message shows it."""
    if error.reason not in ("BadRequest", "NotFound"):
        return error
    kind = target.kind
    what = f'"{kind.group}/{kind.version}, Resource={kind.plural}"'
    labels, fields = (str(parameters.get(name) or "").replace('"', '\\"') for name in ("labelSelector", "fieldSelector"))
    said = f'Unable to find {what} that match label selector "{labels}", field selector "{fields}"' if labels or fields else f"Unable to list {what}"
    return StatusError({**error.status, "message": f"{said}: {error.message}"})


def expand(session: Session, found: list[Target], errors: list[CommandError] | None = None, *, fetch: bool = True) -> Iterator[Target]:
    """Objects only: lists become their items, named targets are fetched (their document is then the server's).

    A failure goes to *errors* when given, else it is raised.
    """
    for target in found:
        try:
            if target.name:
                if fetch:
                    target.document = target.fetch(session)
                yield target
                continue
            for page in pages(session, target):
                for item in page.get("items") or []:
                    item.setdefault("apiVersion", page["apiVersion"])
                    item.setdefault("kind", page["kind"].removesuffix("List"))
                    metadata = item["metadata"]
                    yield Target(target.kind, metadata.get("namespace", ""), metadata["name"], item)
        except StatusError as error:
            if errors is None:
                raise
            errors.append(error)
