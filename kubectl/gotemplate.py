"""-o go-template: Go's text/template over a document.

Understood are pipelines with functions, fields and variables; if, with, range (else, break, continue); define, template
and block; comments and trimming. gotemplateparser.py reads the text, gotemplatenodes.py carries it out.
"""
from __future__ import annotations

from kubectl import gotext, jsontext
from kubectl.errors import CommandError
from kubectl.gotemplatenodes import State, TemplateError
from kubectl.gotemplateparser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document


def template(text: str, forgiving: bool) -> Callable[[Document], str]:
    """A printer of the template's text."""
    parser = Parser(text)
    try:
        nodes = parser.parse()
    except TemplateError as error:
        raise CommandError(f"error parsing template {text}, {error}") from None

    def render(document: Document) -> str:
        state = State(document, parser.templates, not forgiving)
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
