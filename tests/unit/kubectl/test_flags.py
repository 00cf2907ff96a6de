"""Command lines are read, and refused, as cobra does it."""
from __future__ import annotations

import pytest

from kubeapi.goduration import parse_duration
from kubectl.flags import Flag, FlagError, Flags, parse

FLAGS = (Flag("output", short="o"), Flag("watch", "bool", short="w"), Flag("tail", "int", -1), Flag("since", "duration"),
         Flag("filename", "strings", short="f"), Flag("env", "array", short="e"), Flag("dry-run", default="none", no_value="unchanged"),
         Flag("set-image", "pairs"))


def read(*argv: str) -> tuple[Flags, list[str]]:
    return parse(FLAGS, list(argv))


def test_flags_stand_anywhere_until_a_double_dash() -> None:
    flags, rest = read("pod", "-o", "wide", "x", "--", "-w", "--foo")
    assert (flags.text("output"), flags.on("watch"), rest, flags.dash_at) == ("wide", False, ["pod", "x", "-w", "--foo"], 2)


@pytest.mark.parametrize("argv", [("-wojson",), ("-w", "-o=json"), ("--watch", "--output=json"), ("--watch=true", "--output", "json")], ids=str)
def test_short_and_long_forms_mean_the_same(argv: tuple[str, ...]) -> None:
    flags, _ = read(*argv)
    assert flags.on("watch") and flags.text("output") == "json"


def test_lists_are_collected_and_only_strings_split_at_commas() -> None:
    flags, _ = read("-f", "a,b", "-f", "c", "-e", "A=1,2", "-e", "B=3")
    assert flags.texts("filename") == ["a", "b", "c"] and flags.texts("env") == ["A=1,2", "B=3"]


def test_pairs_are_split_where_there_are_several() -> None:
    flags, _ = read("--set-image", "a=b,c=d", "--set-image=e=f,g")
    assert flags.texts("set-image") == ["a=b", "c=d", "e=f,g"]


def test_a_flag_with_a_value_for_none_takes_no_argument() -> None:
    flags, rest = read("--dry-run", "client")
    assert (flags.text("dry-run"), rest) == ("unchanged", ["client"])


@pytest.mark.parametrize(("argv", "message"), [
    (("--foo",), "unknown flag: --foo"),
    (("--set-image", "c"), 'invalid argument "c" for "--set-image" flag: c must be formatted as key=value'),
    (("-z",), "unknown shorthand flag: 'z' in -z"),
    (("-wz",), "unknown shorthand flag: 'z' in -wz"),
    (("--output",), "flag needs an argument: --output"),
    (("-o",), "flag needs an argument: 'o' in -o"),
    (("--tail=x",), 'invalid argument "x" for "--tail" flag: strconv.ParseInt: parsing "x": invalid syntax'),
    (("--watch=x",), 'invalid argument "x" for "-w, --watch" flag: strconv.ParseBool: parsing "x": invalid syntax'),
    (("--since=5",), 'invalid argument "5" for "--since" flag: time: missing unit in duration "5"'),
], ids=str)
def test_mistakes_are_worded_as_upstream(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(FlagError) as caught:
        read(*argv)
    assert str(caught.value) == message


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("5s", 5), ("1h30m", 5400), ("500ms", 0.5), ("-2m", -120), ("1.5h", 5400)])
def test_durations_are_go_s(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
