"""What a parsed Go template is made of: nodes that write themselves into a list of texts, and the values they ask for."""
from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress

from kubectl import gotext
from kubectl.gotemplatefuncs import FUNCTIONS, LAZY, Refused, is_true

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MISSING = object()


class TemplateError(Exception):
    """The template cannot be parsed, or cannot be carried out; the message is Go's, with the position."""


class Break(Exception):
    """{{break}}."""


class Continue(Exception):
    """{{continue}}."""


class State:
    """One execution: what was written, the variables in scope, and the named templates."""

    def __init__(self, root: Any, templates: dict[str, list[Node]], strict: bool) -> None:
        self.written: list[str] = []
        self.variables: list[tuple[str, Any]] = [("$", root)]
        self.templates, self.strict = templates, strict

    def value(self, name: str) -> Any:
        return next(value for each, value in reversed(self.variables) if each == name)

    def assign(self, name: str, value: Any) -> None:
        at = max(at for at, (each, _) in enumerate(self.variables) if each == name)
        self.variables[at] = (name, value)

    def body(self, nodes: list[Node], dot: Any) -> None:
        depth = len(self.variables)
        for node in nodes:
            node.write(self, dot)
        del self.variables[depth:]


class Node(ABC):
    @abstractmethod
    def write(self, state: State, dot: Any) -> None: ...


class Text(Node):
    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, state: State, dot: Any) -> None:
        state.written.append(self.text)


class Operand:
    """A value in a command: a literal, `.`, a variable or `(pipeline)`, and the fields that follow."""

    def __init__(self, where: str, text: str, base: Callable[[State, Any], Any], fields: list[str]) -> None:
        self.where, self.text, self.base, self.fields = where, text, base, fields

    def evaluate(self, state: State, dot: Any) -> Any:
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


class Call:
    """`function argument...`, with the value that the pipe brings as the last argument."""

    def __init__(self, where: str, text: str, name: str, arguments: list[Operand | Call]) -> None:
        self.where, self.text, self.name, self.arguments = where, text, name, arguments

    def evaluate(self, state: State, dot: Any, *piped: Any) -> Any:
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

    def _lazily(self, state: State, dot: Any, piped: tuple[Any, ...]) -> Any:
        value: Any = None
        for argument in self.arguments:
            value = _known(argument.evaluate(state, dot))
            if is_true(value) == (self.name == "or"):
                return value
        return _known(piped[0]) if piped else value


def _known(value: Any) -> Any:
    return None if value is _MISSING else value


class Pipeline:
    """Commands joined by `|`, perhaps assigned to variables."""

    def __init__(self, commands: list[Operand | Call], names: list[str], declares: bool) -> None:
        self.commands, self.names, self.declares = commands, names, declares

    def evaluate(self, state: State, dot: Any, *, assigns: bool = True) -> Any:
        value = self.commands[0].evaluate(state, dot)
        for command in self.commands[1:]:
            assert isinstance(command, Call)
            value = command.evaluate(state, dot, value)
        if assigns:
            for name in self.names:
                if self.declares:
                    state.variables.append((name, value))
                else:
                    state.assign(name, value)
        return value


class Action(Node):
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def write(self, state: State, dot: Any) -> None:
        value = self.pipeline.evaluate(state, dot)
        if not self.pipeline.names:
            state.written.append("<no value>" if value is _MISSING or value is None else gotext.plain(value))


class Branch(Node):
    """if and with."""

    def __init__(self, sets_dot: bool, pipeline: Pipeline, body: list[Node], otherwise: list[Node]) -> None:
        self.sets_dot, self.pipeline, self.then, self.otherwise = sets_dot, pipeline, body, otherwise

    def write(self, state: State, dot: Any) -> None:
        depth = len(state.variables)
        value = _known(self.pipeline.evaluate(state, dot))
        if is_true(value):
            state.body(self.then, value if self.sets_dot else dot)
        else:
            state.body(self.otherwise, dot)
        del state.variables[depth:]


class Range(Node):
    def __init__(self, where: str, pipeline: Pipeline, body: list[Node], otherwise: list[Node]) -> None:
        self.where, self.pipeline, self.repeated, self.otherwise = where, pipeline, body, otherwise

    def write(self, state: State, dot: Any) -> None:
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
        except Break:
            pass
        del state.variables[depth:]
        if not pairs:
            state.body(self.otherwise, dot)

    def _once(self, state: State, key: Any, item: Any) -> None:
        names = self.pipeline.names
        for name, value in zip(names, (item,) if len(names) == 1 else (key, item), strict=False):
            if self.pipeline.declares:
                state.variables.append((name, value))
            else:
                state.assign(name, value)
        with suppress(Continue):
            state.body(self.repeated, item)


class Jump(Node):
    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def write(self, state: State, dot: Any) -> None:
        raise self.kind


class Include(Node):
    def __init__(self, where: str, name: str, pipeline: Pipeline | None) -> None:
        self.where, self.name, self.pipeline = where, name, pipeline

    def write(self, state: State, dot: Any) -> None:
        body = state.templates.get(self.name)
        if body is None:
            raise TemplateError(f"{self.where}: template {gotext.quoted(self.name)} not defined")
        value = _known(self.pipeline.evaluate(state, dot)) if self.pipeline else None
        outer, state.variables = state.variables, [("$", value)]
        state.body(body, value)
        state.variables = outer
