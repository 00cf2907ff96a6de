"""-o go-template: Go's text/template over a document.

Understood are pipelines with functions, fields and variables; if, with, range (else, break, continue); define, template
and block; comments and trimming. A parsed template is a tree of nodes, each of which writes itself into a list of texts.
"""
from __future__ import annotations

import re
from contextlib import suppress

from kubectl import gotext, jsontext
from kubectl.errors import CommandError
from kubectl.gotemplatefuncs import FUNCTIONS, LAZY, Refused, is_true

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kubeapi.resource import Document

_TOKEN = re.compile(r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<char>'(?:\\.|[^'\\])')|(?P<variable>\$\w*)|(?P<field>\.[A-Za-z_]\w*)
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+))|(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)|(?P<sign>:=|[=|(),])""", re.VERBOSE)
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MISSING = object()


class TemplateError(Exception):
    """The template cannot be parsed, or cannot be carried out; the message is Go's, with the position."""


class _Break(Exception):
    """{{break}}."""


class _Continue(Exception):
    """{{continue}}."""


class _State:
    """One execution: what was written, the variables in scope, and the named templates."""

    def __init__(self, root: Any, templates: dict[str, list[_Node]], strict: bool) -> None:
        self.written: list[str] = []
        self.variables: list[tuple[str, Any]] = [("$", root)]
        self.templates, self.strict = templates, strict

    def value(self, name: str) -> Any:
        return next(value for each, value in reversed(self.variables) if each == name)

    def assign(self, name: str, value: Any) -> None:
        at = max(at for at, (each, _) in enumerate(self.variables) if each == name)
        self.variables[at] = (name, value)

    def body(self, nodes: list[_Node], dot: Any) -> None:
        depth = len(self.variables)
        for node in nodes:
            node.write(self, dot)
        del self.variables[depth:]


class _Node:
    def write(self, state: _State, dot: Any) -> None:
        raise NotImplementedError


class _Text(_Node):
    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, state: _State, dot: Any) -> None:
        state.written.append(self.text)


class _Operand:
    """A value in a command: a literal, `.`, a variable or `(pipeline)`, and the fields that follow."""

    def __init__(self, where: str, text: str, base: Callable[[_State, Any], Any], fields: list[str]) -> None:
        self.where, self.text, self.base, self.fields = where, text, base, fields

    def evaluate(self, state: _State, dot: Any) -> Any:
        value = self.base(state, dot)
        for field in self.fields:
            if value is None or value is _MISSING:
                return _MISSING
            if not isinstance(value, dict):
                raise TemplateError(f"{self.where} at <{self.text}>: can't evaluate field {field} in type interface {{}}")
            if field not in value and state.strict:
                raise TemplateError(f"{self.where} at <{self.text}>: map has no entry for key {gotext.quoted(field)}")
            value = value.get(field, _MISSING)
        return value


class _Call:
    """`function argument...`, with the value that the pipe brings as the last argument."""

    def __init__(self, where: str, text: str, name: str, arguments: list[_Operand | _Call]) -> None:
        self.where, self.text, self.name, self.arguments = where, text, name, arguments

    def evaluate(self, state: _State, dot: Any, *piped: Any) -> Any:
        if self.name in LAZY:
            return self._lazily(state, dot, piped)
        function, least, most = FUNCTIONS[self.name]
        values = [_known(argument.evaluate(state, dot)) for argument in self.arguments] + [_known(value) for value in piped]
        if len(values) < least or 0 <= most < len(values):
            wanted = f"at least {least}" if most < 0 else str(least)
            raise TemplateError(f"{self.where} at <{self.name}>: wrong number of args for {self.name}: want {wanted} got {len(values)}")
        try:
            return function(*values)
        except Refused as error:
            raise TemplateError(f"{self.where} at <{self.text}>: error calling {self.name}: {error}") from None

    def _lazily(self, state: _State, dot: Any, piped: tuple[Any, ...]) -> Any:
        value: Any = None
        for argument in self.arguments:
            value = _known(argument.evaluate(state, dot))
            if is_true(value) == (self.name == "or"):
                return value
        return _known(piped[0]) if piped else value


def _known(value: Any) -> Any:
    return None if value is _MISSING else value


class _Pipeline:
    """Commands joined by `|`, perhaps assigned to variables."""

    def __init__(self, commands: list[_Operand | _Call], names: list[str], declares: bool) -> None:
        self.commands, self.names, self.declares = commands, names, declares

    def evaluate(self, state: _State, dot: Any, *, assigns: bool = True) -> Any:
        value = self.commands[0].evaluate(state, dot)
        for command in self.commands[1:]:
            assert isinstance(command, _Call)
            value = command.evaluate(state, dot, value)
        if assigns:
            for name in self.names:
                if self.declares:
                    state.variables.append((name, value))
                else:
                    state.assign(name, value)
        return value


class _Action(_Node):
    def __init__(self, pipeline: _Pipeline) -> None:
        self.pipeline = pipeline

    def write(self, state: _State, dot: Any) -> None:
        value = self.pipeline.evaluate(state, dot)
        if not self.pipeline.names:
            state.written.append("<no value>" if value is _MISSING or value is None else gotext.plain(value))


class _Branch(_Node):
    """if and with."""

    def __init__(self, sets_dot: bool, pipeline: _Pipeline, body: list[_Node], otherwise: list[_Node]) -> None:
        self.sets_dot, self.pipeline, self.then, self.otherwise = sets_dot, pipeline, body, otherwise

    def write(self, state: _State, dot: Any) -> None:
        depth = len(state.variables)
        value = _known(self.pipeline.evaluate(state, dot))
        if is_true(value):
            state.body(self.then, value if self.sets_dot else dot)
        else:
            state.body(self.otherwise, dot)
        del state.variables[depth:]


class _Range(_Node):
    def __init__(self, where: str, pipeline: _Pipeline, body: list[_Node], otherwise: list[_Node]) -> None:
        self.where, self.pipeline, self.repeated, self.otherwise = where, pipeline, body, otherwise

    def write(self, state: _State, dot: Any) -> None:
        depth = len(state.variables)
        value = _known(self.pipeline.evaluate(state, dot, assigns=False))
        if isinstance(value, dict):
            pairs: list[tuple[Any, Any]] = sorted(value.items())
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(each, each) for each in range(value)]
        elif value is None:
            pairs = []
        else:
            raise TemplateError(f"{self.where}: range can't iterate over {gotext.plain(value)}")
        try:
            for key, item in pairs:
                del state.variables[depth:]
                self._once(state, key, item)
        except _Break:
            pass
        del state.variables[depth:]
        if not pairs:
            state.body(self.otherwise, dot)

    def _once(self, state: _State, key: Any, item: Any) -> None:
        names = self.pipeline.names
        for name, value in zip(names, (item,) if len(names) == 1 else (key, item), strict=False):
            if self.pipeline.declares:
                state.variables.append((name, value))
            else:
                state.assign(name, value)
        with suppress(_Continue):
            state.body(self.repeated, item)


class _Jump(_Node):
    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def write(self, state: _State, dot: Any) -> None:
        raise self.kind


class _Include(_Node):
    def __init__(self, where: str, name: str, pipeline: _Pipeline | None) -> None:
        self.where, self.name, self.pipeline = where, name, pipeline

    def write(self, state: _State, dot: Any) -> None:
        body = state.templates.get(self.name)
        if body is None:
            raise TemplateError(f"{self.where}: template {gotext.quoted(self.name)} not defined")
        value = _known(self.pipeline.evaluate(state, dot)) if self.pipeline else None
        outer, state.variables = state.variables, [("$", value)]
        state.body(body, value)
        state.variables = outer


class _Words:
    """The tokens of one action: (kind, text, place), `|` and parentheses among them."""

    def __init__(self, source: str, start: int, end: int) -> None:
        self.line = source.count("\n", 0, start) + 1
        self._tokens: list[tuple[str, str, int, bool]] = []
        begin = source.rfind("\n", 0, start) + 1
        at, spaced = start, False
        while at < end:
            match = _TOKEN.match(source, at, end)
            if match is None:
                letter = source[at]
                raise TemplateError(f"template: output:{self.line}: " + ("unterminated quoted string" if letter == '"' else f"unexpected {gotext.quoted(letter)} in command"
                                                                         if letter.isprintable() and not letter.isalnum() else f"bad character U+{ord(letter):04X} '{letter}'"))
            if match.lastgroup == "space":
                spaced = True
            else:
                self._tokens.append((match.lastgroup or "", match.group(), at - begin, spaced))
                spaced = False
            at = match.end()
        self._at = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    @property
    def text(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    @property
    def column(self) -> int:
        return self._tokens[self._at][2] if self._at < len(self._tokens) else 0

    @property
    def is_spaced(self) -> bool:
        return self._at >= len(self._tokens) or self._tokens[self._at][3]

    def take(self) -> str:
        text = self.text
        self._at += 1
        return text

    def ahead(self, *texts: str) -> bool:
        """Whether these texts come next."""
        return [each[1] for each in self._tokens[self._at:self._at + len(texts)]] == list(texts)

    def peek(self, offset: int) -> str:
        return self._tokens[self._at + offset][1] if self._at + offset < len(self._tokens) else ""

    def error(self, message: str) -> TemplateError:
        return TemplateError(f"template: output:{self.line}: {message}")


class _Parser:
    def __init__(self, source: str) -> None:
        self._pieces = _split(source)
        self.templates: dict[str, list[_Node]] = {}
        self._scope = ["$"]
        self._loops = 0
        self._last_line = source.count("\n") + 1

    def parse(self) -> list[_Node]:
        nodes, ending, words = self._body()
        if ending:
            assert words is not None
            raise words.error(f"unexpected {{{{{ending}}}}}")
        return nodes

    def _body(self) -> tuple[list[_Node], str, _Words | None]:
        """Nodes up to `end`, `else` or the end of the text, and which of these it was."""
        nodes: list[_Node] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                nodes.append(_Text(piece))
                continue
            if piece.text in ("end", "else") and piece.kind == "word":
                return nodes, piece.take(), piece
            nodes += self._action(piece)
        return nodes, "", None

    def _action(self, words: _Words) -> list[_Node]:
        word = words.text if words.kind == "word" else ""
        if word in ("if", "with", "range"):
            words.take()
            return [self._control(word, words)]
        if word in ("break", "continue"):
            if not self._loops:
                raise words.error(f"{{{{{word}}}}} outside {{{{range}}}}")
            return [_Jump(_Break if word == "break" else _Continue)]
        if word in ("define", "block", "template"):
            words.take()
            return self._named(word, words)
        if not words.kind:
            raise words.error("missing value for command")
        return [_Action(self._pipeline(words, "command"))]

    def _control(self, word: str, words: _Words) -> _Node:
        depth = len(self._scope)
        where = f"template: output:{words.line}:{words.column}: executing \"output\" at <{_rest(words)}>"
        pipeline = self._pipeline(words, word)
        self._loops += word == "range"
        body, ending, last = self._body()
        self._loops -= word == "range"
        otherwise: list[_Node] = []
        if ending == "else":
            assert last is not None
            if last.text in ("if", "with") and last.kind == "word":
                otherwise, ending = [self._control(last.take(), last)], "end"
            else:
                otherwise, ending, _ = self._body()
        if ending != "end":
            raise TemplateError(f"template: output:{self._last_line}: unexpected EOF")
        del self._scope[depth:]
        return _Range(where, pipeline, body, otherwise) if word == "range" else _Branch(word == "with", pipeline, body, otherwise)

    def _named(self, word: str, words: _Words) -> list[_Node]:
        where = f"template: output:{words.line}:{words.column}: executing \"output\" at <{{{{template {words.text}}}}}>"
        if words.kind != "string":
            raise words.error(f"unexpected {gotext.quoted(words.text)} in {word} clause")
        name = _unquoted(words.take())
        pipeline = self._pipeline(words, word) if words.kind else None
        if word != "template":
            scope, self._scope = self._scope, ["$"]
            self.templates[name], ending, _ = self._body()
            self._scope = scope
            if ending != "end":
                raise TemplateError(f"template: output:{self._last_line}: unexpected EOF")
        return [] if word == "define" else [_Include(where, name, pipeline)]

    def _pipeline(self, words: _Words, context: str) -> _Pipeline:
        names: list[str] = []
        declares = False
        if words.kind == "variable" and (words.peek(1) in (":=", "=") or words.peek(1) == "," and words.peek(3) in (":=", "=")):
            names.append(words.take())
            if words.text == ",":
                words.take()
                names.append(words.take())
            declares = words.take() == ":="
        commands: list[_Operand | _Call] = []
        while words.kind and words.text != ")":
            commands.append(self._command(words, bool(commands)))
            if words.text == "|":
                words.take()
        if not commands:
            raise words.error(f"missing value for {context}")
        if declares:
            self._scope += names
        return _Pipeline(commands, names, declares)

    def _command(self, words: _Words, is_piped: bool) -> _Operand | _Call:
        where = f"template: output:{words.line}:{words.column}: executing \"output\""
        if words.kind == "word" and words.text not in ("true", "false", "nil"):
            name = words.take()
            if name not in FUNCTIONS and name not in LAZY:
                raise words.error(f'function "{name}" not defined')
            arguments: list[_Operand | _Call] = []
            while words.kind and words.text not in ("|", ")"):
                arguments.append(self._operand(words))
            text = " ".join([name, *(argument.text for argument in arguments)])
            return _Call(where, text, name, arguments)
        if words.text == "nil":
            raise words.error("nil is not a command")
        operand = self._operand(words)
        if is_piped or words.kind and words.text not in ("|", ")"):
            raise words.error(f"non executable command in pipeline stage {2 if is_piped else 1}" if is_piped or operand.text[:1] not in (".", "$")
                              else f"can't give argument to non-function {operand.text}")
        return operand

    def _operand(self, words: _Words) -> _Operand | _Call:
        column, kind = words.column, words.kind
        text = words.take()
        base, fields = self._base(words, kind, text)
        if kind == "word" and text in FUNCTIONS or text in LAZY:
            return _Call(f"template: output:{words.line}:{column}: executing \"output\"", text, text, [])
        whole = text if kind != "sign" else "(...)"
        first = True
        while words.kind == "field" and not words.is_spaced:
            column, first = (words.column, False) if first else (column, False)
            whole += words.text
            fields.append(words.take()[1:])
        return _Operand(f"template: output:{words.line}:{column}: executing \"output\"", whole, base, fields)

    def _base(self, words: _Words, kind: str, text: str) -> tuple[Callable[[_State, Any], Any], list[str]]:
        if kind == "field":
            return (lambda state, dot: dot), [text[1:]]
        if kind == "dot":
            return (lambda state, dot: dot), []
        if kind == "variable":
            if text not in self._scope:
                raise words.error(f'undefined variable "{text}"')
            return (lambda state, dot: state.value(text)), []
        if text == "(":
            inner = self._pipeline(words, "parenthesized pipeline")
            if words.take() != ")":
                raise words.error("unclosed left paren")
            return inner.evaluate, []
        if kind in ("string", "number", "char") or text in ("true", "false", "nil"):
            constant = _constant(kind, text)
            return (lambda state, dot: constant), []
        if kind == "word":
            if text not in FUNCTIONS and text not in LAZY:
                raise words.error(f'function "{text}" not defined')
            return (lambda state, dot: None), []
        raise words.error(f"unexpected {gotext.quoted(text)} in operand")


def _rest(words: _Words) -> str:
    parts, at = [], 0
    while words.peek(at):
        parts.append(words.peek(at))
        at += 1
    return "".join(parts) if parts and parts[0][0] in ".$" else " ".join(parts)


def _constant(kind: str, text: str) -> Any:
    if kind == "string":
        return _unquoted(text)
    if kind == "char":
        return ord(_unquoted(text))
    if kind == "number":
        return float(text) if any(letter in text for letter in ".eE") and "x" not in text.lower() else int(text, 0)
    return {"true": True, "false": False, "nil": None}[text]


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]

    def one(match: re.Match[str]) -> str:
        simple, *codes = match.groups()
        return _SIMPLE.get(simple, simple) if simple else chr(int(next(filter(None, codes)), 16))
    return _ESCAPE.sub(one, text[1:-1])


def _split(source: str) -> Iterator[str | _Words]:
    """Texts and actions in order; `{{-` and `-}}` trim the text beside them, comments are gone."""
    at, trims = 0, False
    while at < len(source):
        start = source.find("{{", at)
        text = source[at:] if start < 0 else source[at:start]
        text = text.lstrip() if trims else text
        if start < 0:
            if text:
                yield text
            return
        begin = start + 2
        if source[begin:begin + 1] == "-" and source[begin + 1:begin + 2].isspace():
            text, begin = text.rstrip(), begin + 2
        if text:
            yield text
        end = _end(source, begin)
        trims = source[end - 1:end] == "-" and source[end - 2:end - 1].isspace()
        if not source[begin:end].lstrip().startswith("/*"):
            yield _Words(source, begin, end - 1 if trims else end)
        at = end + 2


def _end(source: str, start: int) -> int:
    quote, at = "", start
    while at < len(source):
        letter = source[at]
        if quote:
            at += letter == "\\" and quote != "`"
            quote = "" if letter == quote and source[at] == letter else quote
        elif letter in "\"`":
            quote = letter
        elif source.startswith("}}", at):
            return at
        at += 1
    raise TemplateError(f"template: output:{source.count(chr(10), 0, start) + 1}: unclosed action")


def template(text: str, forgiving: bool) -> Callable[[Document], str]:
    """A printer of the template's text."""
    parser = _Parser(text)
    try:
        nodes = parser.parse()
    except TemplateError as error:
        raise CommandError(f"error parsing template {text}, {error}") from None

    def render(document: Document) -> str:
        state = _State(document, parser.templates, not forgiving)
        try:
            state.body(nodes, document)
        except TemplateError as error:
            raise _failure(text, "".join(state.written), document, str(error)) from None
        return "".join(state.written)
    return render


def _failure(text: str, written: str, document: Document, reason: str) -> CommandError:
    """As upstream, tells on standard output what the template was and what it was given."""
    import sys
    sys.stdout.write(f"{written}Error executing template: {reason}. Printing more information for debugging the template:\n\ttemplate was:\n"
                     f"\t\t{text}\n\traw data was:\n\t\t{jsontext.compact(document)}\n\tobject given to template engine was:\n"
                     f"\t\t{gotext.plain(document)}\n\n")
    return CommandError(f"error executing template {gotext.quoted(text)}: {reason}")
