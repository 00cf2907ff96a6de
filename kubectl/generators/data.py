"""kubectl create namespace, serviceaccount, configmap, secret and token."""
from __future__ import annotations

import os

from kubectl.errors import CommandError
from kubectl.generators.arguments import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeapi.resource import Document
    from kubectl.session import Session


def namespace(session: Session, args: list[str]) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name_of(session, args)}, "spec": {}, "status": {}}


def service_account(session: Session, args: list[str]) -> Document:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name_of(session, args)}}


def entries(literals: list[str], files: list[str], env_files: list[str]) -> Iterator[tuple[str, bytes]]:
    """(key, value) of the --from flags. Raises CommandError."""
    for path in env_files:
        yield from env_entries(bytes_of(path).decode("utf-8", "replace"))
    for source in files:
        key, given, path = source.partition("=")
        if not given:
            key, path = "", source
        if not key and os.path.isdir(path):
            for entry in sorted(os.listdir(path)):
                if os.path.isfile(os.path.join(path, entry)):
                    yield entry, bytes_of(os.path.join(path, entry))
        else:
            yield key or os.path.basename(path), bytes_of(path)
    for literal in literals:
        key, given, value = literal.partition("=")
        if not given or not key:
            raise CommandError(f"invalid literal source {literal}, expected key=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        yield key, value.encode()


def env_entries(text: str) -> Iterator[tuple[str, bytes]]:
    """The `KEY=value` lines; a KEY alone takes its value from our own environment."""
    for line in text.lstrip("\ufeff").splitlines():
        plain = line.lstrip()
        if plain and not plain.startswith("#"):
            key, given, value = plain.partition("=")
            if given or key in os.environ:
                yield key, (value if given else os.environ[key]).encode()


def bytes_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"error reading {path}: {(error.strerror or '').lower()}") from None


def data_of(found: Iterator[tuple[str, bytes]], what: str, name: str) -> dict[str, bytes]:
    """The entries as a dict. Raises CommandError where a key comes twice or is none."""
    from kubeapi.names import config_key_faults
    data: dict[str, bytes] = {}
    for key, value in found:
        faults = config_key_faults(key)
        if faults:
            raise CommandError(f'"{key}" is not a valid key name for a {what}: {", ".join(faults)}')
        if key in data:
            raise CommandError(f'cannot add key "{key}", another key by that name already exists in Data for {what} "{name}"')
        data[key] = value
    return data


def base64(value: bytes) -> str:
    from binascii import b2a_base64
    return b2a_base64(value, newline=False).decode()


def _data(session: Session, what: str, name: str) -> dict[str, bytes]:
    flags = session.flags
    if flags.texts("from-env-file") and (flags.texts("from-file") or flags.texts("from-literal")):
        raise CommandError("from-env-file cannot be combined with from-file or from-literal")
    return data_of(entries(flags.texts("from-literal"), flags.texts("from-file"), flags.texts("from-env-file")), what, name)


def config_map(session: Session, args: list[str]) -> Document:
    name = name_of(session, args)
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **text_or_binary(_data(session, "ConfigMap", name))}
    return hashed(session, document)


def text_or_binary(data: dict[str, bytes]) -> Document:
    """`data` for what is UTF-8, `binaryData` for the rest."""
    found: Document = {}
    for key, value in data.items():
        try:
            found.setdefault("data", {})[key] = value.decode()
        except UnicodeDecodeError:
            found.setdefault("binaryData", {})[key] = base64(value)
    return found


def hashed(session: Session, document: Document) -> Document:
    """With --append-hash, the document under a name that tells its content."""
    if session.flags.on("append-hash"):
        from kubectl.kustomize.hashes import suffix
        document["metadata"]["name"] += "-" + suffix(document)
    return document


def secret(session: Session, args: list[str]) -> Document:
    name = name_of(session, args)
    document: Document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    if session.flags.text("type"):
        document["type"] = session.flags.text("type")
    data = {key: base64(value) for key, value in _data(session, "Secret", name).items()}
    return hashed(session, {**document, "data": data} if data else document)


def tls_secret(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    if not flags.text("cert") or not flags.text("key"):
        raise CommandError("key and cert must be specified")
    certificate, key = _pem_file(flags.text("cert")), _pem_file(flags.text("key"))
    _check_pair(certificate, key)
    return hashed(session, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls",
                            "data": {"tls.crt": base64(certificate), "tls.key": base64(key)}})


def _pem_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"Cannot read file {path}, open {path}: {(error.strerror or '').lower()}") from None


def _check_pair(certificate: bytes, key: bytes) -> None:
    """Raises CommandError where OpenSSL does not take the two for a pair."""
    if b"-----BEGIN" not in certificate:
        raise CommandError("tls: failed to find any PEM data in certificate input")
    if b"-----BEGIN" not in key:
        raise CommandError("tls: failed to find any PEM data in key input")
    import ssl
    import tempfile
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(certificate + b"\n" + key)
        pair.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.name)
        except ssl.SSLError as error:
            raise CommandError("tls: private key does not match public key" if "MISMATCH" in str(error) else
                               "tls: failed to parse private key" if "CERTIFICATE" not in str(error) else "x509: malformed certificate") from None


def registry_secret(session: Session, args: list[str]) -> Document:
    name, flags = name_of(session, args), session.flags
    document: Document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson"}
    if flags.texts("from-file"):
        data = {key: base64(value) for key, value in data_of(entries([], flags.texts("from-file"), []), "Secret", name).items()}
        return hashed(session, {**document, "data": data})
    user, password = flags.text("docker-username"), flags.text("docker-password")
    if not user or not password or not flags.text("docker-server"):
        raise CommandError("either --from-file or the combination of --docker-username, --docker-password and --docker-server is required")
    from kubectl import jsontext
    entry = {"username": user, "password": password, **({"email": flags.text("docker-email")} if flags.text("docker-email") else {}),
             "auth": base64(f"{user}:{password}".encode())}
    order = {key: entry[key] for key in ("username", "password", "email", "auth") if key in entry}
    text = jsontext.ordered({"auths": {flags.text("docker-server"): order}})
    return hashed(session, {**document, "data": {".dockerconfigjson": base64(text.encode())}})
