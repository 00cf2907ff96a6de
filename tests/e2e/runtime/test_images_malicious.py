"""Images and registries that lie: each is refused with a reason that names the fault, and nothing but the store was touched."""
from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from kubelet import linux
from kubelet.cri import CriError, RegistryAuth
from kubelet.images import ImageStore
from kubelet.images.layers import directory_name
from tests.e2e.runtime.liar import Asked, Document, Liar, lying_registry
from tests.e2e.runtime.registry import ARCHITECTURE, digest, layer

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

GOOD = layer({"file": b"x" * 100})
NOWHERE = "sha256:" + "0" * 64
SECRET = base64.b64encode(b"user:password").decode()
PATIENCE = 0.5


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying_registry() as found:
        yield found


@pytest.fixture
def other() -> Iterator[Liar]:
    """Another registry, in somebody else's hands."""
    with lying_registry() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", patience_seconds=PATIENCE)


def refused(store: ImageStore, liar: Liar, *auths: RegistryAuth, tag: str = "1") -> str:
    """Why; and nothing is left of it."""
    with pytest.raises(CriError) as caught:
        asyncio.run(store.pull(f"{liar.name}/bad:{tag}", auths))
    assert caught.value.reason == "ErrImagePull"
    assert asyncio.run(store.list()) == [] and list((store.layers.parent / "tmp").iterdir()) == []
    return caught.value.message


# --- layers

def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **fields: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    for field, value in fields.items():
        setattr(found, field, value)
    return found


def raw(*entries: tarfile.TarInfo, end: bytes = bytes(1024)) -> bytes:
    return b"".join(one.tobuf(tarfile.PAX_FORMAT) for one in entries) + end


@pytest.mark.parametrize(("content", "words"), [
    pytest.param(layer({".wh...": b""}), "invalid whiteout", id="whiteout-of-what-is-above"),
    pytest.param(layer({"dir/.wh..": b""}), "invalid whiteout", id="whiteout-of-itself"),
    pytest.param(layer({"h": entry("h", tarfile.LNKTYPE, "../../../../etc/passwd")}), "unpacking failed", id="hard-link-outside"),
    pytest.param(layer({"h": entry("h", tarfile.LNKTYPE, "/etc/passwd")}), "unpacking failed", id="absolute-hard-link"),
    pytest.param(layer({"s": "/etc", "h": entry("h", tarfile.LNKTYPE, "s/passwd")}), "unpacking failed", id="hard-link-through-a-link"),
    pytest.param(raw(entry("a", size=100), end=b""), "damaged", id="cut-off"),
    pytest.param(raw(entry("x", pax_headers={"size": "-512"}), entry("y")), "damaged|unpacked layer's digest", id="negative-size"),
    pytest.param(raw(entry("x", pax_headers={"mtime": "1e300"})), "damaged", id="time-beyond-time"),
    pytest.param(raw(entry("x", pax_headers={"uid": "99999999999999"})), "damaged", id="owner-beyond-owners"),
    pytest.param(layer({f"{'a/' * 300}b": b""}), "nested deeper", id="deep"),
    pytest.param(layer({f"{'a/' * 200}b": b"", "s": "a/" * 200, f"s/{'b/' * 200}b": b""}), "nested deeper", id="deep-through-a-link"),
    pytest.param(layer({"n" * 300: b""}), "unpacking failed", id="long-name"),
    pytest.param(b"no tar" * 200, "damaged", id="no-tar"),
])
def test_bad_layers(liar: Liar, store: ImageStore, content: bytes, words: str) -> None:
    liar.add_manifest(liar.image_of(content))
    with pytest.raises(CriError, match=words):
        asyncio.run(store.pull(liar.image))
    assert not list(store.layers.iterdir())
    refused(store, liar)


@pytest.mark.parametrize("files", [
    pytest.param({"../../../escaped": b"x"}, id="dots"),
    pytest.param({"/escaped": b"x"}, id="absolute"),
    pytest.param({"a/../../../../escaped": b"x"}, id="dots-inside"),
    pytest.param({"up": "../../..", "up/escaped": b"x"}, id="link"),
    pytest.param({"abs": "TARGET", "abs/escaped": b"x"}, id="absolute-link"),
    pytest.param({"one": "two", "two": "TARGET", "one/escaped": b"x"}, id="two-links"),
    pytest.param({"link": "TARGET/escaped", "./link": b"x"}, id="file-over-a-link"),
    pytest.param({"l": "TARGET", "l/.wh.precious": b""}, id="whiteout-through-a-link"),
    pytest.param({"l": "TARGET", "l/.wh..wh..opq": b""}, id="opaque-through-a-link"),
    pytest.param({"l": "TARGET/precious", "h": entry("h", tarfile.LNKTYPE, "l"), "h ": b""}, id="hard-link-to-a-link"),
    pytest.param({"l": "TARGET", "l/null": entry("l/null", tarfile.CHRTYPE, devmajor=1, devminor=3)}, id="device-through-a-link"),
])
def test_no_layer_reaches_out_of_itself(liar: Liar, store: ImageStore, tmp_path: Path, files: dict[str, bytes | str | tarfile.TarInfo]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (outside / "precious").write_text("precious")
    before = outside.stat().st_mtime_ns, (outside / "precious").stat()
    liar.add_manifest(liar.image_of(layer({
        name: value.replace("TARGET", str(outside)) if isinstance(value, str) else value for name, value in files.items()})))
    try:
        asyncio.run(store.pull(liar.image))
    except CriError as error:
        assert error.reason == "ErrImagePull"
    after = (outside / "precious").stat()
    assert (outside.stat().st_mtime_ns, after.st_ino, after.st_nlink, after.st_mtime_ns) == (before[0], before[1].st_ino, 1, before[1].st_mtime_ns)
    assert [one.name for one in outside.iterdir()] == ["precious"] and os.listxattr(outside) == []
    assert not [one for one in tmp_path.rglob("escaped") if not one.is_relative_to(store.layers)] and not Path("/escaped").exists()


def test_modes_owners_and_devices_are_kept_as_they_are(liar: Liar, store: ImageStore) -> None:
    content = layer({
        "su": entry("su", mode=0o4755), "sg": entry("sg", mode=0o2755, gid=7, uid=6), "sticky": entry("sticky", tarfile.DIRTYPE, mode=0o1777),
        "disk": entry("disk", tarfile.BLKTYPE, devmajor=254, devminor=0, mode=0o600), ".wh..wh.plnk": b""})
    liar.add_manifest(liar.image_of(content))
    asyncio.run(store.pull(liar.image))
    root = store.layers / directory_name(digest(content))
    assert stat.S_IMODE((root / "su").stat().st_mode) == 0o4755 and stat.S_IMODE((root / "sticky").stat().st_mode) == 0o1777
    assert stat.S_IMODE((root / "sg").stat().st_mode) == 0o2755 and (root / "sg").stat().st_gid == 7
    assert stat.S_ISBLK((root / "disk").stat().st_mode)
    assert sorted(os.listdir(root)) == ["disk", "sg", "sticky", "su"]
    # What is set-uid root there, or a disk, is nobody else's on this machine.
    assert stat.S_IMODE(store.layers.stat().st_mode) & 0o077 == 0


# --- bombs

@pytest.fixture
def small(tmp_path: Path) -> Iterator[ImageStore]:
    """A store on a disk of 32 MiB."""
    directory = tmp_path / "small"
    directory.mkdir()
    linux.mount("small", directory, "tmpfs", 0, "size=32m,nr_inodes=20000")
    try:
        yield ImageStore(directory / "images", patience_seconds=PATIENCE)
    finally:
        linux.unmount(directory)


def bomb(size: int) -> bytes:
    return raw(entry("bomb", size=size), end=b"") + bytes(size) + bytes(1024)


def after_the_end(size: int) -> bytes:
    return layer({"file": b"x"}) + bytes(size)


def sparse(size: int) -> bytes:
    """A file of holes: small in the archive, large on disk."""
    return raw(entry("sparse", size=512, pax_headers={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse", "GNU.sparse.realsize": str(size)}), end=b"") \
        + b"0\n".ljust(512, b"\0") + bytes(1024)


def many(count: int) -> bytes:
    return b"".join(entry(f"f{number}").tobuf(tarfile.GNU_FORMAT) for number in range(count)) + bytes(1024)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize(("content", "words"), [
    pytest.param(bomb(64 << 20), "no space left on device: the layer unpacks to more than", id="file"),
    pytest.param(after_the_end(64 << 20), "no space left on device: the layer unpacks to more than", id="after-the-archive's-end"),
    pytest.param(sparse(8 << 30), "no space left on device: the layer unpacks to more than", id="sparse"),
    pytest.param(raw(entry("x", pax_headers={"comment": "x" * (40 << 20)})), "no space left on device: the layer unpacks", id="header"),
    pytest.param(many(30000), "no space left on device", id="many-entries"),
])
def test_bombs(liar: Liar, small: ImageStore, content: bytes, words: str, compress: Callable[[bytes], bytes]) -> None:
    liar.add_manifest(liar.image_of(content, compress=compress))
    assert words in refused(small, liar)
    found = os.statvfs(small.layers)
    assert found.f_bfree == pytest.approx(found.f_blocks, rel=0.02)


def test_a_bomb_in_an_archive(small: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(zstandard.compress(bytes(64 << 20)))
    with pytest.raises(CriError, match="no space left on device"):
        asyncio.run(small.import_archive(str(tmp_path / "bomb")))


def test_an_image_larger_than_the_disk_is_not_begun(liar: Liar, small: ImageStore) -> None:
    manifest = liar.image_of(GOOD)
    manifest["layers"][0]["size"] = 1 << 40
    liar.add_manifest(manifest)
    assert "no space left on device: its layers have 1099511627776 bytes" in refused(small, liar)
    assert not any("blobs/" + manifest["layers"][0]["digest"] in one.path for one in liar.asked)


# --- manifests and configurations

def changed(**changes: object) -> Callable[[Liar], object]:
    return lambda liar: {**liar.image_of(GOOD), **changes}


def of_layer(**changes: object) -> Callable[[Liar], object]:
    def make(liar: Liar) -> object:
        manifest = liar.image_of(GOOD)
        return {**manifest, "layers": [{**manifest["layers"][0], **changes}]}
    return make


def of_configuration(document: object) -> Callable[[Liar], object]:
    return lambda liar: {**liar.image_of(GOOD), "config": liar.add(json.dumps(document).encode())}


def asking(**config: object) -> Callable[[Liar], object]:
    return of_configuration({"config": config, "rootfs": {"diff_ids": [digest(GOOD)]}})


@pytest.mark.parametrize(("make", "words"), [
    pytest.param(lambda liar: b"[]", "it is no JSON object", id="list"),
    pytest.param(lambda liar: b"{", "it is no JSON document", id="no-json"),
    pytest.param(lambda liar: b'{"a":' + b"[" * 100_000 + b"}", "it is no JSON document", id="deep"),
    pytest.param(lambda liar: b"{" + b" " * (5 << 20) + b"}", "the manifest is larger than 4194304 bytes", id="huge"),
    pytest.param(lambda liar: {}, "kind that is not supported", id="empty"),
    pytest.param(lambda liar: {"schemaVersion": 1, "fsLayers": []}, "kind that is not supported", id="schema-1"),
    pytest.param(changed(manifests=[]), "an index and a manifest at once", id="ambiguous"),
    pytest.param(changed(layers="x"), "its list of layers is none", id="layers-are-text"),
    pytest.param(changed(layers=["x"]), "layer 1 is not described", id="layer-is-text"),
    pytest.param(changed(layers=[{"digest": NOWHERE, "size": 1}] * 500), "500 layers; 127 are allowed", id="many-layers"),
    pytest.param(changed(config=None), "the configuration is not described", id="no-configuration"),
    pytest.param(changed(config={"digest": "../../../../etc/passwd", "size": 1}), "the digest of the configuration is '../", id="path-as-digest"),
    pytest.param(changed(config={"digest": NOWHERE, "size": 1 << 30}), "the configuration is larger than", id="huge-configuration"),
    pytest.param(of_layer(size=-1), "the size of layer 1 is -1", id="negative-size"),
    pytest.param(of_layer(size="9"), "the size of layer 1 is '9'", id="size-is-text"),
    pytest.param(of_layer(size=True), "the size of layer 1 is True", id="size-is-true"),
    pytest.param(of_layer(size=None), "the size of layer 1 is None", id="no-size"),
    pytest.param(of_layer(size=10), "has more than the 10 bytes", id="longer-than-said"),
    pytest.param(of_layer(size=0), "damaged: empty file", id="empty-it-says"),
    pytest.param(of_layer(digest="md5:1"), "the digest of layer 1 is 'md5:1'", id="other-digest"),
    pytest.param(of_layer(digest=NOWHERE), "not found", id="missing-layer"),
    pytest.param(of_configuration([]), "it is no JSON object", id="configuration-is-a-list"),
    pytest.param(of_configuration({}), "do not name the same layers", id="no-diff-ids"),
    pytest.param(of_configuration({"rootfs": 5}), "do not name the same layers", id="rootfs-is-a-number"),
    pytest.param(of_configuration({"rootfs": {"diff_ids": ["../../x"]}}), "do not name the same layers", id="path-as-diff-id"),
    pytest.param(of_configuration({"rootfs": {"diff_ids": [NOWHERE]}}), "unpacked layer's digest is", id="lying-diff-id"),
    pytest.param(asking(User=5, Env="A=1"), "User, Env has a wrong type", id="types"),
    pytest.param(asking(Cmd=["a\0b"]), "Cmd has a wrong type", id="zero-byte"),
])
def test_bad_documents(liar: Liar, store: ImageStore, make: Callable[[Liar], object], words: str) -> None:
    liar.add_manifest(make(liar))
    assert words in refused(store, liar)


def an_index(*entries: Document) -> Document:
    return {"schemaVersion": 2, "manifests": [{"platform": {"os": "linux", "architecture": ARCHITECTURE}, **one} for one in entries]}


def test_an_index_of_indexes_ends(liar: Liar, store: ImageStore) -> None:
    one = liar.add_manifest(liar.image_of(GOOD))
    for _ in range(5):
        one = liar.add_manifest(an_index(one))
    assert "nested too deeply" in refused(store, liar)


def test_an_index_that_names_itself(liar: Liar, store: ImageStore) -> None:
    document = an_index({"digest": NOWHERE, "size": 1})
    liar.add_manifest(document)
    liar.content[f"bad/manifests/{NOWHERE}"] = json.dumps(document).encode()
    assert f"not {NOWHERE}" in refused(store, liar)


@pytest.mark.parametrize("entries", [["x"], [{"platform": "x"}], {"a": 1}, 5], ids=["texts", "platform", "object", "number"])
def test_bad_indexes(liar: Liar, store: ImageStore, entries: object) -> None:
    liar.add_manifest({"manifests": entries})
    assert "its list of manifests is none" in refused(store, liar)


# --- registries

def test_a_layer_that_is_another(liar: Liar, store: ImageStore) -> None:
    manifest = liar.image_of(GOOD)
    size = manifest["layers"][0]["size"]
    liar.add_manifest(manifest)
    liar.content[f"bad/blobs/{manifest['layers'][0]['digest']}"] = gzip.compress(layer({"evil": b""}))[:size].ljust(size, b"\0")
    assert "damaged" in (words := refused(store, liar)) or "the layer's digest is" in words


def test_redirects_in_a_circle(liar: Liar, store: ImageStore) -> None:
    liar.answers["bad/manifests"] = lambda asked: asked.answer(307, Location=f"/v2/{asked.path}x")
    assert "redirects more than 5 times" in refused(store, liar)
    assert len(liar.asked) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "https://x:y/"], ids=["file", "ftp", "no-port"])
def test_redirects_to_what_is_no_registry(liar: Liar, store: ImageStore, target: str) -> None:
    liar.answers["bad/manifests"] = lambda asked: asked.answer(302, Location=target)
    assert "which is not followed" in (words := refused(store, liar)) or "Invalid URL in location header" in words


def protecting(liar: Liar) -> None:
    """Only who shows the password is answered."""
    def answer(asked: Asked) -> None:
        if asked.headers.get("authorization") != f"Basic {SECRET}":
            asked.answer(401, WWW_Authenticate='Basic realm="x"')
        else:
            asked.answer(200, liar.content[asked.path])
    liar.answers["bad/"] = answer


def test_a_redirect_to_another_host_is_told_no_password(liar: Liar, other: Liar, store: ImageStore) -> None:
    manifest = liar.image_of(GOOD)
    liar.add_manifest(manifest)
    other.content = {name: data for name, data in liar.content.items() if "blobs" in name}
    liar.answers["bad/blobs"] = lambda asked: asked.answer(307, Location=f"http://{other.name}/v2/{asked.path}")
    protecting(liar)
    asyncio.run(store.pull(liar.image, [RegistryAuth("user", "password")]))
    assert len(other.asked) == 2 and not any("authorization" in one.headers for one in other.asked)
    assert any(one.headers.get("authorization") == f"Basic {SECRET}" for one in liar.asked)


@pytest.mark.parametrize("challenge", ['Basic realm="x"', 'Bearer realm="http://OTHER/token",service="x"'], ids=["basic", "bearer"])
def test_who_is_redirected_to_cannot_ask_for_a_password(liar: Liar, other: Liar, store: ImageStore, challenge: str) -> None:
    liar.add_manifest(liar.image_of(GOOD))
    liar.answers["bad/blobs"] = lambda asked: asked.answer(307, Location=f"http://{other.name}/v2/{asked.path}")
    other.answers["bad/"] = lambda asked: asked.answer(401, WWW_Authenticate=challenge.replace("OTHER", other.name))
    assert "authorization failed" in refused(store, liar, RegistryAuth("user", "password"))
    assert not any("authorization" in one.headers for one in other.asked)


@pytest.mark.parametrize(("realm", "words"), [
    pytest.param("http://elsewhere.invalid/token", "which is not https", id="plain-and-elsewhere"),
    pytest.param("file:///etc/passwd", "which is not https", id="file"),
    pytest.param("", "which is not https", id="none"),
    pytest.param("https://x:y/token", "names an address that is none", id="no-address"),
])
def test_a_realm_that_would_give_the_password_away(liar: Liar, store: ImageStore, realm: str, words: str) -> None:
    liar.answers["bad/"] = lambda asked: asked.answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="x"')
    assert words in refused(store, liar, RegistryAuth("user", "password"))


def test_a_token_server_s_redirect_is_told_no_password(liar: Liar, other: Liar, store: ImageStore) -> None:
    liar.answers["bad/"] = lambda asked: asked.answer(401, WWW_Authenticate=f'Bearer realm="http://{liar.name}/v2/token",service="x"')
    liar.answers["token"] = lambda asked: asked.answer(307, Location=f"http://{other.name}/v2/token")
    other.answers["token"] = lambda asked: asked.answer(200, b'{"token": "a\\nb"}')
    assert "authorization failed" in refused(store, liar, RegistryAuth("user", "password"))
    assert len(other.asked) == 1 and "authorization" not in other.asked[0].headers


@pytest.mark.parametrize("way", ["hang", "drip"])
@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_who_does_not_answer_is_not_waited_for(liar: Liar, store: ImageStore, what: str, way: str) -> None:
    liar.add_manifest(liar.image_of(GOOD))
    liar.answers[f"bad/{what}"] = getattr(liar, way)
    assert "does not answer in time" in refused(store, liar)


def test_a_layer_that_drips_is_given_up(liar: Liar, store: ImageStore) -> None:
    manifest = liar.image_of(os.urandom(1 << 20))
    liar.add_manifest(manifest)
    liar.answers[f"bad/blobs/{manifest['layers'][0]['digest']}"] = liar.drip
    assert "does not answer in time" in refused(store, liar)


def test_a_cut_layer_goes_on_where_it_was(liar: Liar, store: ImageStore) -> None:
    content = layer({"big": os.urandom(300_000)})
    manifest = liar.image_of(content)
    liar.add_manifest(manifest)
    blob = f"bad/blobs/{manifest['layers'][0]['digest']}"
    liar.answers[blob] = lambda asked: liar.answer_part(asked, 100_000)
    asyncio.run(store.pull(liar.image))
    assert (store.layers / directory_name(digest(content)) / "big").exists()
    ranges = [one.headers.get("range") for one in liar.asked if one.path == blob]
    assert len(ranges) >= 4 and ranges[0] is None and all(one is not None for one in ranges[1:])


def test_a_registry_without_ranges_is_read_again(liar: Liar, store: ImageStore) -> None:
    content = layer({"big": os.urandom(300_000)})
    manifest = liar.image_of(content)
    liar.add_manifest(manifest)
    blob = f"bad/blobs/{manifest['layers'][0]['digest']}"
    whole, cuts = liar.content[blob], iter((100_000, 200_000))

    def answer(asked: Asked) -> None:
        most = next(cuts, len(whole))
        asked.answer(200, whole[:most], len(whole))
        asked.cut()
    liar.answers[blob] = answer
    asyncio.run(store.pull(liar.image))
    assert (store.layers / directory_name(digest(content)) / "big").stat().st_size == 300_000


def test_another_part_than_was_asked_for(liar: Liar, store: ImageStore) -> None:
    manifest = liar.image_of(os.urandom(300_000))
    liar.add_manifest(manifest)
    blob = f"bad/blobs/{manifest['layers'][0]['digest']}"

    def answer(asked: Asked) -> None:
        if "range" not in asked.headers:
            return liar.answer_part(asked, 100_000)
        return asked.answer(206, b"evil", Content_Range="bytes 5-8/9")
    liar.answers[blob] = answer
    assert "another part of the layer" in refused(store, liar)


def test_a_registry_that_is_always_down_is_given_up(liar: Liar, store: ImageStore) -> None:
    liar.add_manifest(liar.image_of(GOOD))
    liar.answers["bad/blobs"] = lambda asked: asked.answer(503)
    assert "503" in refused(store, liar)


# --- archives

def archive(**files: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as made:
        for name, content in files.items():
            made.addfile(entry(name.replace("_", "."), size=len(content)), io.BytesIO(content))
    return data.getvalue()


@pytest.mark.parametrize("content", [
    pytest.param(archive(manifest_json=b"{"), id="no-json"),
    pytest.param(archive(manifest_json=b"[" * 100_000), id="deep"),
    pytest.param(archive(manifest_json=b"[5]"), id="number"),
    pytest.param(archive(manifest_json=b'[{"Config": "../../etc/passwd"}]'), id="path"),
    pytest.param(archive(manifest_json=b'[{"Config": ["x"]}]'), id="list"),
    pytest.param(archive(manifest_json=b'[{"Config": "c", "Layers": ["l"]}]', c=b"{}", l=b""), id="layers"),
    pytest.param(archive(index_json=b'{"manifests": [{"digest": "sha256:../../../etc/passwd"}]}'), id="digest"),
    pytest.param(archive(index_json=b'{"manifests": ["x"]}'), id="text"),
    pytest.param(zstandard.compress(b"x" * 1000)[:-5], id="cut-zstd"),
    pytest.param(gzip.compress(b"x" * 1000)[:-5], id="cut-gzip"),
])
def test_bad_archives(store: ImageStore, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(CriError, match="not a usable image archive"):
        asyncio.run(store.import_archive(str(tmp_path / "archive")))
    assert list(store.layers.iterdir()) == [] and list((tmp_path / "images" / "tmp").iterdir()) == []


def test_a_directory_whose_blobs_are_links_out_of_it(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.json").symlink_to("/etc/passwd")
    with pytest.raises(CriError, match="not a usable image archive"):
        asyncio.run(store.import_archive(str(tmp_path / "a")))
