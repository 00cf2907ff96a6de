"""kubectl explain: a kind's fields, from the server's OpenAPI v3 document."""
from __future__ import annotations

import textwrap

from kubectl.command import Command
from kubectl.discovery import NoSuchType
from kubectl.errors import Bare, CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.discovery import Kind
    from kubectl.session import Session

FLAGS = (Flag("recursive", "bool", help="all fields of fields, by name"), Flag("api-version", help="group/version of the kind"),
         Flag("output", short="o", default="plaintext", help="plaintext"))

_WIDTH, _MOST_VALUES = 80, 4


class _Types:
    """The named types of one group-version."""

    def __init__(self, schemas: Document) -> None:
        self._schemas = schemas

    def of_kind(self, kind: Kind) -> Document:
        for schema in self._schemas.values():
            for each in schema.get("x-kubernetes-group-version-kind") or []:
                if (each["group"], each["version"], each["kind"]) == (kind.group, kind.version, kind.kind):
                    found: Document = schema
                    return found
        raise CommandError(f'couldn\'t find resource for "{kind.group}/{kind.version}, Kind={kind.kind}"')

    def resolved(self, schema: Document) -> Document:
        """The schema that a use stands for; what the use says of itself wins."""
        reference = schema.get("$ref") or next((each["$ref"] for each in schema.get("allOf") or [] if "$ref" in each), "")
        if not reference:
            return schema
        return {**self._schemas.get(reference.rpartition("/")[2], {}), **{key: value for key, value in schema.items() if key not in ("$ref", "allOf")}}

    def inner(self, schema: Document) -> Document:
        """What a list or map holds, else the schema itself."""
        full = self.resolved(schema)
        if full.get("items"):
            return self.inner(full["items"])
        if isinstance(full.get("additionalProperties"), dict):
            return self.inner(full["additionalProperties"])
        return full

    def texts(self, schema: Document) -> list[str]:
        """Every description on the way to what a list or map holds."""
        found = [schema["description"]] if schema.get("description") else []
        if "$ref" in schema:
            found += self.texts(self._schemas.get(schema["$ref"].rpartition("/")[2], {}))
        for each in (*(schema.get("allOf") or ()), schema.get("items"), schema.get("additionalProperties")):
            if isinstance(each, dict):
                found += self.texts(each)
        return found

    def name(self, schema: Document) -> str:
        """`[]Container`, `map[string]string`, `integer`."""
        full = self.resolved(schema)
        if full.get("items"):
            return f"[]{self.name(full['items'])}"
        if isinstance(full.get("additionalProperties"), dict):
            return f"map[string]{self.name(full['additionalProperties'])}"
        reference = schema.get("$ref") or next((each["$ref"] for each in schema.get("allOf") or [] if "$ref" in each), "")
        short = reference.rpartition("/")[2].rpartition(".")[2]
        if short and full.get("type", "object") == "object":
            return short
        return "Object" if full.get("type") == "object" else short if short in ("Quantity", "IntOrString") else full.get("type", "Object")


def run(session: Session, args: list[str]) -> int:
    if len(args) != 1:
        raise CommandError("You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported "
                           "resources.\n" if not args else "We accept only this format: explain RESOURCE\n")
    if session.flags.text("output") != "plaintext":
        raise CommandError(f"unrecognized format: {session.flags.text('output')}")
    word, *path = args[0].split(".")
    try:
        kind = session.discovery.find(word)
        if wanted := session.flags.text("api-version"):
            group, _, version = wanted.rpartition("/")
            kind = session.discovery.find(f"{kind.plural}.{version}.{group}")
    except NoSuchType as error:
        raise Bare(error.message) from None
    head = [f"GROUP:      {kind.group}"] if kind.group else []
    head += [f"KIND:       {kind.kind}", f"VERSION:    {kind.version}", ""]
    types = _Types(_schemas(session, kind))
    schema = use = types.of_kind(kind)
    for name in path:
        properties = types.inner(use).get("properties") or {}
        if name not in properties:
            session.out("\n".join([*head, ""]))
            raise CommandError(f'field "{path[-1]}" does not exist')
        use = properties[name]
        schema = types.inner(use)
    lines = head
    if path:
        lines += [f"FIELD: {path[-1]} <{types.name(use)}>", *(_enum(schema) or [""]), ""]
    lines += ["DESCRIPTION:", *_description(types, use)]
    if schema.get("properties"):
        lines += ["FIELDS:", *_fields(types, schema, session.flags.on("recursive"), 1, ())]
    session.out("\n".join(lines) + "\n\n")
    return 0


def _enum(schema: Document) -> list[str]:
    return ["ENUM:", *(f"    {value}" for value in schema["enum"])] if schema.get("enum") else []


def _description(types: _Types, use: Document) -> list[str]:
    """What the field says of itself, then what its type does, then what it holds."""
    lines = [line for text in types.texts(use) for line in _wrapped(text, 4)]
    return [*lines, "    "] if lines else ["    <empty>"]


def _schemas(session: Session, kind: Kind) -> Document:
    path = f"/openapi/v3/apis/{kind.group}/{kind.version}" if kind.group else f"/openapi/v3/api/{kind.version}"
    document = session.client.get(path)
    found: Document = document["components"]["schemas"]
    return found


def _wrapped(text: str, indent: int) -> list[str]:
    return [line for part in text.split("\n") for line in
            textwrap.wrap(part, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent) or [""]]


def _fields(types: _Types, schema: Document, recursive: bool, level: int, seen: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    indent = "  " * level
    for name, use in sorted((schema.get("properties") or {}).items()):
        kind = types.name(use)
        required = " -required-" if name in (schema.get("required") or ()) else ""
        lines.append(f"{indent}{name}\t<{kind}>{required}")
        if values := types.resolved(use).get("enum"):
            more = ", ...." if len(values) > _MOST_VALUES else ""
            lines.append(f"{indent}enum: " + ", ".join(str(value) or '""' for value in values[:_MOST_VALUES]) + more)
        if not recursive:
            lines += [*_wrapped(use.get("description") or "<no description>", 4), ""]
        elif (held := kind.rpartition("]")[2]) not in seen:
            lines += _fields(types, types.inner(use), True, level + 1, (*seen, held) if held[:1].isupper() else seen)
    return lines


COMMANDS = {"explain": Command("kubectl explain TYPE[.FIELD...]", "Show the fields of a kind", run, FLAGS)}
