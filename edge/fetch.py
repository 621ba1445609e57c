"""Models from a bucket: fetched once into the user's cache, held against their checksum at every start."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from configs.publishing import BUCKET, PART
from configs.s3 import S3
from edge.bucket import Bucket, Progress, Stored
from edge.bucket_errors import UnreachableError
from edge.local import SCHEME
from edge.publish_format import LATEST, MANIFEST, DamagedError, Item, Manifest, NewerError, Pointer, parse
from keypoints.errors import InputError, RepSightError
from keypoints.files import sha256


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model file on this disk, whose checksum is right. notice: what the user should know, or None."""

    path: Path
    version: str
    notice: str | None = None


def fetch(
    url: str,
    kind: Literal["head", "pose"],
    settings: S3,
    *,
    cache: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Fetched:
    """The model of `kind` that a URL names, from the cache where it is there whole, else from the bucket.

    A URL without a version asks the bucket which one is the latest; when it can't be reached, or what it says or holds
    is damaged or of a newer format, the last one known is taken and the notice says so. A version in the cache needs
    no network at all. Raises InputError for what is no such URL, is not in the bucket or may not be read. Where the
    cache does not help, also UnreachableError; DamagedError for what is not what its checksum says; NewerError.
    MissingExtraError without boto3.
    """
    bucket, path = _parts(url)
    shelf = _Shelf((cache or default_folder()) / _host(settings.endpoint) / bucket / path, url, kind)
    if (kept := shelf.version(path.rpartition("/")[2])) is not None:
        return kept
    try:
        return _from_bucket(Bucket(settings, bucket, public=True), path, shelf, progress)
    except UnreachableError as error:
        kept, trouble = shelf.latest(), f"{url} can't be reached"
        if kept is None:
            raise UnreachableError(f"{error}; and no version of it is in the cache, {shelf.folder}") from None
    except (DamagedError, NewerError) as error:
        kept, trouble = shelf.latest(), str(error)
        if kept is None:
            raise
    return Fetched(kept.path, kept.version, f"{trouble}; going on with version {kept.version}, from the cache")


def default_folder() -> Path:
    """`repsight/models` in the user's cache folder (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "repsight" / "models"


class _Shelf:
    """What the cache holds of one URL: the same folders and files as in the bucket, each put there when it is right."""

    def __init__(self, folder: Path, url: str, kind: Literal["head", "pose"]) -> None:
        self.folder, self.url, self.kind = folder, url, kind

    def version(self, version: str) -> Fetched | None:
        """The model, where the folder is that of a version and its file is whole."""
        return self._model(self.folder, version)

    def latest(self) -> Fetched | None:
        """The model of the version that was the latest when the bucket was last asked."""
        try:
            pointer = parse(Pointer, (self.folder / LATEST).read_bytes(), self.url)
        except (OSError, InputError):
            return None
        return self._model(self.folder / pointer.version, pointer.version)

    def _model(self, folder: Path, version: str) -> Fetched | None:
        try:
            manifest = parse(Manifest, (folder / MANIFEST).read_bytes(), self.url)
            item = manifest.only(self.kind)
            if item is None or manifest.version != version:
                return None
            path = folder / manifest.folder / item.name
            return Fetched(path, version) if sha256(path) == item.sha256 else None
        except (OSError, InputError):  # not there, or damaged: the bucket has it
            return None


@contextmanager
def _made(path: Path) -> Iterator[Path]:
    """The file to write to in place of `path`, as `files.whole`; another process may make the same one, so each has a
    name of its own, and leaves nothing when it fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise RepSightError(f"{path}: the model can't be kept here: {error.strerror or error}; XDG_CACHE_HOME names"
                            " another place") from None  # fmt: skip
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _keep(path: Path, content: bytes) -> None:
    """Write a small file, whole."""
    with _made(path) as partial:
        partial.write_bytes(content)


def _from_bucket(bucket: Bucket, path: str, shelf: _Shelf, progress: Progress) -> Fetched:
    """Ask what the URL means, fetch what is not there, and only then note it in the cache."""
    latest = bucket.read(f"{path}/{LATEST}", hidden=True)
    pointer = None if latest is None else parse(Pointer, latest.content, f"{shelf.url}/{LATEST}")
    home = path if pointer is None else f"{path}/{pointer.version}"
    stored = bucket.read(f"{home}/{MANIFEST}")
    if stored is None:
        raise InputError("nothing is published there", file=shelf.url,
                         expected="s3://BUCKET/[PREFIX/]NAME[/VERSION] of `repsight publish`")  # fmt: skip
    manifest = _checked(stored, pointer, f"s3://{bucket.name}/{home}/{MANIFEST}")
    item = manifest.only(shelf.kind)
    if item is None:
        raise InputError(f"no {shelf.kind} model in this publication", file=shelf.url,
                         found=", ".join(i.name for i in manifest.files))  # fmt: skip
    folder = shelf.folder if pointer is None else shelf.folder / pointer.version
    place = folder / manifest.folder / item.name
    if not (place.is_file() and sha256(place) == item.sha256):
        _download(bucket, f"{home}/{manifest.folder}/{item.name}", item, place, progress)
    _keep(folder / MANIFEST, stored.content)
    if latest is not None:
        _keep(shelf.folder / LATEST, latest.content)
    return Fetched(place, manifest.version)


def _checked(stored: Stored, pointer: Pointer | None, url: str) -> Manifest:
    if pointer is not None and hashlib.sha256(stored.content).hexdigest() != pointer.manifest_sha256:
        raise DamagedError("its checksum is not the one that `latest` names; it is not used", file=url,
                           hint="publish it again")  # fmt: skip
    return parse(Manifest, stored.content, url)


def _download(bucket: Bucket, key: str, item: Item, place: Path, progress: Progress) -> None:
    """Write the object to the cache; a file that is not what the manifest says gets no name there."""
    url = f"s3://{bucket.name}/{key}"
    with _made(place) as partial:
        for left in reversed(range(bucket.attempts)):
            try:
                digest, done = _received(bucket, key, item, partial, progress)
                break
            except UnreachableError:  # also in the middle of it
                if not left:
                    raise
        if digest != item.sha256:
            raise DamagedError("its checksum is wrong; it is not used", file=url,
                               expected=f"sha256 {item.sha256[:16]}…",
                               found=f"{digest[:16]}…, {done} of {item.bytes} bytes")  # fmt: skip


def _received(bucket: Bucket, key: str, item: Item, partial: Path, progress: Progress) -> tuple[str, int]:
    """The SHA-256 and the size of what came; more than was promised is not waited for."""
    pieces = bucket.chunks(key)
    if pieces is None:
        raise DamagedError("is not in the bucket, though its manifest names it", file=f"s3://{bucket.name}/{key}",
                           hint="publish it again")  # fmt: skip
    digest, done = hashlib.sha256(), 0
    with partial.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            done += file.write(piece)
            if done > item.bytes:
                break
            progress(done, item.bytes)
    return digest.hexdigest(), done


def _parts(url: str) -> tuple[str, str]:
    """The bucket, and the path in it. Raises InputError for what is no URL of a model."""
    bucket, _, path = url.removeprefix(SCHEME).strip("/").partition("/")
    if not re.fullmatch(BUCKET, bucket) or not all(re.fullmatch(PART, part) for part in path.split("/")):
        raise InputError("not a model in a bucket", file=url, expected="s3://BUCKET/[PREFIX/]NAME[/VERSION]")
    return bucket, path


def _host(endpoint: str | None) -> str:
    """A folder for each server: two may have a bucket of one name."""
    address = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "//aws"
    return re.sub(r"[^A-Za-z0-9.-]+", "_", urlsplit(address).netloc.rpartition("@")[2]) or "aws"
