"""One video of a batch extraction, start to end, as any engine's worker does it: a path in, a file's bytes out."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from configs.extraction import Extract
from keypoints import skeleton
from keypoints.errors import MissingExtraError, RepSightError
from keypoints.estimator import PoseEstimator, create
from keypoints.extract import digest, extract
from keypoints.types import Frame, KeypointSequence
from keypoints.yolo import SHIPPED

#: What the formats' files are called after the video's own name.
SUFFIX = {"npz": ".npz", "parquet": ".parquet"}


@dataclass(frozen=True, slots=True)
class Made:
    """What a worker made of a video; the fields of `extract_plan.Entry`. content: of the output file."""

    content: bytes
    frames: int
    duration_s: float
    size: tuple[int, int]
    sha256: str
    size_bytes: int
    modified_ns: int
    notice: str | None


def open_estimator(settings: Extract) -> PoseEstimator:
    """The estimator of one worker, on one thread. Raises as `keypoints.estimator.create`."""
    return create(settings.pose or SHIPPED, settings.estimator, threads=1)


def attempt(
    path: Path,
    name: str,
    estimator: PoseEstimator,
    settings: Extract,
    on_frame: Callable[[Frame], None] | None = None,
) -> Made | str:
    """Stage 1 over a video, as a file's content; or, for one that can't be read, why, in one line.

    name: the `source` of the sequence. on_frame: as in `extract`.
    """
    notices: list[str] = []
    try:
        content_sha256, stat = digest(path), path.stat()
        sequence = extract(path, estimator, problem=notices.append, follow=settings.follow, on_frame=on_frame)
        content = encode(replace(sequence, source=name), settings.format)
    except RepSightError as error:
        return str(error)
    except (OSError, MemoryError, cv2.error) as error:
        return " ".join(f"{path}: {type(error).__name__}: {error}".split())
    return Made(
        content, len(sequence), float(sequence.time_s[-1] - sequence.time_s[0]), sequence.size, content_sha256,
        stat.st_size, stat.st_mtime_ns, notices[0] if notices else None,
    )  # fmt: skip


def encode(sequence: KeypointSequence, form: str) -> bytes:
    """The content of an output file. `npz`: as `KeypointSequence.save`; `parquet`: as `to_table`."""
    file = io.BytesIO()
    if form == "npz":
        sequence.write(file)
    else:
        parquet, _ = _pyarrow()
        parquet.write_table(to_table(sequence), file, compression="zstd")
    return file.getvalue()


def to_table(sequence: KeypointSequence) -> Any:
    """A pyarrow.Table of a row a frame: `source` string; `frame` int32, from 0; `time_s` float64; `width` and `height`
    int32, px; `keypoints` a list of 51 float32: x px, y px, confidence of the 17 COCO joints, zeros where missing."""
    _, arrow = _pyarrow()
    frames = len(sequence)
    source = (sequence.source or "").encode(errors="replace").decode()
    numbers = arrow.array(sequence.keypoints.ravel(), arrow.float32())
    return arrow.table({
        "source": arrow.array([source] * frames, arrow.string()),
        "frame": arrow.array(range(frames), arrow.int32()),
        "time_s": arrow.array(sequence.time_s, arrow.float64()),
        "width": arrow.array([sequence.size[0]] * frames, arrow.int32()),
        "height": arrow.array([sequence.size[1]] * frames, arrow.int32()),
        "keypoints": arrow.FixedSizeListArray.from_arrays(numbers, skeleton.COUNT * 3),
    })  # fmt: skip


def check_format(form: str) -> None:
    """Raise MissingExtraError when the format's package is not installed."""
    if form == "parquet":
        _pyarrow()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingExtraError("Parquet needs pyarrow, which is not installed", field="format",
                                hint="pip install '.[parquet]', or --format npz") from None  # fmt: skip
    return pyarrow.parquet, pyarrow
