"""Export a YOLO pose checkpoint to one ONNX file with its model card: fp32, or int8 by static quantisation."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from compression.agreement import Agreement, agreement
from compression.checkpoint import own_pictures, require, to_onnx
from compression.quantize import quantize
from configs.schema import Export
from keypoints.card import KEY, PoseCard
from keypoints.decode import NMS_FREE_CHANNELS, YOLO_CHANNELS
from keypoints.errors import InputError, ModelError
from keypoints.letterbox import Letterbox

#: The largest stride of a YOLO pose model: a side of the input is a multiple of it.
STRIDE = 32

#: Every eighth picture is held back from calibration, to check the export with.
HELD_BACK = 8

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A written model file: where, its card, its bytes, and how well it agrees with its checkpoint."""

    path: Path
    card: PoseCard
    bytes: int
    agreement: Agreement


def export_pose(
    checkpoint: str | Path,
    out: str | Path,
    settings: Export,
    *,
    command: str,
    progress: Callable[[str], None] = lambda step: None,
) -> Exported:
    """Write the pose model of an Ultralytics checkpoint (`.pt`) as ONNX with a model card.

    command: what the card says of how it was made. progress: is told of each step. The file appears under its
    name only when it agrees with its checkpoint on pictures that it was not calibrated with.

    Raises InputError for wrong arguments, ModelError when the checkpoint is no pose model with 17 keypoints,
    RepSightError when the export does not agree with it.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    height, width = _checked_size(settings.size)
    if out.suffix != ".onnx":
        suffix = out.suffix or "no suffix"
        raise InputError("not the name of an ONNX file", file=out, expected="a name that ends in .onnx", found=suffix)
    require(checkpoint)
    used, held_back = _split(pictures(settings.calibration, settings.limit))
    if settings.precision == "int8" and len(used) < HELD_BACK:
        raise InputError("int8 needs pictures to calibrate with", field="calibration",
                         expected=f"folders with at least {HELD_BACK + 2} pictures of people",
                         found=f"{len(used) + len(held_back)} in {list(settings.calibration)}")  # fmt: skip
    with TemporaryDirectory() as folder:
        progress(f"exporting {checkpoint} at {height}x{width}")
        model, network = to_onnx(checkpoint, Path(folder), (height, width))
        if settings.precision == "int8":
            progress(f"quantizing with {len(used)} pictures")
            floating, model = model, Path(folder) / "int8.onnx"
            quantize(floating, model, list(_tensors(used, height, width)))
        progress("comparing with the checkpoint")
        layout = _layout(model)
        found = agreement(network, model, layout, _tensors(held_back or own_pictures(), height, width))
        found.require(settings.precision, out)
        made_by = {"command": command, "checkpoint_sha256": sha256(checkpoint)}
        card = PoseCard(
            name=settings.name,
            version=settings.version,
            licence=settings.licence,
            trained_on=settings.trained_on,
            metrics={"agreement": found.as_metrics()},
            made_by=made_by | ({"calibration_pictures": len(used)} if settings.precision == "int8" else {}),
            input=(height, width),
            layout=layout,
            precision=settings.precision,
        )
        write_card(model, card)
        progress(f"writing {out}")
        _place(model, out)
    return Exported(out, card, out.stat().st_size, found)


def write_card(model: Path, card: PoseCard) -> None:
    """Put `card` into the metadata of the ONNX file `model`, in place of all that is there."""
    graph = onnx.load(model)
    del graph.metadata_props[:]
    graph.doc_string = ""
    onnx.helper.set_model_props(graph, {KEY: card.to_json()})
    onnx.save(graph, model)


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pictures(folders: Sequence[str | Path], limit: int) -> list[Path]:
    """The pictures under the folders, in the order of their names, thinned evenly to `limit`.

    Raises InputError when a folder is missing.
    """
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError("no such folder", file=folder, field="calibration")
        found += sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    if len(found) <= limit:
        return found
    return [found[i] for i in np.linspace(0, len(found) - 1, limit).round().astype(int)]


def _layout(model: Path) -> Literal["yolo", "yolo-nms-free"]:
    """How the output of an exported file is laid out, from its shape."""
    shape = [dim.dim_value for dim in onnx.load(model).graph.output[0].type.tensor_type.shape.dim]
    if len(shape) == 3 and shape[1] == YOLO_CHANNELS:
        return "yolo"
    if len(shape) == 3 and shape[2] == NMS_FREE_CHANNELS:
        return "yolo-nms-free"
    expected = f"(1, {YOLO_CHANNELS}, N) or (1, M, {NMS_FREE_CHANNELS})"
    raise ModelError("unknown layout", field="output", expected=expected, found=shape)


def _checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or any(side <= 0 or side % STRIDE for side in sides):
        raise InputError("not an input size", field="size", found=size,
                         expected=f"one side or [height, width], multiples of {STRIDE}")  # fmt: skip
    return sides[0], sides[1]


def _split(found: list[Path]) -> tuple[list[Path], list[Path]]:
    """Pictures to calibrate with, and pictures held back to compare with."""
    held_back = found[HELD_BACK - 1 :: HELD_BACK]
    return [path for path in found if path not in set(held_back)], held_back


def _tensors(files: Sequence[Path], height: int, width: int) -> Iterator[NDArray[np.float32]]:
    """The pictures, letterboxed as the runtime does it; what is no picture is left out."""
    letterbox = Letterbox(height, width)
    for file in files:
        image = cv2.imread(str(file))
        if image is not None:
            yield letterbox(image).tensor.copy()


def _place(model: Path, out: Path) -> None:
    """Move a finished file to its name in one step, so that nobody ever reads half of it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_suffix(".part")
        shutil.copyfile(model, part)
        part.replace(out)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out) from None
