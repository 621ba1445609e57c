"""A bucket on a server that speaks S3: what is read from it, and written such that it is whole or not there."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from configs.s3 import S3
from edge.bucket_errors import SpoiledError, one_line
from keypoints.errors import InputError, MissingExtraError, RepSightError
from keypoints.files import sha256

#: Called with bytes done and bytes in all.
Progress = Callable[[int, int], None]

#: What is no model is small; more of it is not read.
SMALL: Final = 1 << 20
CHUNK: Final = 1 << 18
#: A write that found another state than it was made for: another publisher was faster.
_OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_HIDDEN = frozenset({"AccessDenied", "403", "Forbidden"})


@dataclass(frozen=True, slots=True)
class Stored:
    """A small object: its content, and the tag by which the server knows just this content."""

    content: bytes
    etag: str


class Bucket:
    """One bucket. Every request has its time-out and a number of attempts; what goes wrong becomes one line."""

    def __init__(self, settings: S3, name: str, *, public: bool = False) -> None:
        """public: read without credentials where there are none. Raises MissingExtraError without boto3, InputError
        when its settings can't be used."""
        try:
            import boto3
            from botocore import UNSIGNED
            from botocore.config import Config
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"models in a bucket need boto3 ({error.name} is not installed)",
                                    hint="pip install '.[s3]'") from None  # fmt: skip
        self.name = name
        self.attempts = settings.attempts
        with one_line(f"s3://{name}", settings.endpoint):
            session = boto3.Session(region_name=settings.region)
            config = Config(
                connect_timeout=settings.timeout_s,
                read_timeout=settings.timeout_s,
                retries={"mode": "standard", "total_max_attempts": settings.attempts},
                # Each write brings its SHA-256, and what is read is held against one: no other sums beside it, which
                # older servers do not know.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                signature_version=UNSIGNED if public and session.get_credentials() is None else None,
                s3={"addressing_style": "path" if settings.endpoint else "auto"},
            )
            # What is between AWS and another server's own signature is the region; it wants one, and takes any.
            region = session.region_name or ("us-east-1" if settings.endpoint else None)
            self._client = session.client("s3", endpoint_url=settings.endpoint, region_name=region, config=config)
            self._client.meta.events.register("before-send.s3.PutObject", _now_sent)
        self._where = settings.endpoint or self._client.meta.endpoint_url

    def read(self, key: str, *, hidden: bool = False) -> Stored | None:
        """A small object, or None when it is not there.

        hidden: also where the server does not tell; one that may not be listed says `access denied` of every missing
        key.
        """
        opened = self._open(key, hidden=hidden)
        if opened is None:
            return None
        with self._told(key):
            content = opened["Body"].read(SMALL + 1)
        if len(content) > SMALL:
            raise InputError("too large for what it is", file=self._url(key), expected=f"at most {SMALL} bytes")
        return Stored(content, opened.get("ETag", ""))  # a login page on the way has none

    def chunks(self, key: str) -> Iterator[bytes] | None:
        """An object, piece by piece, or None when it is not there."""
        opened = self._open(key)
        return None if opened is None else self._pieces(key, opened["Body"])

    def write(self, key: str, content: bytes, seen: Stored | None) -> bool:
        """Put a small object in the place of the one that was `seen` there (None: of nothing), and read it back.

        False when another is there by now; nothing was changed then. Raises SpoiledError when what arrives is never
        what was sent.
        """
        for _ in range(self.attempts):
            tag = self._put(key, io.BytesIO(content), hashlib.sha256(content).digest(), seen)
            now = self.read(key, hidden=tag is None)
            if now is not None and now.content == content:  # also when an answer got lost and the second try failed
                return True
            if tag is None or now is None or now.etag != tag:
                return False
            seen = now
        raise SpoiledError(self._url(key))

    def bring(self, key: str, file: Path, digest: str, progress: Progress) -> bool:
        """Make the object be the file whose SHA-256 (hexadecimal) is `digest`; False when it is already.

        It is read back. Raises SpoiledError when what arrives is never what was sent.
        """
        size = file.stat().st_size
        if self._holds(key, digest, hidden=True):
            progress(size, size)
            return False
        for _ in range(self.attempts):
            with _Watched(file, lambda done: progress(done, size)) as body:
                self._put(key, body, bytes.fromhex(digest))
            if self._holds(key, digest):
                return True
            if sha256(file) != digest:
                raise RepSightError(f"{file}: was changed while it was uploaded; publish it again")
        raise SpoiledError(self._url(key))

    def _holds(self, key: str, digest: str, hidden: bool = False) -> bool:
        opened = self._open(key, hidden=hidden)
        if opened is None:
            return False
        found = hashlib.sha256()
        for piece in self._pieces(key, opened["Body"]):
            found.update(piece)
        return found.hexdigest() == digest

    def _put(self, key: str, body: Any, digest: bytes, seen: Stored | bool | None = True) -> str | None:
        """The tag of what is there now; None when that is another than was `seen`. True: whatever is there."""
        from botocore.exceptions import ClientError

        given: dict[str, Any] = {"Bucket": self.name, "Key": key, "Body": body}
        # With its name beside it, the sum is kept by every server; some drop one that comes alone.
        given |= {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": base64.b64encode(digest).decode()}
        given["ContentType"] = _kind(key)
        condition: dict[str, str] = {}
        if isinstance(seen, Stored):
            condition = {"IfMatch": seen.etag}
        elif seen is None:
            condition = {"IfNoneMatch": "*"}
        with self._told(key, "write"):
            try:
                return str(self._client.put_object(**given, **condition)["ETag"])
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code")
                if condition and (code in _OVERTAKEN or ("IfMatch" in condition and code in _MISSING)):
                    return None
                if not condition or code != "NotImplemented":
                    raise
            # A server that knows no conditions: looking first is all that can be done.
            body.seek(0)
            if self.read(key) != seen:
                return None
            return str(self._client.put_object(**given)["ETag"])

    def _open(self, key: str, hidden: bool = False) -> Any:
        from botocore.exceptions import ClientError

        with self._told(key):
            try:
                return self._client.get_object(Bucket=self.name, Key=key)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code")
                if code in _MISSING or (hidden and code in _HIDDEN):
                    return None
                raise

    def _pieces(self, key: str, body: Any) -> Iterator[bytes]:
        with self._told(key):
            yield from body.iter_chunks(CHUNK)

    @contextmanager
    def _told(self, key: str, doing: str = "read") -> Iterator[None]:
        with one_line(self._url(key), self._where, doing):
            yield

    def _url(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


class _Watched(io.BufferedReader):
    """A file that tells how far it has been sent; what reads it before, for a request's signature, is not told."""

    def __init__(self, file: Path, told: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(file))
        self._told = told
        self.sent = False

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if self.sent and piece:
            self._told(self.tell())
        return piece


def _now_sent(request: Any, **_: Any) -> None:
    """For botocore, which calls it when a request is signed and goes out."""
    if isinstance(request.body, _Watched):
        request.body.sent = True


def _kind(key: str) -> str:
    """What a browser is told that it is."""
    kinds = {".json": "application/json", ".md": "text/markdown; charset=utf-8", ".html": "text/html; charset=utf-8"}
    return kinds.get(Path(key).suffix, "application/octet-stream")
