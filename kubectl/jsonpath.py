"""kubectl's JSONPath: a template of text and `{expressions}` over a document.

Expressions: `.field`, `['a.b']`, `[0]`, `[-1]`, `[0:3]`, `[0,2]`, `[*]`, `..field`, `[?(@.a=="b")]`, `"text"`, and
`{range ...}{end}`. A parsed template is a list of nodes; evaluation maps a list of values to a list of values.
"""
from __future__ import annotations

import re

from kubectl import gotext, jsontext
from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kubeapi.resource import Document

    Step = Callable[[list[Any], bool], list[Any]]

_NAME = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\"'()=<>!|&*])+")
_SLICE = re.compile(r"^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$")
_FILTER = re.compile(r"^\?\(\s*(.*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*?)\s*)?\)$", re.DOTALL)
_UNION = re.compile(r"'(?:\\.|[^'\\])*'|[^,'\s]+")


class JSONPathError(CommandError):
    """The template cannot be parsed, or does not fit the document."""


class Path:
    """One expression: steps applied one after the other, starting at the root or at the current value."""

    def __init__(self, text: str) -> None:
        self.from_root = text[:1] == "$"
        self._steps = list(_steps(text.lstrip("$@").strip(), text))

    def find(self, root: Any, current: Any, forgiving: bool) -> list[Any]:
        values = [root if self.from_root else current]
        for step in self._steps:
            values = step(values, forgiving)
        return values


def _steps(text: str, whole: str) -> Iterator[Step]:
    at = 0
    if text and text[0] not in ".[":
        raise JSONPathError(f"unrecognized identifier {text.split('.')[0]}")
    while at < len(text):
        if text.startswith("..", at):
            yield _descend
            at += 1 if text[at + 2:at + 3] not in ("[", "") else 2
        elif text.startswith(".*", at):
            yield _every
            at += 2
        elif text[at] == ".":
            match = _NAME.match(text, at + 1)
            if match is None:
                if text[at + 1:at + 2] == "[" or at + 1 == len(text):
                    at += 1
                    continue
                raise JSONPathError(f"invalid character in {whole!r}")
            yield _field(re.sub(r"\\(.)", r"\1", match.group()))
            at = match.end()
        elif text[at] == "[":
            end = _closing(text, at)
            yield _bracket(text[at + 1:end].strip())
            at = end + 1
        else:
            raise JSONPathError(f"unrecognized character in action: U+{ord(text[at]):04X} '{text[at]}'")


def _closing(text: str, start: int) -> int:
    """Where the bracket at *start* closes; brackets in quotes do not count."""
    depth, quote = 0, ""
    for at in range(start, len(text)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote and text[at - 1] != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[]":
            depth += 1 if letter == "[" else -1
            if not depth:
                return at
    raise JSONPathError("unterminated array")


def _bracket(inner: str) -> Step:
    if inner == "*":
        return _every
    if inner[:1] == "?":
        return _filter(inner)
    match = _SLICE.match(inner)
    if match and inner:
        return _slice(inner, *match.groups())
    words = _UNION.findall(inner)
    if len(words) > 1:
        branches = [_bracket(word) for word in words]
        return lambda values, forgiving: [found for branch in branches for found in branch(values, forgiving)]
    if inner[:1] == "'" and inner[-1:] == "'":
        return _field(_unquoted(inner))
    raise JSONPathError(f"invalid array index {inner}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t", "r": "\r"}.get(match.group(1), match.group(1)), text[1:-1])


def _field(name: str) -> Step:
    def step(values: list[Any], forgiving: bool) -> list[Any]:
        found = [value[name] for value in values if isinstance(value, dict) and name in value]
        if not found and not forgiving:
            raise JSONPathError(f"{name} is not found")
        return found
    return step


def _every(values: list[Any], forgiving: bool) -> list[Any]:
    return [inner for value in values
            for inner in (value if isinstance(value, list) else value.values() if isinstance(value, dict) else ())]


def _descend(values: list[Any], forgiving: bool) -> list[Any]:
    found = []
    for value in values:
        found.append(value)
        children = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
        found += _descend([child for child in children if isinstance(child, list | dict)], forgiving)
    return found


def _slice(inner: str, start: str, stop: str | None, stride: str | None) -> Step:
    single = stop is None and stride is None

    def step(values: list[Any], forgiving: bool) -> list[Any]:
        found: list[Any] = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                if forgiving and value is None:
                    continue
                raise JSONPathError(f"{_go_type(value)} is not array or slice")
            if single:
                index = int(start)
                if not -len(value) <= index < len(value):
                    raise JSONPathError(f"array index out of bounds: index {index}, length {len(value)}")
                found.append(value[index])
            else:
                found += value[int(start) if start else None:int(stop) if stop else None:int(stride) if stride else None]
        return found
    return step


def _go_type(value: Any) -> str:
    return {dict: "map[string]interface {}", str: "string", bool: "bool", int: "int64", float: "float64"}.get(type(value), "nil")


def _filter(inner: str) -> Step:
    match = _FILTER.match(inner)
    if match is None:
        raise JSONPathError("unterminated filter")
    left, operator, right = match.group(1), match.group(2), match.group(3)
    first, second = _operand(left), _operand(right) if operator else None

    def keeps(item: Any) -> bool:
        ours = first(item)
        if second is None:
            return bool(ours)
        theirs = second(item)
        return bool(ours) and bool(theirs) and _compare(ours[0], operator, theirs[0])

    def step(values: list[Any], forgiving: bool) -> list[Any]:
        return [item for value in values if isinstance(value, list) for item in value if keeps(item)]
    return step


def _operand(text: str) -> Callable[[Any], list[Any]]:
    if text[:1] in ("'", '"'):
        constant: Any = _unquoted(text)
    elif text in ("true", "false"):
        constant = text == "true"
    elif re.fullmatch(r"-?\d+", text):
        constant = int(text)
    elif re.fullmatch(r"-?\d*\.\d+", text):
        constant = float(text)
    else:
        path = Path(text)
        return lambda item: path.find(item, item, True)
    return lambda item: [constant]


def _compare(left: Any, operator: str, right: Any) -> bool:
    if type(left) is not type(right) and not (isinstance(left, int | float) and isinstance(right, int | float)):
        if operator in ("==", "!="):
            return operator == "!="
        raise JSONPathError("incompatible types for comparison")
    return bool({"==": left == right, "!=": left != right}.get(operator) if operator in ("==", "!=")
                else {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


class _Range:
    """`{range path}body{end}`."""

    def __init__(self, path: Path, body: list[Any]) -> None:
        self.path, self.body = path, body


def parse(text: str) -> list[Any]:
    """The template's nodes: str (text), Path, _Range. Raises JSONPathError."""
    nodes, rest = _nodes(_pieces(text), inside=False)
    del rest
    return nodes


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """(is an expression, its text) in order."""
    at = 0
    while at < len(text):
        start = text.find("{", at)
        if start < 0:
            yield False, text[at:]
            return
        if start > at:
            yield False, text[at:start]
        end = _end_of_action(text, start)
        yield True, text[start + 1:end].strip()
        at = end + 1


def _end_of_action(text: str, start: int) -> int:
    quote = ""
    for at in range(start + 1, len(text)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote and text[at - 1] != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "}":
            return at
    raise JSONPathError("unclosed action")


def _nodes(pieces: Iterator[tuple[bool, str]], inside: bool) -> tuple[list[Any], bool]:
    nodes: list[Any] = []
    for is_expression, text in pieces:
        if not is_expression:
            nodes.append(text)
        elif text == "end":
            if not inside:
                raise JSONPathError("not in range, nothing to end")
            return nodes, True
        elif text.startswith("range"):
            body, closed = _nodes(pieces, inside=True)
            if not closed:
                raise JSONPathError("unterminated range")
            nodes.append(_Range(Path(text[5:].strip()), body))
        else:
            nodes += [_unquoted(word) if word[:1] in ("'", '"') else Path(word) for word in _words(text)]
    return nodes, False


def _words(text: str) -> list[str]:
    """Parts of one action, `{.a "x" .b}`; blanks inside brackets and quotes do not split."""
    words, depth, quote, current = [], 0, "", ""
    for letter in text:
        if not quote and not depth and letter.isspace():
            words.append(current)
            current = ""
            continue
        if quote:
            quote = "" if letter == quote and not current.endswith("\\") else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "[(") - (letter in "])")
        current += letter
    return [word for word in [*words, current] if word]


def text_of(value: Any) -> str:
    """A value as a template shows it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return jsontext.compact(value)


def _render(nodes: list[Any], root: Any, current: Any, forgiving: bool) -> str:
    parts = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, _Range):
            values = node.path.find(root, current, forgiving)
            items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
            parts += [_render(node.body, root, item, forgiving) for item in items]
        else:
            parts.append(" ".join(text_of(value) for value in node.find(root, current, forgiving)))
    return "".join(parts)


def find(expression: str, document: Any, forgiving: bool = True) -> list[Any]:
    """The values that a relaxed expression (`.a.b`, `{.a.b}`, `a.b`) finds."""
    return Path(relaxed(expression)).find(document, document, forgiving)


def relaxed(expression: str) -> str:
    """`name`, `.name`, `{name}` and `{.name}` are the same. Raises JSONPathError."""
    match = re.fullmatch(r"\s*\{\s*\.?(.*?)\s*\}\s*|\s*\.?([^{}]*?)\s*", expression, re.DOTALL)
    if match is None or not expression.strip():
        raise JSONPathError("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'")
    inner = match.group(1) if match.group(1) is not None else match.group(2) or ""
    return inner if inner[:1] in ("[", "$", "@") else f".{inner}"


def template(text: str, forgiving: bool) -> Callable[[Document], str]:
    """A printer of the template's text."""
    try:
        nodes = parse(text)
    except JSONPathError as error:
        raise CommandError(f"error parsing jsonpath {text}, {error.message}") from None

    def render(document: Document) -> str:
        try:
            return _render(nodes, document, document, forgiving)
        except JSONPathError as error:
            raise CommandError(f'error executing jsonpath "{text}": Error executing template: {error.message}. Printing more information for '
                               f"debugging the template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t"
                               f"{gotext.syntax(document)}\n\n\n") from None
    return render


def as_json(text: str, forgiving: bool) -> Callable[[Document], str]:
    """A printer of all values found, as a JSON list."""
    nodes = [node for node in parse(text) if isinstance(node, Path)]
    return lambda document: jsontext.pretty([value for node in nodes for value in node.find(document, document, forgiving)]) + "\n"
