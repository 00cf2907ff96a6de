"""`python -m bench`: runs all measurements, or those that are named, and prints the table."""
from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from bench.clusters import Start, picokube_cluster
from bench.parts import PARTS
from bench.report import NOT_FOUND, Figures, Measured, machine, print_table, write_json
from bench.upstream import COMPONENTS, Arguments, NotReady, Upstream, found_in


def main() -> int:
    options = _options()
    wanted = options.only or [name for name, part in PARTS.items() if options.full or not part.is_long]
    about, figures = machine(), measured(picokube_cluster, wanted)
    upstream = compared(Upstream(found_in(options.upstream), options.upstream_arg), wanted) if options.upstream else {}
    print_table(about, figures, upstream)
    if options.json:
        write_json(options.json, about, figures, upstream)
    return 0


def measured(start: Start, wanted: Collection[str]) -> Figures:
    figures = Figures()
    for name, part in PARTS.items():
        if name in wanted:
            with tempfile.TemporaryDirectory(prefix="pk-") as directory:
                figures |= part.measure(start, Path(directory))
    return figures


def compared(upstream: Upstream, wanted: Collection[str]) -> Measured:
    """Upstream's figure of each row, or in a word why there is none. One part that fails leaves the others their say."""
    found: dict[str, float | str] = {}
    for name, part in PARTS.items():
        if name not in wanted or not part.needs:
            continue
        if missing := [component for component in part.needs if component not in upstream.binaries]:
            print(f"{name} is not measured of upstream: there is no {', '.join(missing)}", file=sys.stderr)
            found |= dict.fromkeys(part.rows, NOT_FOUND)
            continue
        try:
            found |= measured(upstream, [name])
        except NotReady as error:
            print(f"{name} is not measured of upstream: {error}", file=sys.stderr)
            found |= dict.fromkeys(part.rows, "failed")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--full", action="store_true", help="also store 50,000 pods, and 5,000 pods on 1,000 nodes (minutes more)")
    parser.add_argument("--upstream", type=Path, metavar="DIR", help=f"measure {', '.join(COMPONENTS)} of this directory, too")
    parser.add_argument("--upstream-arg", action="append", default=[], type=_argument, metavar="COMPONENT=--FLAG=VALUE",
                        help="as kube-controller-manager=--kube-api-qps=5000")
    parser.add_argument("only", nargs="*", help=f"{', '.join(PARTS)}; by default all that take no minutes")
    options = parser.parse_args()
    options.upstream_arg = by_component(options.upstream_arg)
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if options.upstream and not options.upstream.is_dir():
        parser.error(f"--upstream: {options.upstream} is no directory")
    return options


def _argument(text: str) -> tuple[str, str]:
    name, _, flag = text.partition("=")
    if name not in COMPONENTS or not flag.startswith("--"):
        raise argparse.ArgumentTypeError(f"{text!r}: write COMPONENT=--FLAG=VALUE with a component of {', '.join(COMPONENTS)}")
    return name, flag


def by_component(given: Collection[tuple[str, str]]) -> Arguments:
    return {name: [flag for of, flag in given if of == name] for name, _ in given}


if __name__ == "__main__":
    sys.exit(main())
