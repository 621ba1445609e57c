"""Training pictures of synthetic people: any body, exercise, camera, clothes and light, in a room or before a photo."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from compression import pack
from compression.images import Picture, PictureSet, jpeg, picture_files, yolo_labels
from configs.tuning import Rendered
from keypoints.errors import InputError

#: What people film with, width by height; the longer side is that of the training pictures.
_ASPECTS = ((16, 9), (9, 16), (4, 3), (3, 4), (1, 1))
#: Cut-outs of backgrounds have at least this share of the photograph's shorter side.
_LEAST = 0.4
#: Pictures in a file of the cache.
_PART = 100
#: How often such a cut-out is drawn anew when it shows somebody.
_TRIES = 12


def rendered(config: Rendered, longest: int, cache: Path, report: Callable[[str], None]) -> PictureSet:
    """Pictures whose longer side is `longest` px, from the folder `cache` if they were made before.

    They are kept a hundred at a time, so that a run that was stopped goes on where it was.
    Raises InputError for a folder of backgrounds that has none, MissingExtraError without the renderer.
    """
    photographs = [path for folder in config.backgrounds for path in picture_files(Path(folder), {})]
    stamp = f"{config.model_dump(exclude={'count', 'weight'})}{longest}{[p.name for p in photographs]}"
    stem = f"rendered-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    pictures: list[Picture] = []
    while len(pictures) < config.count:
        first, wanted = len(pictures), min(_PART, config.count - len(pictures))
        kept = cache / f"{stem}-{first:06}-{wanted}.npz"
        if not kept.is_file():
            people = range(first // config.a_person, -(-(first + wanted) // config.a_person))
            made = [one for number in people for one in _people(config, number, longest, photographs)]
            skipped = first % config.a_person
            pack.save([PictureSet("rendered", tuple(made[skipped : skipped + wanted]))], kept)
        pictures += pack.load(kept)[0].pictures
        report(f"rendering people: {min(len(pictures), config.count)} of {config.count}")
    return PictureSet("rendered", tuple(pictures), config.weight)


def _people(config: Rendered, number: int, longest: int, photographs: list[Path]) -> list[Picture]:
    """Person `number` at random moments of a random scene, each time from another camera."""
    from data import camera, scenes
    from data.body import BODIES, make_body
    from data.posture import keypoints
    from data.render import Renderer, frame_with_truth
    from data.skin import Look
    from data.synthetic import pose

    rng = np.random.default_rng([config.seed, number, 7])
    body = make_body(int(rng.integers(BODIES)))
    script, begin, end = scenes.draw(rng, body)
    shown = pose(body, script, begin, np.sort(rng.uniform(0, end - begin, config.a_person)))
    wide, high = _ASPECTS[int(rng.integers(len(_ASPECTS)))]
    size = (longest * wide // max(wide, high), longest * high // max(wide, high))
    pictures = []
    with Renderer(size, Look.random(rng)) as renderer:
        for frame in range(config.a_person):
            place = camera.place(rng, keypoints(body, shown.solved), shown.time_s, shown.view, size)
            image, points, box = frame_with_truth(renderer, body, shown.solved, frame, place)
            if photographs and rng.random() < config.background_share:
                behind = background(photographs[int(rng.integers(len(photographs)))], size, rng)
                alpha = renderer.cut_out()
                image = (image * alpha + behind * (1 - alpha)).astype(np.uint8)
            seen = bool((points[:, 2] > 0).any()) and box[2] - box[0] > 1 and box[3] - box[1] > 1
            nobody = np.zeros((0, 4), np.float32), np.zeros((0, *points.shape), np.float32)
            pictures.append(Picture(jpeg(image), *((box[None], points[None]) if seen else nobody)))
    return pictures


def background(file: Path, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random part of a photograph at `size` (width, height), without anybody whom the photograph's labels know.

    Where every part tried shows somebody, the part is blurred until nobody could tell.
    """
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError("can't be read as a picture", file=file, field="backgrounds")
    height, width = image.shape[:2]
    labels = file.parent.parent / "labels" / f"{file.stem}.txt"
    people = yolo_labels(labels, (width, height))[0] if labels.is_file() else np.zeros((0, 4), np.float32)
    for x, y, w, h in _parts((width, height), size[0] / size[1], rng):
        part = image[y : y + h, x : x + w]
        if not ((people[:, :2] < (x + w, y + h)) & (people[:, 2:] > (x, y))).all(1).any():
            break
    else:
        part = cv2.GaussianBlur(part, (0, 0), max(part.shape) / 12)
    fitted = cv2.resize(part, size, interpolation=cv2.INTER_AREA if w > size[0] else cv2.INTER_LINEAR)
    return np.asarray(fitted, np.uint8)


def _parts(of: tuple[int, int], aspect: float, rng: np.random.Generator) -> Iterator[tuple[int, int, int, int]]:
    """Random parts x, y, width, height of a picture `of` (width, height), of one shape."""
    width, height = of
    largest = min(width, height * aspect)
    for _ in range(_TRIES):
        w = largest * rng.uniform(_LEAST, 1)
        h = w / aspect
        x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
        yield int(x), int(y), max(1, int(w)), max(1, int(h))
