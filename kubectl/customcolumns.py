"""-o custom-columns=NAME:.metadata.name,...: a table of what expressions find."""
from __future__ import annotations

from kubectl import gotext
from kubectl.errors import CommandError
from kubectl.jsonpath import JSONPathError, Path, relaxed
from kubectl.tabwriter import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kubeapi.resource import Document


def printer(spec: str, no_headers: bool) -> Callable[[Document], str]:
    """A printer of one object or of a list's items. Raises CommandError."""
    headers, paths = [], []
    for part in spec.split(","):
        header, colon, expression = part.partition(":")
        if not colon:
            raise CommandError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        headers.append(header)
        try:
            paths.append(Path(relaxed(expression)))
        except JSONPathError as error:
            raise CommandError(error.message) from None
    rows = Rows()
    due = [] if no_headers else [headers]

    def render(document: Document) -> str:
        items = document["items"] if isinstance(document.get("items"), list) else [document]
        lines = [*due, *([_cell(path.find(item, item, True)) for path in paths] for item in items)]
        due.clear()
        return rows.format(lines)
    return render


def _cell(values: list[Any]) -> str:
    return ",".join(map(gotext.plain, values)) or "<none>"
