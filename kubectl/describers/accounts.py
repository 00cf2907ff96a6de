"""How service accounts are described: with the secrets that they name, and the tokens made for them."""
from __future__ import annotations

from kubectl.describers.writer import Writer, annotation_lines, events, head, label_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_NAME, _UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


def service_account(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a service account."""
    metadata = document["metadata"]
    secrets = session.client.get(f"/api/v1/namespaces/{metadata['namespace']}/secrets")["items"]
    there = {secret["metadata"]["name"] for secret in secrets}
    tokens = [secret["metadata"]["name"] for secret in secrets if _is_token_of(secret, metadata)]
    head(writer, document)
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    _names(writer, "Image pull secrets", [each["name"] for each in document.get("imagePullSecrets") or []], there)
    _names(writer, "Mountable secrets", [each["name"] for each in document.get("secrets") or []], there)
    _names(writer, "Tokens", tokens, there)
    events(writer, found_events)


def _is_token_of(secret: Document, account: Document) -> bool:
    annotations = secret["metadata"].get("annotations") or {}
    return bool(secret.get("type") == "kubernetes.io/service-account-token" and annotations.get(_NAME) == account["name"]
                and annotations.get(_UID) == account.get("uid"))


def _names(writer: Writer, title: str, names: list[str], there: set[str]) -> None:
    for at, name in enumerate(names or ["<none>"]):
        lost = "" if name in there or name == "<none>" else " (not found)"
        writer.line(f"{f'{title}:' if not at else ''}\t{name}{lost}")
