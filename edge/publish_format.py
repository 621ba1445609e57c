"""What lies in the bucket beside the models: the manifest of a version, and the pointer `latest`.

PREFIX/NAME/latest.json                which version is the latest
PREFIX/NAME/VERSION/manifest.json      the files of a version; a version is there when this is
PREFIX/NAME/VERSION/FOLDER/head.onnx   the files themselves; FOLDER is made of their content, so no two versions and
                                       no two tries of one share a key unless they share the content
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from configs.publishing import Part
from keypoints.errors import InputError

LATEST, MANIFEST = "latest.json", "manifest.json"
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Written(BaseModel):
    """Unknown keys are kept out of the way, so that what a newer version writes stays readable."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_bytes(self) -> bytes:
        """The same bytes for the same content."""
        return (json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode()


class Item(_Written):
    """One file. kind: head, pose, report, card, or file for any other."""

    name: Part
    kind: str
    sha256: Digest
    bytes: int = Field(ge=0)


class Judged(_Written):
    """A condition of the gate, and what held it."""

    metric: str
    set: str | None
    threshold: str
    value: float


class Manifest(_Written):
    """The files of a version, in `folder` beside it. gate: what they were measured by."""

    format: Literal[1] = 1
    name: Part
    version: Part
    folder: Part
    files: tuple[Item, ...] = Field(min_length=1)
    gate: tuple[Judged, ...] = ()

    def only(self, kind: str) -> Item | None:
        """The file of a kind, if there is one."""
        return next((item for item in self.files if item.kind == kind), None)

    def same_models(self, other: Manifest) -> bool:
        """Whether both are of the same models; the report and the card may be of two measurements."""
        return self._models() == other._models()

    def _models(self) -> set[tuple[str, str]]:
        return {(item.name, item.sha256) for item in self.files if item.kind not in ("report", "card")}


class Pointer(_Written):
    """The version that `latest` is, and the SHA-256 of its manifest."""

    format: Literal[1] = 1
    version: Part
    manifest_sha256: Digest


class DamagedError(InputError):
    """What lies in the bucket is not what was put there; to publish it again mends it."""


class NewerError(InputError):
    """What lies in the bucket was put there by a newer RepSight."""


W = TypeVar("W", bound=_Written)


def parse(kind: type[W], content: bytes, url: str) -> W:
    """Read a manifest or a pointer. Raises DamagedError or NewerError."""
    try:
        tree: Any = json.loads(content)
    except ValueError:
        raise DamagedError("damaged: not JSON", file=url, hint="publish it again") from None
    number = tree.get("format") if isinstance(tree, dict) else None
    if isinstance(number, int) and number > 1:
        raise NewerError("unknown format", file=url, field="format", expected=1, found=number, hint="update RepSight")
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise DamagedError(f"damaged: {error.errors()[0]['msg']}", file=url, field=field or None,
                           hint="publish it again") from None  # fmt: skip


def digest_of(items: Sequence[Item]) -> str:
    """One digest of several files, whatever their order: 16 hexadecimal digits."""
    lines = sorted(f"{item.sha256} {item.name}\n" for item in items)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
