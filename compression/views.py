"""Views of a training picture: whole or filled by one person, tilted, mirrored, recoloured, worn; and their batches."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from compression.images import ABSENT, SEEN, Picture, PictureSet, draw
from configs.tuning import Views
from keypoints import skeleton
from keypoints.letterbox import BORDER

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float32]

#: A person whose box keeps less than this share of its area, or is smaller than so many px, is no longer labelled.
_LEFT, _SMALLEST = 0.2, 4.0
#: A view is filled with a person whose box is at least so long, px of the picture: smaller ones would be but blur.
_FILLS = 48


@dataclass(frozen=True, slots=True)
class View:
    """image: uint8 BGR (side, side, 3). boxes: float32 (N, 4), x1 y1 x2 y2 px. keypoints: float32 (N, 17, 3)."""

    image: NDArray[np.uint8]
    boxes: FloatArray
    keypoints: FloatArray


@dataclass(frozen=True, slots=True)
class Batch:
    """images: uint8 RGB (B, 3, side, side). owner: (M,) which picture a person is in. boxes: (M, 4) centre and size,
    keypoints: (M, 17, 3), both as shares of the side; states SEEN, ABSENT or UNKNOWN."""

    images: NDArray[np.uint8]
    owner: FloatArray
    boxes: FloatArray
    keypoints: FloatArray

    def on(self, device: torch.device | str) -> dict[str, Any]:
        """The batch as the losses of Ultralytics take it: tensors on `device`, the picture 0-1."""
        import torch

        images = torch.from_numpy(self.images).to(device, non_blocking=True)
        images = images.float().div_(255).contiguous(memory_format=torch.channels_last)
        return {
            "img": images,
            "batch_idx": torch.from_numpy(self.owner).to(device),
            "cls": torch.zeros(len(self.owner), 1, device=device),
            "bboxes": torch.from_numpy(self.boxes).to(device),
            "keypoints": torch.from_numpy(self.keypoints).to(device),
        }


def batches(
    sets: Sequence[PictureSet],
    views: Views,
    *,
    sides: Sequence[int],
    batch: int,
    seed: int = 0,
    first: int = 0,
    last: int | None = None,
    workers: int = 1,
) -> Generator[Batch]:
    """Random batches number `first` to `last` (for ever without it), a few of them prepared ahead by `workers` threads.

    Batch n depends on `seed` and n alone, so that a run that is taken up again sees what it would have seen.
    """

    def make(number: int, index: int, side: int) -> View:
        rng = np.random.default_rng([seed, number, index])
        return view(draw(sets, rng), views, side, rng)

    with ThreadPoolExecutor(workers) as pool:
        waiting: list[list[Future[View]]] = []
        number = first
        while True:
            while len(waiting) < 2 + workers // batch and (last is None or number < last):
                side = int(np.random.default_rng([seed, number]).choice(np.asarray(sides)))
                waiting.append([pool.submit(make, number, index, side) for index in range(batch)])
                number += 1
            if not waiting:
                return
            yield collated([future.result() for future in waiting.pop(0)])


def collated(seen: Sequence[View]) -> Batch:
    """Views of one size as a batch."""
    side = seen[0].image.shape[0]
    images = np.stack([cv2.cvtColor(v.image, cv2.COLOR_BGR2RGB) for v in seen]).transpose(0, 3, 1, 2)
    boxes = np.concatenate([v.boxes for v in seen]) / np.float32(side)
    points = np.concatenate([v.keypoints for v in seen]).copy()
    points[..., :2] /= side
    boxes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
    owner = np.repeat(np.arange(len(seen)), [len(v.boxes) for v in seen])
    return Batch(np.ascontiguousarray(images), owner.astype(np.float32), boxes.astype(np.float32), points)


def view(picture: Picture, views: Views, side: int, rng: np.random.Generator) -> View:
    """A random view of `side` px."""
    image = picture.decode()
    flip = rng.random() < views.flip
    matrix = _placed(picture, image.shape[1], image.shape[0], views, side, flip, rng)
    seen = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                          borderValue=(BORDER, BORDER, BORDER))  # fmt: skip
    seen = _recoloured(np.asarray(seen, np.uint8), views, rng)
    inside = cv2.warpAffine(np.ones(image.shape[:2], np.uint8), matrix, (side, side), flags=cv2.INTER_NEAREST)
    seen[inside == 0] = BORDER  # at run time the border is grey whatever the light
    return View(seen, *moved(picture, matrix, side, flip))


def plain(picture: Picture, side: int) -> View:
    """The whole picture in the middle, as the runtime letterboxes it."""
    image = picture.decode()
    height, width = image.shape[:2]
    scale = side / max(height, width)
    matrix = np.array([[scale, 0, (side - scale * width) / 2], [0, scale, (side - scale * height) / 2]])
    seen = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                          borderValue=(BORDER, BORDER, BORDER))  # fmt: skip
    return View(np.asarray(seen, np.uint8), *moved(picture, matrix, side, flip=False))


def _placed(
    picture: Picture, width: int, height: int, views: Views, side: int, flip: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The (2, 3) matrix from picture to view: what is in the middle, how large, how tilted, whether mirrored."""
    lengths = (picture.boxes[:, 2:] - picture.boxes[:, :2]).max(1, initial=0.0)
    large = np.flatnonzero(lengths >= _FILLS)
    if len(large) and rng.random() < views.person:
        who = int(rng.choice(large))
        middle = (picture.boxes[who, :2] + picture.boxes[who, 2:]) / 2
        scale = side / (float(lengths[who]) * rng.uniform(*views.margin))
    else:
        middle = np.array([width, height]) / 2
        scale = side / max(width, height) * rng.uniform(*views.scale)
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < views.turned else np.deg2rad(rng.normal(0, views.rotate_deg))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    if flip:
        turn[:, 0] *= -1
    target = side * (0.5 + rng.uniform(-views.shift, views.shift, 2))
    return np.column_stack([turn, target - turn @ middle])


def moved(picture: Picture, matrix: NDArray[np.float64], side: int, flip: bool) -> tuple[FloatArray, FloatArray]:
    """The people of a picture in a view: boxes (N, 4) and keypoints (N, 17, 3) of those who are left in it.

    A box is turned as the ellipse that fills it, because the box of its turned corners would be too large, and then
    takes in every joint that is seen. A joint outside of the view is absent.
    """
    turn, shift = matrix[:, :2], matrix[:, 2]
    half = (picture.boxes[:, 2:] - picture.boxes[:, :2]) / 2
    middle = (picture.boxes[:, 2:] + picture.boxes[:, :2]) / 2 @ turn.T + shift
    reach = np.sqrt((half**2) @ (turn**2).T)
    points = picture.keypoints.astype(np.float64)
    points[..., :2] = points[..., :2] @ turn.T + shift
    if flip:
        points = points[:, list(skeleton.MIRROR)]
    known = points[..., 2:] == SEEN
    low = np.minimum(middle - reach, np.where(known, points[..., :2], np.inf).min(1, initial=np.inf))
    high = np.maximum(middle + reach, np.where(known, points[..., :2], -np.inf).max(1, initial=-np.inf))
    boxes = np.concatenate([low, high], 1)
    clipped = np.clip(boxes, 0, side)
    size, left = boxes[:, 2:] - boxes[:, :2], clipped[:, 2:] - clipped[:, :2]
    kept = (left.prod(1) > _LEFT * size.prod(1)) & (left >= _SMALLEST).all(1)
    outside = ((points[..., :2] < 0) | (points[..., :2] >= side)).any(-1) & (points[..., 2] == SEEN)
    points[outside, 2] = ABSENT
    points[points[..., 2] != SEEN, :2] = 0
    return clipped[kept].astype(np.float32), points[kept].astype(np.float32)


def _recoloured(image: NDArray[np.uint8], views: Views, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another light, another lens."""
    if views.colour:
        gains = np.exp(rng.uniform(-views.colour, views.colour) + rng.normal(0, views.colour / 5, 3))
        gamma = np.exp(rng.uniform(-views.colour, views.colour))
        levels = 255 * np.clip(gains * np.linspace(0, 1, 256)[:, None] ** gamma, 0, 1)
        image = np.asarray(cv2.LUT(image, levels.astype(np.uint8)[None]), np.uint8)
    if rng.random() < views.grey:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, -1).astype(np.uint8)
    if rng.random() < views.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8)), np.uint8)
    if rng.random() < views.wear:
        from data.watched import Wear

        image = Wear(rng)(image)
    return image
