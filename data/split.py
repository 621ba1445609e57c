"""Splits of a set into training, validation and test, by source and subject; and the check that any split passes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from configs.schema import Actions
from data.formats.job import Options
from data.formats.videos import hmdb_splits
from data.sets import read
from keypoints.errors import InputError
from keypoints.labels import Labelled

PARTS = ("train", "validation", "test")
SHARES = (0.7, 0.15, 0.15)

#: How many random assignments are tried, the one nearest to the wanted shares is taken: 100, but fewer of a large set,
#: where the first is near enough and takes long. In groups placed altogether.
_TRIES, _PLACED = 100, 10_000

Split = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """What a split has to know of a recording: its name, the people and sources it comes from, the classes in it."""

    name: str
    origins: frozenset[str]
    classes: frozenset[str]


def items(recordings: Iterable[Labelled], actions: Actions) -> list[Item]:
    """The items of a set; the classes are our actions, as a head learns them."""
    made = []
    for labelled in recordings:
        sequence = labelled.sequence
        origins = {f"{kind} {value}" for kind, value in (("source", sequence.source), ("subject", sequence.subject))
                   if value is not None}  # fmt: skip
        words = {segment.action for segment in labelled.segments or ()} or {labelled.exercise or ""}
        classes = frozenset(actions.fold(word) for word in words if word)
        made.append(Item(labelled.name, frozenset(origins or {f"recording {labelled.name}"}), classes))
    return made


def without(found: Iterable[Item], labels: Iterable[str]) -> list[Item]:
    """The items that show none of `labels`."""
    left_out = set(labels)
    return [item for item in found if not item.classes & left_out]


def make(
    found: Sequence[Item], seed: int = 0, shares: Sequence[float] = SHARES, fixed: Mapping[str, str] | None = None
) -> Split:
    """A split in which every person and source is on one side, and every class on all; the same for a seed.

    shares: of the recordings in each of PARTS. fixed: name to part, for recordings whose side is given; whoever shares
    a source with them is on their side. Raises InputError when no such split is possible, with the reason.
    """
    if not found:
        raise InputError("no recordings to split")
    groups = _groups(found)
    _possible(found, groups)
    rng = np.random.default_rng(seed)
    wanted = np.array(shares) / np.sum(shares)
    best: tuple[float, list[int]] | None = None
    for _ in range(max(5, min(_TRIES, _PLACED // len(groups)))):
        sides = _assign(found, groups, wanted, fixed or {}, rng)
        cost = _distance(found, groups, sides, wanted)
        if best is None or cost < best[0]:
            best = cost, sides
    assert best is not None
    split: Split = {
        part: tuple(sorted(found[i].name for group, side in zip(groups, best[1], strict=True) if side == place
                           for i in group))
        for place, part in enumerate(PARTS)
    }  # fmt: skip
    check(split, found)
    return split


def check(split: Mapping[str, Sequence[str]], found: Iterable[Item], file: Path | None = None) -> None:
    """Raise InputError when a split can't be trusted; the line names what is wrong.

    Wrong are: a part without recordings, a recording that is not in the set or in two parts, a subject or source on
    both sides, a class missing from a part. What is in no part may be there. file: of the split, for the line.
    """
    known = {item.name: item for item in found}
    side: dict[str, str] = {}
    where: dict[str, str] = {}
    classes: dict[str, set[str]] = {part: set() for part in split}
    for part, names in split.items():
        if not names:
            raise InputError("has no recordings", file=file, field=part)
        for name in names:
            if name not in known:
                raise InputError("is not in the set", file=file, field=f"{part}: {name}",
                                 hint="a split is of the set that it was made of")  # fmt: skip
            if name in side:
                raise InputError(f"is in {side[name]} and in {part}" if side[name] != part else "is there twice",
                                 file=file, field=name)  # fmt: skip
            side[name] = part
            classes[part] |= known[name].classes
            for origin in sorted(known[name].origins):
                if where.setdefault(origin, part) != part:
                    raise InputError(f"is on both sides: in {where[origin]} and in {part}", file=file, field=origin,
                                     hint="make the split anew with `repsight data split`")  # fmt: skip
    for label in sorted(set().union(*classes.values())):
        for part, some in classes.items():
            if label not in some:
                raise InputError(
                    f"the class {label} is missing", file=file, field=part, expected="every class in every part"
                )


def write(split: Split, file: Path, name: str, seed: int) -> None:
    """Write a split as YAML, or as JSON by the file's suffix. name: of the set."""
    content = {"set": name, "seed": seed, "parts": {part: list(names) for part, names in split.items()}}
    text = json.dumps(content, indent=1) if file.suffix == ".json" else yaml.safe_dump(content, sort_keys=False)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=file) from None


def load(file: Path) -> Split:
    """Read a split file, ours or any mapping of parts to names, in YAML or JSON. Raises InputError when it is none."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))  # JSON is YAML
    except FileNotFoundError:
        raise InputError("no such file", file=file, expected="a split") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"not a split: {error}", file=file, expected="YAML or JSON") from None
    parts = content.get("parts", content) if isinstance(content, dict) else None
    if not isinstance(parts, dict) or not all(isinstance(names, list) for names in parts.values()) or not parts:
        raise InputError("not a split", file=file, expected="parts, each with a list of names",
                         found=type(content).__name__)  # fmt: skip
    return {str(part): tuple(str(name) for name in names) for part, names in parts.items()}


def part_of(split: Mapping[str, Sequence[str]], part: str, file: Path | None = None) -> frozenset[str]:
    """The names in one part. Raises InputError when the split, of the file `file`, has no such part."""
    if part not in split:
        raise InputError("no such part", file=file, field=part, expected=", ".join(split))
    return frozenset(split[part])


def select(
    recordings: Iterable[Labelled], split: Mapping[str, Sequence[str]], part: str, file: Path | None = None
) -> Iterator[Labelled]:
    """The recordings of one part, as they come. Raises InputError when the split has no such part."""
    wanted = part_of(split, part, file)
    return (labelled for labelled in recordings if labelled.name in wanted)


def read_part(
    path: Path, actions: Actions, options: Options, file: Path | None = None, part: str = "test"
) -> Iterator[Labelled]:
    """The recordings of the set at `path`, or with the split `file` those of its `part`.

    Raises InputError for a split that can't be trusted or has no such part, before anything else is read.
    """
    if file is None:
        return read(path, actions, options)
    part_of(load(file), part, file)
    return select(read(path, actions, options), check_file(file, path, actions, Options()), part, file)


def of_set(
    path: Path, actions: Actions, options: Options, *, seed: int = 0, left_out: Iterable[str] = (),
    published_split: int | None = None,
) -> Split:  # fmt: skip
    """A split of the set at `path`; its labels alone are read.

    left_out: classes whose recordings are in no part. published_split: number of HMDB51's own split to keep to; the
    validation part comes out of its training part. Raises InputError as `make`, and when the split is not there.
    """
    found = without(items(read(path, actions, replace(options, labels_only=True)), actions), left_out)
    fixed = None
    if published_split is not None:
        splits = hmdb_splits(path)
        if published_split not in splits:
            raise InputError("no such published split", file=path, expected=f"CLASS_test_split{published_split}.txt",
                             found=", ".join(map(str, splits)) or "none")  # fmt: skip
        fixed = published(found, splits[published_split])
        found = [item for item in found if item.name in fixed]
    return make(found, seed, fixed=fixed)


def check_file(file: Path, path: Path, actions: Actions, options: Options) -> Split:
    """`check` a split file against the set at `path`, and return it."""
    split = load(file)
    check(split, items(read(path, actions, replace(options, labels_only=True)), actions), file)
    return split


def published(found: Sequence[Item], parts: Mapping[str, str]) -> dict[str, str]:
    """The side of each recording whose video a published split names (`class/NAME` is the video NAME.*)."""
    by_stem = {Path(name).stem: part for name, part in parts.items()}
    sides = {item.name: by_stem[stem] for item in found if (stem := item.name.rpartition("/")[2]) in by_stem}
    if not sides:
        raise InputError("names none of the videos", field="published split", expected="NAME.avi of the set")
    return sides


def _groups(found: Sequence[Item]) -> list[list[int]]:
    """Recordings that hang together by a person or source, also over a third one, largest group first."""
    leader = list(range(len(found)))

    def lead(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    first: dict[str, int] = {}
    for i, item in enumerate(found):
        for origin in sorted(item.origins):
            leader[lead(i)] = lead(first.setdefault(origin, i))
    gathered: dict[int, list[int]] = defaultdict(list)
    for i in range(len(found)):
        gathered[lead(i)].append(i)
    return sorted(gathered.values(), key=lambda group: (-len(group), found[group[0]].name))


def _possible(found: Sequence[Item], groups: Sequence[Sequence[int]]) -> None:
    sources = Counter(label for group in groups for label in set().union(*(found[i].classes for i in group)))
    examples = Counter(label for item in found for label in item.classes)
    few = {label: count for label, count in sorted(sources.items()) if count < len(PARTS)}
    one = len(few) == 1
    if few:
        raise InputError(
            f"the class{'' if one else 'es'} {', '.join(few)} can't be in every part",
            expected=f"{len(PARTS)} sources or more{'' if one else ' of each'}",
            found="; ".join(f"{label}: examples {examples[label]}, sources {count}" for label, count in few.items()),
            hint=f"add recordings of others, or leave {'it' if one else 'them'} out: "
            + " ".join(f"--without {label}" for label in few),
        )


def _assign(
    found: Sequence[Item], groups: Sequence[Sequence[int]], wanted: np.ndarray, fixed: Mapping[str, str],
    rng: np.random.Generator,
) -> list[int]:  # fmt: skip
    """One random assignment of groups to parts: each goes where its classes lack most, the rarest classes first."""
    labels = sorted({label for item in found for label in item.classes})
    column = {label: i for i, label in enumerate(labels)}
    content = np.zeros((len(groups), len(labels)))
    for row, group in enumerate(groups):
        for i in group:
            for label in found[i].classes:
                content[row, column[label]] += 1
    sources = (content > 0).sum(0)
    rarest = [sources[content[row] > 0].min(initial=len(groups)) for row in range(len(groups))]
    order = sorted(range(len(groups)), key=lambda row: (rarest[row], rng.random()))
    lacking = wanted[:, None] * content.sum(0)
    goal = np.maximum(lacking, 1e-9)
    sides = [0] * len(groups)
    for row in order:
        given = {fixed[found[i].name] for i in groups[row] if found[i].name in fixed}
        if len(given) > 1:
            raise InputError("is on both sides of the published split",
                             field=" and ".join(sorted(found[groups[row][0]].origins)))  # fmt: skip
        if given:
            part = given.pop()
            allowed = [PARTS.index(part)] if part != "train" else [0, 1]
        else:
            allowed = [0, 1, 2]
        own = content[row] > 0
        need = [float((lacking[side, own] / goal[side, own]).max(initial=0)) + 1e-6 * rng.random() for side in allowed]
        sides[row] = allowed[int(np.argmax(need))]
        lacking[sides[row]] -= content[row]
    return sides


def _distance(
    found: Sequence[Item], groups: Sequence[Sequence[int]], sides: Sequence[int], wanted: np.ndarray
) -> float:
    """How far an assignment is from what is wanted; a class missing from a part weighs more than any share."""
    counts = np.zeros(len(PARTS))
    classes: list[Counter[str]] = [Counter() for _ in PARTS]
    for group, side in zip(groups, sides, strict=True):
        counts[side] += len(group)
        for i in group:
            classes[side].update(found[i].classes)
    labels = sorted(set().union(*classes))
    missing = sum(label not in some for label in labels for some in classes)
    shares = np.array([[some[label] for some in classes] for label in labels], float)
    shares /= np.maximum(shares.sum(1, keepdims=True), 1)
    uneven = float(np.abs(shares - wanted).mean()) if labels else 0.0
    return 100 * missing + float(np.abs(counts / counts.sum() - wanted).sum()) + uneven
