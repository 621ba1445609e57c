"""Training pictures in one file, small enough to carry: JPEGs of 320 px with all their labels, also the teacher's.

`python -m compression.pack IMAGES.yaml OUT.npz [key=value ...]` packs what the `images` of a plan step name; a step
then reads the file as a folder of its `pictures`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from compression.alone import run
from compression.images import Picture, PictureSet, jpeg, shrunk, training_images
from configs.tuning import Images
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.files import whole
from keypoints.told import Say

#: JPEG quality inside a pack: at 320 px nobody sees a difference, and a file takes some 17 KB.
QUALITY = 88


def save(sets: Sequence[PictureSet], file: Path) -> None:
    """Write sets to one .npz file; the same sets give the same bytes."""
    pictures = [picture for one in sets for picture in one.pictures]
    none = np.zeros((0, 4), np.float32), np.zeros((0, skeleton.COUNT, 3), np.float32)
    content = {
        "names": np.array([one.name for one in sets]),
        "weights": np.array([one.weight for one in sets]),
        "sizes": np.array([len(one.pictures) for one in sets]),
        "lengths": np.array([len(picture.encoded) for picture in pictures]),
        "encoded": np.frombuffer(b"".join(picture.encoded for picture in pictures), np.uint8),
        "people": np.array([len(picture.boxes) for picture in pictures]),
        "boxes": np.concatenate([none[0], *(picture.boxes for picture in pictures)]),
        "keypoints": np.concatenate([none[1], *(picture.keypoints for picture in pictures)]),
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as partial, partial.open("wb") as opened:
            np.savez(opened, **content)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=file) from None


def load(file: Path) -> list[PictureSet]:
    """The sets of a file that `save` wrote. Raises InputError for any other."""
    try:
        with np.load(file, allow_pickle=False) as opened:
            content = {name: opened[name] for name in opened.files}
        encoded = content["encoded"].tobytes()
        ends, shown = np.cumsum(content["lengths"]), np.cumsum(content["people"])
        boxes, points = np.split(content["boxes"], shown[:-1]), np.split(content["keypoints"], shown[:-1])
        starts = ends - content["lengths"]
        pictures = [Picture(encoded[a:b], box, joints)
                    for a, b, box, joints in zip(starts, ends, boxes, points, strict=True)]  # fmt: skip
        parts = np.split(np.arange(len(pictures)), np.cumsum(content["sizes"])[:-1])
        return [PictureSet(str(name), tuple(pictures[i] for i in part), float(weight))
                for name, weight, part in zip(content["names"], content["weights"], parts, strict=True)]  # fmt: skip
    except FileNotFoundError:
        raise InputError("no such file", file=file, field="images.pictures.folder") from None
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"not a pack of pictures: {error}", file=file,
                         hint="write it again with `python -m compression.pack`") from None  # fmt: skip


def pack(
    sets: Sequence[PictureSet], file: Path, *, side: int = 320, limit_bytes: int = 55 * 2**20, seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[PictureSet, ...]:  # fmt: skip
    """Write the sets to `file` with no side longer than `side` px, at most `limit_bytes` of pictures and labels.

    When they do not all fit, each set is cut to the share that its weight asks for, of pictures drawn by `seed`; what
    one set leaves of its share goes to the others. Returns what was packed.
    """
    rng = np.random.default_rng(seed)
    small = {}
    for number, one in enumerate(sets):
        order = rng.permutation(len(one.pictures))
        small[number] = [_small(one.pictures[i], side) for i in order]
    kept: dict[int, list[Picture]] = {number: [] for number in small}
    room, waiting = float(limit_bytes - 100_000), set(small)
    while waiting:
        total = sum(sets[number].weight for number in waiting)
        shares = {number: room * sets[number].weight / total for number in waiting}
        # Whole sets first: only when none fits its share are sets cut.
        whole = [n for n in sorted(waiting) if sum(map(_bytes, small[n])) <= shares[n]]
        for number in whole or sorted(waiting):
            spent = np.cumsum([_bytes(picture) for picture in small[number]])
            kept[number] = small[number][: int(np.searchsorted(spent, shares[number], "right"))]
            room -= float(spent[len(kept[number]) - 1]) if kept[number] else 0.0
            waiting.discard(number)
    packed = tuple(PictureSet(one.name, tuple(kept[i]), one.weight) for i, one in enumerate(sets) if kept[i])
    if not packed:
        raise InputError("no picture fits", file=file, field="limit", found=f"{limit_bytes} bytes")
    for number, one in enumerate(sets):
        report(f"{one.name}: packed {len(kept[number])} of {len(one.pictures)}")
    save(packed, file)
    return packed


def _small(picture: Picture, side: int) -> Picture:
    image = picture.decode()
    smaller = shrunk(picture.encoded, image, picture.boxes, picture.keypoints, side)
    again = jpeg(smaller.decode(), QUALITY)
    return Picture(min(smaller.encoded, again, key=len), smaller.boxes, smaller.keypoints)


def _bytes(picture: Picture) -> int:
    return len(picture.encoded) + picture.boxes.nbytes + picture.keypoints.nbytes + 16


def _job(arguments: Sequence[str], say: Say) -> str:
    from configs.loader import load as read

    config, out, *overrides = arguments
    sets = training_images(read(Images, config, overrides), Path(out).parent, say)
    pack(sets, Path(out), report=say)
    return f"wrote {out}: {Path(out).stat().st_size / 2**20:.1f} MiB"


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit code."""
    return run(_job, arguments, __doc__, least=2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
