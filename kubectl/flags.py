"""Flags as cobra reads them: `--name=value`, `--name value`, `-nvalue`, `-ab`, anywhere among the arguments, up to `--`.

A command declares a tuple of Flag; `parse` answers the values and the remaining arguments, or raises FlagError in
upstream's words.
"""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_TRUE, _FALSE = frozenset({"1", "t", "T", "true", "TRUE", "True"}), frozenset({"0", "f", "F", "false", "FALSE", "False"})


class FlagError(Exception):
    """The command line cannot be read."""


class Flag:
    """One flag. Kinds: bool, string, int, duration (seconds), strings (commas split), array (each use one item), pairs (name=value, commas split)."""

    __slots__ = ("default", "help", "kind", "name", "no_value", "short")

    def __init__(self, name: str, kind: str = "string", default: Any = None, *, short: str = "", no_value: str = "", help: str = "") -> None:
        zero: dict[str, Any] = {"bool": False, "string": "", "int": 0, "duration": 0.0, "strings": [], "array": [], "pairs": []}
        self.name, self.kind, self.short, self.help = name, kind, short, help
        self.default = zero[kind] if default is None else default
        self.no_value = no_value or ("true" if kind == "bool" else "")

    def read(self, text: str) -> Any:
        """The value that *text* stands for."""
        try:
            return _READERS[self.kind](text)
        except ValueError as error:
            name = f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"
            raise FlagError(f'invalid argument "{text}" for "{name}" flag: {error}') from None


class Flags:
    """The values of one command line, by flag name."""

    def __init__(self, flags: Iterable[Flag]) -> None:
        self._values: dict[str, Any] = {flag.name: flag.default for flag in flags}
        self.given: set[str] = set()
        self.dash_at = -1                         # how many arguments stood before `--`; -1 without one

    def set(self, flag: Flag, text: str) -> None:
        value = flag.read(text)
        if flag.kind in ("strings", "array", "pairs") and flag.name in self.given:
            value = self._values[flag.name] + value
        self._values[flag.name] = value
        self.given.add(flag.name)

    def text(self, name: str) -> str:
        return str(self._values[name])

    def global_text(self, name: str) -> str:
        """The connection's flag; "" where the command has one of that name for something else (create rolebinding --user)."""
        value = self._values[name]
        return value if isinstance(value, str) else ""

    def take(self, name: str) -> str:
        """The text, gone from the flags for whoever asks next."""
        value, self._values[name] = str(self._values[name]), ""
        return value

    def texts(self, name: str) -> list[str]:
        return list(self._values[name])

    def on(self, name: str) -> bool:
        return bool(self._values[name])

    def number(self, name: str) -> int:
        return int(self._values[name])

    def seconds(self, name: str) -> float:
        return float(self._values[name])

    def has(self, name: str) -> bool:
        """Whether the command knows the flag at all."""
        return name in self._values


def parse(flags: Iterable[Flag], argv: list[str], interspersed: bool = True) -> tuple[Flags, list[str]]:
    """The values and the other arguments of *argv*; without *interspersed*, flags end at the first argument."""
    table = list(flags)
    long, short = {flag.name: flag for flag in table}, {flag.short: flag for flag in table if flag.short}
    values, words = Flags(table), iter(argv)
    rest: list[str] = []
    for word in words:
        if word == "--":
            values.dash_at = len(rest)
            rest += words
        elif word.startswith("--"):
            _long(word[2:], long, values, words)
        elif len(word) > 1 and word[0] == "-":
            _shorts(word[1:], short, values, words)
        else:
            rest.append(word)
            if not interspersed:
                rest += words
    return values, rest


def _long(text: str, table: dict[str, Flag], values: Flags, words: Iterator[str]) -> None:
    name, given, value = text.partition("=")
    if not name or name[0] == "-":
        raise FlagError(f"bad flag syntax: --{text}")
    flag = table.get(name)
    if name == "help" and flag is None:
        raise HelpWanted
    if flag is None:
        raise FlagError(f"unknown flag: --{name}")
    if not given:
        value = flag.no_value or _following(words, f"--{name}")
    values.set(flag, value)


def _shorts(text: str, table: dict[str, Flag], values: Flags, words: Iterator[str]) -> None:
    whole = text
    while text:
        letter, text = text[0], text[1:]
        flag = table.get(letter)
        if letter == "h" and flag is None:
            raise HelpWanted
        if flag is None:
            raise FlagError(f"unknown shorthand flag: '{letter}' in -{whole}")
        if text[:1] == "=":
            return values.set(flag, text[1:])
        if not flag.no_value:
            return values.set(flag, text or _following(words, f"'{letter}' in -{whole}"))
        values.set(flag, flag.no_value)
    return None


class HelpWanted(Exception):
    """-h or --help stands on the command line."""


def _following(words: Iterator[str], name: str) -> str:
    word = next(words, None)
    if word is None:
        raise FlagError(f"flag needs an argument: {name}")
    return word


def _bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _int(text: str) -> int:
    try:
        return int(text, 0) if text.strip() == text and "_" not in text else int("x")
    except ValueError:
        try:
            return int(text)                      # 010 is a number to us, as it is octal to Go
        except ValueError:
            raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _pairs(text: str) -> list[str]:
    """One pair may hold commas; several are divided by them."""
    found = text.split(",") if text.count("=") > 1 else [text]
    for pair in found:
        if "=" not in pair:
            raise ValueError(f"{pair} must be formatted as key=value")
    return found


def _duration(text: str) -> float:
    """Imported here: few command lines have one."""
    from kubeapi.goduration import parse_duration
    return parse_duration(text)


_READERS: dict[str, Any] = {
    "bool": _bool, "string": str, "int": _int, "duration": _duration,
    "strings": lambda text: text.split(",") if text else [], "array": lambda text: [text],
    "pairs": _pairs,
}
