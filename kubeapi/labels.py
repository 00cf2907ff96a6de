"""Label selectors: their text (`app=web,tier in (a,b),!old`) and their document (LabelSelector)."""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kubeapi.names import label_value_faults, qualified_name_faults

Labels = Mapping[str, str]
_SYMBOLS = re.compile(r"[=!<>(),]+")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


class SelectorError(ValueError):
    """The selector's text or document cannot be understood."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition; operator is one of = == != in notin exists ! gt lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        if value is None or _INTEGER.fullmatch(value) is None:
            return False
        bound = int(next(iter(self.values)))
        return int(value) > bound if self.operator == "gt" else int(value) < bound

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({values})"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == 'gt' else '<'}{values}"
        return f"{self.key}{self.operator}{values}"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; without any it selects everything, `NOTHING` selects nothing."""

    requirements: tuple[Requirement, ...] = ()
    selects_nothing: bool = False

    def matches(self, labels: Labels | None) -> bool:
        if self.selects_nothing:
            return False
        labels = labels or {}
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def selects_everything(self) -> bool:
        return not self.requirements and not self.selects_nothing

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


EVERYTHING = Selector()
NOTHING = Selector(selects_nothing=True)


def _tokens(text: str) -> Iterator[str]:
    for match in re.finditer(r"[^\s()!,=<>]+|[()!,]|[=<>]+", re.sub(r"!=", " \x00 ", text)):
        token = match[0]
        if token == "\x00":
            yield "!="
        elif token.startswith("="):
            yield from re.findall(r"==|=", token)
        else:
            yield token


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0

    def look(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.look()
        self.at += 1
        return token

    def parse(self) -> tuple[Requirement, ...]:
        found = []
        while token := self.look():
            if not (_is_word(token) or token == "!"):
                raise SelectorError(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self.requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            token = self.take()
            if token and token != ",":
                raise SelectorError(f"found '{token}', expected: ',' or 'end of string'")
            if token and not (_is_word(self.look()) or self.look() == "!"):
                raise SelectorError(f"found '{self.look()}', expected: identifier after ','")
        return tuple(sorted(found, key=lambda requirement: requirement.key))

    def requirement(self) -> Requirement:
        denied = self.look() == "!" and bool(self.take())
        key = self.take()
        if not _is_word(key):
            raise SelectorError(f"found '{key}', expected: identifier")
        if denied or self.look() in ("", ","):
            return requirement(key, "!" if denied else "exists")
        operator = self.take()
        operator = {">": "gt", "<": "lt"}.get(operator, operator)
        if operator not in _OPERATORS:
            raise SelectorError(f"found '{operator}', expected: {', '.join(_OPERATORS)}")
        if operator in ("in", "notin"):
            return requirement(key, operator, self.values())
        return requirement(key, operator, {self.exact_value()})

    def exact_value(self) -> str:
        if self.look() in ("", ","):
            return ""
        value = self.take()
        if not _is_word(value):
            raise SelectorError(f"found '{value}', expected: identifier")
        return value

    def values(self) -> set[str]:
        if (token := self.take()) != "(":
            raise SelectorError(f"found '{token}' expected: '('")
        values, current = set(), ""
        while True:
            token = self.take()
            if token in (",", ")"):
                values.add(current)
                current = ""
                if token == ")":
                    return values
            elif not _is_word(token) or current:
                raise SelectorError(f"found '{token}', expected: ',', ')' or identifier")
            else:
                current = token


def _is_word(token: str) -> bool:
    return bool(token) and _SYMBOLS.match(token) is None


def requirement(key: str, operator: str, values: set[str] | frozenset[str] = frozenset()) -> Requirement:
    """A checked Requirement. Raises SelectorError."""
    if faults := qualified_name_faults(key):
        raise SelectorError(f'key: Invalid value: "{key}": {"; ".join(faults)}')
    if operator in ("in", "notin") and not values:
        raise SelectorError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("gt", "lt") and any(_INTEGER.fullmatch(value) is None for value in values):
        raise SelectorError(f'values[0]: Invalid value: "{min(values)}": for \'Gt\', \'Lt\' operators, the value must be an integer')
    for index, value in enumerate(sorted(values)):
        if faults := label_value_faults(value):
            raise SelectorError(f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(faults)}')
    return Requirement(key, operator, frozenset(values))


@lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """Raises SelectorError in upstream's words."""
    return Selector(_Parser(text).parse())


def from_set(labels: Labels | None) -> Selector:
    """Selects what has all of *labels* (a Service's selector, a node selector)."""
    return Selector(tuple(Requirement(key, "=", frozenset((value,))) for key, value in sorted((labels or {}).items())))


_EXPRESSION = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def from_label_selector(document: Mapping[str, Any] | None) -> Selector:
    """None selects nothing, an empty LabelSelector everything. Raises SelectorError."""
    if document is None:
        return NOTHING
    found = list(from_set(document.get("matchLabels")).requirements)
    for expression in document.get("matchExpressions") or ():
        operator = _EXPRESSION.get(expression.get("operator", ""))
        if operator is None:
            raise SelectorError(f'"{expression.get("operator", "")}" is not a valid label selector operator')
        found.append(requirement(expression.get("key", ""), operator, frozenset(expression.get("values") or ())))
    return Selector(tuple(sorted(found, key=lambda each: each.key)))
