"""From the text of a Go template to its nodes; what is wrong with it is said in Go's words."""
from __future__ import annotations

import re

from kubectl import gotext
from kubectl.gotemplatefuncs import FUNCTIONS, LAZY
from kubectl.gotemplatenodes import (
    Action,
    Branch,
    Break,
    Call,
    Continue,
    Include,
    Jump,
    Node,
    Operand,
    Pipeline,
    Range,
    State,
    TemplateError,
    Text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_TOKEN = re.compile(r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<char>'(?:\\.|[^'\\])')|(?P<variable>\$\w*)|(?P<field>\.[A-Za-z_]\w*)
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+))|(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)|(?P<sign>:=|[=|(),])""", re.VERBOSE)
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


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


class Parser:
    def __init__(self, source: str) -> None:
        self._pieces = _split(source)
        self.templates: dict[str, list[Node]] = {}
        self._scope = ["$"]
        self._loops = 0
        self._last_line = source.count("\n") + 1

    def parse(self) -> list[Node]:
        nodes, ending, words = self._body()
        if ending:
            assert words is not None
            raise words.error(f"unexpected {{{{{ending}}}}}")
        return nodes

    def _body(self) -> tuple[list[Node], str, _Words | None]:
        """Nodes up to `end`, `else` or the end of the text, and which of these it was."""
        nodes: list[Node] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                nodes.append(Text(piece))
                continue
            if piece.text in ("end", "else") and piece.kind == "word":
                return nodes, piece.take(), piece
            nodes += self._action(piece)
        return nodes, "", None

    def _action(self, words: _Words) -> list[Node]:
        word = words.text if words.kind == "word" else ""
        if word in ("if", "with", "range"):
            words.take()
            return [self._control(word, words)]
        if word in ("break", "continue"):
            if not self._loops:
                raise words.error(f"{{{{{word}}}}} outside {{{{range}}}}")
            return [Jump(Break if word == "break" else Continue)]
        if word in ("define", "block", "template"):
            words.take()
            return self._named(word, words)
        if not words.kind:
            raise words.error("missing value for command")
        return [Action(self._pipeline(words, "command"))]

    def _control(self, word: str, words: _Words) -> Node:
        depth = len(self._scope)
        where = f"template: output:{words.line}:{words.column}: executing \"output\" at <{_rest(words)}>"
        pipeline = self._pipeline(words, word)
        self._loops += word == "range"
        body, ending, last = self._body()
        self._loops -= word == "range"
        otherwise: list[Node] = []
        if ending == "else":
            assert last is not None
            if last.text in ("if", "with") and last.kind == "word":
                otherwise, ending = [self._control(last.take(), last)], "end"
            else:
                otherwise, ending, _ = self._body()
        if ending != "end":
            raise TemplateError(f"template: output:{self._last_line}: unexpected EOF")
        del self._scope[depth:]
        return Range(where, pipeline, body, otherwise) if word == "range" else Branch(word == "with", pipeline, body, otherwise)

    def _named(self, word: str, words: _Words) -> list[Node]:
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
        return [] if word == "define" else [Include(where, name, pipeline)]

    def _pipeline(self, words: _Words, context: str) -> Pipeline:
        names: list[str] = []
        declares = False
        if words.kind == "variable" and (words.peek(1) in (":=", "=") or words.peek(1) == "," and words.peek(3) in (":=", "=")):
            names.append(words.take())
            if words.text == ",":
                words.take()
                names.append(words.take())
            declares = words.take() == ":="
        commands: list[Operand | Call] = []
        while words.kind and words.text != ")":
            commands.append(self._command(words, bool(commands)))
            if words.text == "|":
                words.take()
        if not commands:
            raise words.error(f"missing value for {context}")
        if declares:
            self._scope += names
        return Pipeline(commands, names, declares)

    def _command(self, words: _Words, is_piped: bool) -> Operand | Call:
        where = f"template: output:{words.line}:{words.column}: executing \"output\""
        if words.kind == "word" and words.text not in ("true", "false", "nil"):
            name = words.take()
            if name not in FUNCTIONS and name not in LAZY:
                raise words.error(f'function "{name}" not defined')
            arguments: list[Operand | Call] = []
            while words.kind and words.text not in ("|", ")"):
                arguments.append(self._operand(words))
            text = " ".join([name, *(argument.text for argument in arguments)])
            return Call(where, text, name, arguments)
        if words.text == "nil":
            raise words.error("nil is not a command")
        operand = self._operand(words)
        if is_piped or words.kind and words.text not in ("|", ")"):
            raise words.error(f"non executable command in pipeline stage {2 if is_piped else 1}" if is_piped or operand.text[:1] not in (".", "$")
                              else f"can't give argument to non-function {operand.text}")
        return operand

    def _operand(self, words: _Words) -> Operand | Call:
        column, kind = words.column, words.kind
        text = words.take()
        base, fields = self._base(words, kind, text)
        if kind == "word" and text in FUNCTIONS or text in LAZY:
            return Call(f"template: output:{words.line}:{column}: executing \"output\"", text, text, [])
        whole = text if kind != "sign" else "(...)"
        first = True
        while words.kind == "field" and not words.is_spaced:
            column, first = (words.column, False) if first else (column, False)
            whole += words.text
            fields.append(words.take()[1:])
        return Operand(f"template: output:{words.line}:{column}: executing \"output\"", whole, base, fields)

    def _base(self, words: _Words, kind: str, text: str) -> tuple[Callable[[State, Any], Any], list[str]]:
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
