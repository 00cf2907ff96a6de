"""Documents from files, directories, URLs and standard input, as `-f` names them.

YAML is read by kubeapi.yamldoc, imported only when a document is not JSON.
"""
from __future__ import annotations

import json
import os
import re
import sys

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kubeapi.resource import Document

_EXTENSIONS = (".json", ".yaml", ".yml")
_SEPARATOR = re.compile(r"^---(?=\s|$).*$", re.MULTILINE)


def parse_one(text: str) -> Any:
    """The one document in YAML or JSON. Raises ValueError in Go's words."""
    stripped = text.lstrip()
    if stripped[:1] == "{":
        try:
            return json.loads(text)
        except ValueError:
            pass                                  # YAML's flow style, or a mistake YAML can place
    from kubeapi import yamldoc
    return yamldoc.load(text)


def parse(text: str, source: str) -> Iterator[Document]:
    """Every object in *text*, lists taken apart. Raises CommandError."""
    texts = [text] if text.lstrip()[:1] == "{" and "\n---" not in text else _SEPARATOR.split(text)
    for part in texts:
        if not part.strip():
            continue
        try:
            document = parse_one(part)
        except ValueError as error:
            raise CommandError(f"error parsing {source}: error converting YAML to JSON: {error}") from None
        if document is None:
            continue
        yield from _items(document, source)


def _items(document: object, source: str) -> Iterator[Document]:
    if not isinstance(document, dict):
        raise CommandError(f'error validating "{source}": error validating data: invalid object to validate; '
                           "if you choose to ignore these errors, turn validation off with --validate=false")
    if isinstance(document.get("items"), list) and str(document.get("kind", "")).endswith("List"):
        for item in document["items"]:
            yield from _items(item, source)
    else:
        yield document


def read(names: list[str], recursive: bool) -> Iterator[tuple[Document, str]]:
    """(object, source) of everything that the -f flags name. Raises CommandError."""
    for name in names:
        for source, text in texts(name, recursive):
            for document in parse(text, source):
                yield document, source


def texts(name: str, recursive: bool) -> Iterator[tuple[str, str]]:
    """(source, text) of what one -f names."""
    if name == "-":
        yield "STDIN", sys.stdin.read()
    elif name.startswith(("http://", "https://")):
        yield name, _download(name)
    elif os.path.isdir(name):
        for path in _files_below(name, recursive):
            yield path, text_of(path)
    else:
        yield name, text_of(name)


def _files_below(directory: str, recursive: bool) -> Iterator[str]:
    for entry in sorted(os.listdir(directory)):
        path = os.path.join(directory, entry)
        if os.path.isdir(path):
            if recursive:
                yield from _files_below(path, recursive)
        elif path.endswith(_EXTENSIONS):
            yield path


def text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        raise CommandError(f'the path "{path}" does not exist') from None
    except UnicodeDecodeError:
        raise CommandError(f"error parsing {path}: error converting YAML to JSON: yaml: invalid leading UTF-8 octet") from None
    except OSError as error:
        raise CommandError(f'the path "{path}" cannot be accessed: {os.strerror(error.errno or 0).lower()}') from None


def _download(url: str) -> str:
    from kubectl.http1 import Connection
    target = "/" + url.partition("://")[2].partition("/")[2]
    with Connection(url, {}, {}, timeout_seconds=30.0) as connection:
        response = connection.request("GET", target, {"User-Agent": "kubectl", "Accept": "*/*"})
        if response.status in (301, 302, 303, 307, 308):
            return _download(response.headers["location"])
        text = response.read().decode("utf-8", "replace")
    if response.status != 200:
        raise CommandError(f"unable to read URL {url!r}, server reported {response.status}, status code={response.status}".replace("'", '"'))
    return text
