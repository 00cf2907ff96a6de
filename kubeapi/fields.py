"""Field selectors: `status.phase!=Running,spec.nodeName=n1`, with `\\` before a `,`, `=` or `\\` that is meant."""
from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

_TERM = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)
_PARTS = re.compile(r"((?:\\.|[^=!\\]|!(?!=))*?)(!=|==|=)((?:\\.|[^=\\])*)", re.DOTALL)


class FieldSelectorError(ValueError):
    """The selector cannot be understood, or names a field that its resource does not offer."""


@dataclass(frozen=True, slots=True)
class Requirement:
    field: str
    equal: bool
    value: str

    def __str__(self) -> str:
        return f"{self.field}{'=' if self.equal else '!='}{escaped(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    requirements: tuple[Requirement, ...] = ()

    def matches(self, value_of: Callable[[str], str]) -> bool:
        """*value_of* gives a field's value by its name."""
        return all((value_of(each.field) == each.value) is each.equal for each in self.requirements)

    def exact(self, field: str) -> str | None:
        """The one value that *field* must have, if any (for indexes)."""
        return next((each.value for each in self.requirements if each.field == field and each.equal), None)

    def check(self, supported: Collection[str]) -> None:
        """Raises FieldSelectorError for a field that is not *supported*."""
        for each in self.requirements:
            if each.field not in supported:
                raise FieldSelectorError(f"field label not supported: {each.field}")

    def __str__(self) -> str:
        return ",".join(str(each) for each in self.requirements)


EVERYTHING = Selector()


def escaped(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)


def _unescaped(text: str, value: str) -> str:
    if re.search(r"\\(?![\\,=])", value):
        raise FieldSelectorError(f"invalid field selector: invalid escape sequence in {text!r}")
    return re.sub(r"\\(.)", r"\1", value)


@lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """Raises FieldSelectorError in upstream's words."""
    found = []
    for term in _TERM.findall(text):
        match = _PARTS.fullmatch(term)
        if match is None:
            raise FieldSelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = match.groups()
        found.append(Requirement(field.strip(), operator != "!=", _unescaped(text, value)))
    return Selector(tuple(found))
