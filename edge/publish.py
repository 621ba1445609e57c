"""Publish models to a bucket: through the gate, file by file, and `latest` last of all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from configs.publishing import PART, Publish
from edge.bucket import Bucket, Progress, Stored
from edge.publish_card import model_card
from edge.publish_format import LATEST, MANIFEST, DamagedError, Item, Judged, Manifest, Pointer, digest_of, parse
from edge.publish_gate import judge, read_report, refusal
from keypoints.card import KEY, HeadCard, PoseCard, read_card
from keypoints.errors import InputError, RepSightError
from keypoints.files import sha256
from keypoints.session import open_session

#: What the report and the card are called in the bucket.
REPORT, CARD = "report.json", "MODEL_CARD.md"
#: How often the state of a version may change under the publisher's hands; it changes once.
_LOOKS: Final = 3

Card = HeadCard | PoseCard


@dataclass(frozen=True, slots=True)
class Published:
    """What became of it. url: s3://BUCKET/[PREFIX/]NAME/VERSION, for `run --head`. keys: what is in the bucket of it,
    in the order in which it was put there (for a dry run: would be). uploaded: those of them that were not there
    before. latest: the version that `latest` now leads to. notices: what is odd, a line each."""

    url: str
    version: str
    keys: tuple[str, ...]
    uploaded: tuple[str, ...]
    latest: str
    notices: tuple[str, ...] = ()


def publish(
    settings: Publish,
    files: Sequence[Path],
    report: Path,
    *,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda done, total: None,
) -> Published:
    """Upload model files (at most one head and one pose model) with manifest and model card, and move `latest` there.

    report: JSON that `repsight evaluate` wrote; each condition of the settings is judged on it, and said in a line.
    dry_run: judge and list, without a network. progress: called with bytes done and bytes in all.
    Raises GateRefused (exit code 1), naming the metric, before anything is uploaded; InputError for wrong files, a
    version that is taken, a bucket, credentials or rights that are wrong; MissingExtraError without boto3;
    RepSightError when the server can't be reached or spoils what it is sent. After each of them, and after a kill at
    any moment, `latest` leads to where it did before; save on a server that keeps half a file as if it were one (S3
    itself refuses it by its checksum) and spoils `latest` itself. Readers then go on with the version that they know,
    and the next publication mends it.
    """
    if settings.bucket is None:
        raise InputError("no bucket to publish to", field="bucket", hint="bucket=NAME, or in publish.yaml")
    items, cards = _described(files)
    found = read_report(report)
    heads = [item.sha256 for item in items if item.kind == "head"]
    verdicts = judge(settings.conditions, found, heads, report)
    for verdict in verdicts:
        say(verdict.line)
    if (refused := refusal(verdicts)) is not None:
        raise refused
    name = settings.name or _one({card.name for card in cards}, "name")
    version = settings.version or _one({card.version for card in cards}, "version")
    if version == "auto":
        version = digest_of(items)
    with TemporaryDirectory(prefix="repsight-publish-") as folder:
        places = dict(zip((item.name for item in items), files, strict=True))
        url = f"s3://{'/'.join(filter(None, (settings.bucket, settings.prefix, name)))}/{version}"
        text = model_card(name, version, url, items, cards, found, heads, verdicts)
        places[REPORT], places[CARD] = report, Path(folder) / CARD
        places[CARD].write_text(text, encoding="utf-8")
        every = (*items, _item(report, "report", REPORT), _item(places[CARD], "card", CARD))
        gate = tuple(Judged(metric=v.condition.metric, set=v.where, threshold=v.condition.wanted, value=v.value)
                     for v in verdicts if v.value is not None)  # fmt: skip
        manifest = Manifest(name=name, version=version, folder=digest_of(every), files=every, gate=gate)
        root = "/".join(filter(None, (settings.prefix, name)))
        if dry_run:
            return Published(url, version, tuple(_keys(root, manifest)), (), version)
        bucket = Bucket(settings, settings.bucket)
        return _Publication(bucket, root, url, places, progress).publish(manifest)


class _Publication:
    """One publication on its way. places: the file on this disk of each name in the manifest."""

    def __init__(self, bucket: Bucket, root: str, url: str, places: dict[str, Path], progress: Progress) -> None:
        self._bucket, self._root, self._url, self._places = bucket, root, url, places
        self._progress = progress
        self._uploaded: list[str] = []

    def publish(self, ours: Manifest) -> Published:
        """Files, then the manifest that makes them a version, then `latest`: each read back before the next."""
        latest_key, manifest_key = f"{self._root}/{LATEST}", f"{self._root}/{ours.version}/{MANIFEST}"
        before = self._bucket.read(latest_key, hidden=True)
        for _ in range(_LOOKS):
            there = self._bucket.read(manifest_key, hidden=True)
            published = self._published(there, ours)
            manifest, content = (published, there.content) if published and there else (ours, ours.to_bytes())
            self._bring(manifest)
            if published is not None:
                break
            if self._bucket.write(manifest_key, content, there):
                self._uploaded.append(manifest_key)
                break
        else:
            raise RepSightError(f"{self._url}: is being changed by others all the time; try again")
        notices = []
        if manifest != ours:
            notices.append(f"{self._url} was published before with these very models; its report and card stay")
        pointer = Pointer(version=ours.version, manifest_sha256=hashlib.sha256(content).hexdigest())
        latest = self._point(latest_key, pointer, before)
        if latest != ours.version:
            notices.append(f"`latest` was moved to {latest} by somebody else meanwhile, and stays there; publish again"
                           f" to move it to {ours.version}")  # fmt: skip
        return Published(self._url, ours.version, tuple(_keys(self._root, manifest)), tuple(self._uploaded), latest,
                         tuple(notices))  # fmt: skip

    def _published(self, there: Stored | None, ours: Manifest) -> Manifest | None:
        """What this version is already, if it is; a damaged manifest is none."""
        if there is None:
            return None
        try:
            published = parse(Manifest, there.content, f"{self._url}/{MANIFEST}")
        except DamagedError:
            return None
        if not published.same_models(ours):
            raise InputError("this version is taken by other models, and a version is never overwritten",
                             file=self._url, hint="version=NEW, or version=auto for one made of the content"
                             )  # fmt: skip
        return published

    def _bring(self, manifest: Manifest) -> None:
        """Every file into the bucket that is not there whole; of a version published before only its models."""
        folder = f"{self._root}/{manifest.version}/{manifest.folder}"
        here = [item for item in manifest.files if sha256(self._places[item.name]) == item.sha256]
        total, done = sum(item.bytes for item in here), 0
        for item in here:
            key, base = f"{folder}/{item.name}", done
            if self._bucket.bring(key, self._places[item.name], item.sha256,
                                  lambda now, _, base=base: self._progress(base + now, total)):  # type: ignore[misc]  # fmt: skip
                self._uploaded.append(key)
            done += item.bytes

    def _point(self, key: str, pointer: Pointer, before: Stored | None) -> str:
        """Move `latest` unless somebody else has moved it since `before`; returns the version that it leads to."""
        content = pointer.to_bytes()
        if before is not None and before.content == content:
            return pointer.version
        if self._bucket.write(key, content, before):
            self._uploaded.append(key)
            return pointer.version
        now = self._bucket.read(key)
        if now is None:
            raise RepSightError(f"s3://{self._bucket.name}/{key}: was taken away by somebody else meanwhile")
        return parse(Pointer, now.content, f"s3://{self._bucket.name}/{key}").version


def _described(files: Sequence[Path]) -> tuple[list[Item], list[Card]]:
    """What the files are, and the cards of the models among them."""
    items: list[Item] = []
    cards: list[Card] = []
    for file in files:
        kind, card = _kind_of(file)
        items.append(_item(file, kind))
        cards += [card] if card is not None else []
    names = [item.name for item in items]
    for number, item in enumerate(items):
        if item.name in (REPORT, CARD, *names[:number]):
            raise InputError("the name is taken in this publication", file=files[number], found=item.name)
        if item.kind in ("head", "pose") and item.kind in [other.kind for other in items[:number]]:
            raise InputError(f"a second {item.kind} model; a publication has one", file=files[number])
    if not cards:
        raise InputError("no model among the files", field="FILE", expected="a head or a pose model (.onnx)",
                         found=", ".join(map(str, files)) or "none")  # fmt: skip
    return items, cards


def _kind_of(file: Path) -> tuple[str, Card | None]:
    if not file.is_file():
        raise InputError("not a file" if file.exists() else "no such file", file=file)
    if file.suffix.lower() != ".onnx":
        return "file", None
    metadata = open_session(file, threads=1).get_modelmeta().custom_metadata_map
    try:
        said = json.loads(metadata.get(KEY, "{}"))
    except ValueError:
        said = {}
    if isinstance(said, dict) and said.get("kind") == "pose":
        return "pose", read_card(PoseCard, metadata, file)
    return "head", read_card(HeadCard, metadata, file)


def _item(file: Path, kind: str, name: str | None = None) -> Item:
    name = name or file.name
    if not re.fullmatch(PART, name):
        raise InputError("not a name for a bucket", file=file, expected="letters, digits and ._+-", found=name)
    try:
        return Item(name=name, kind=kind, sha256=sha256(file), bytes=file.stat().st_size)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from None


def _one(said: set[str], field: str) -> str:
    """What all cards say."""
    if len(said) != 1:
        raise InputError("the models' cards say several", field=field, found=", ".join(sorted(said)),
                         hint=f"{field}=ONE")  # fmt: skip
    (only,) = said
    if not re.fullmatch(PART, only):
        raise InputError("the model's card says what is no name for a bucket", field=field, found=repr(only),
                         expected="letters, digits and ._+-", hint=f"{field}=ONE")  # fmt: skip
    return only


def _keys(root: str, manifest: Manifest) -> list[str]:
    """In the order in which they are put there."""
    version = f"{root}/{manifest.version}"
    return [*(f"{version}/{manifest.folder}/{item.name}" for item in manifest.files), f"{version}/{MANIFEST}",
            f"{root}/{LATEST}"]  # fmt: skip
