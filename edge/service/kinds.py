"""What a file is, by its first bytes: neither its name nor what a client calls it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

Kind = Literal["image", "video", "sequence"]

#: So many bytes are enough to tell.
ENOUGH: Final = 16

_EXPECTED: Final[dict[Kind, str]] = {
    "image": "a JPEG, PNG or WebP picture",
    "video": "a video (MP4, MOV, WebM, MKV, AVI or MPEG)",
    "sequence": "a keypoint sequence (.npz)",
}

_KNOWN: Final[tuple[tuple[Kind, Callable[[bytes], bool]], ...]] = (
    ("image", lambda b: b.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))),
    ("image", lambda b: b.startswith(b"RIFF") and b[8:12] == b"WEBP"),
    ("video", lambda b: b[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    ("video", lambda b: b.startswith((b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"))),
    ("video", lambda b: b.startswith(b"RIFF") and b[8:12] == b"AVI "),
    ("sequence", lambda b: b.startswith(b"PK\x03\x04")),
)

_PICTURES: Final = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")


def kind_of(start: bytes) -> Kind | None:
    """The kind of a file by its first ENOUGH bytes, None for what the service does not read."""
    if start[4:8] == b"ftyp" and start[8:12] in _PICTURES:
        return None
    return next((kind for kind, fits in _KNOWN if fits(start)), None)


def refusal_of(start: bytes, *wanted: Kind) -> tuple[int, str] | None:
    """Status and line for a file that is none of the wanted kinds; None for one that may be."""
    found = kind_of(start)
    if found in wanted:
        return None
    expected = " or ".join(_EXPECTED[kind] for kind in wanted)
    if not start:
        return 400, f"the body is empty (expected {expected})"
    if found is not None:
        return 415, f"this is {_EXPECTED[found]} (expected {expected})"
    return 400, f"a file of an unknown kind (expected {expected})"
