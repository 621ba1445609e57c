"""Export a YOLO pose checkpoint to one verified model file with its card: ONNX, LiteRT, NCNN, OpenVINO, TensorRT."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from compression.agreement import Agreement, agreement
from compression.calibration import chosen, pictures, tensors, thinned
from compression.checkpoint import load_network, own_pictures, require, to_onnx
from compression.formats import FORMS, Form, convert, form_of
from compression.quantize import Quantizer, finish, float_nodes, to_half
from compression.runners import FloatArray, layout_of, open_runner
from configs.exporting import Calibration, CardText
from configs.saved import save_config
from configs.schema import Export
from keypoints.card import KEY, PoseCard
from keypoints.errors import InputError
from keypoints.files import sha256

#: The largest stride of a YOLO pose model: a side of the input is a multiple of it.
STRIDE = 32

#: Pictures that an export is compared on, at most.
COMPARED = 24


@dataclass(frozen=True, slots=True)
class Exported:
    """A written model file or folder: where, its card, its bytes, and how well it agrees with its checkpoint."""

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
    """Write the pose model of an Ultralytics checkpoint (`.pt`) in another format, with a model card.

    command: what the card says of how it was made. progress: is told of each step. The file (or folder: NCNN,
    OpenVINO) appears under its name only when it was loaded again and agrees with its checkpoint on pictures that it
    was not calibrated with.

    Raises InputError for wrong arguments, MissingExtraError when the format's package is missing, ModelError when the
    checkpoint is no pose model with 17 keypoints, RepSightError when the export does not agree with it.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    size = checked_size(settings.size)
    _check_name(out, FORMS[settings.format])
    require(checkpoint)
    folders = settings.calibration
    used: list[Path] = []
    if (settings.format, settings.precision) == ("onnx", "int8"):
        if not folders:
            raise InputError("int8 needs pictures to calibrate with", field="calibration",
                             expected="folders of pictures with people", found="none")  # fmt: skip
        used, compared = chosen(Calibration(folders=folders, each=max(1, settings.limit // len(folders))))
    else:
        compared = pictures(folders)
    form = form_of(settings.format, settings.precision)
    made_by = {"command": command, "checkpoint_sha256": sha256(checkpoint)}
    made = exported(
        checkpoint, out, form, settings.precision, size, used, compared, made_by, progress=progress,
        text=CardText(name=settings.name, version=settings.version, licence=settings.licence,
                      trained_on=settings.trained_on),
    )  # fmt: skip
    save_config("export", settings, out, command)
    return made


def exported(
    checkpoint: Path,
    out: Path,
    form: Form,
    precision: str,
    size: tuple[int, int],
    calibration: Sequence[Path],
    compared: Sequence[Path],
    made_by: dict[str, Any],
    text: CardText,
    progress: Callable[[str], None],
) -> Exported:
    """Write one format of a checkpoint to `out`, see `export_pose`. calibration: pictures for int8 ONNX. compared:
    pictures to compare on, beside Ultralytics' own two."""
    height, width = size
    with TemporaryDirectory() as name:
        folder = Path(name)
        progress(f"exporting {checkpoint} at {height}x{width} as {form.name} {precision}")
        network = load_network(checkpoint)
        source = open_runner(network)
        layout = layout_of(source.run(np.zeros((1, 3, height, width), np.float32)).shape)
        some = list(tensors([*thinned(compared, COMPARED), *own_pictures()], height, width))
        calibrated = {"calibration_pictures": len(calibration)} if calibration else {}
        card = PoseCard(
            **text.model_dump(), made_by=made_by | calibrated, input=size, layout=layout, precision=precision
        )
        if form.name == "onnx":
            model = to_onnx(checkpoint, folder, size)
            model = _in_precision(model, precision, folder, list(tensors(calibration, height, width)), progress)
        else:
            model = convert(checkpoint, form, precision, size, folder, card)
        progress("comparing with the checkpoint")
        found = agreement(source.run, open_runner(model).run, some)
        found.require(precision, out)
        card = card.model_copy(update={"metrics": {"agreement": found.as_metrics()}})
        if form.name == "onnx":
            write_card(model, card)
        progress(f"writing {out}")
        place(model, out)
    return Exported(out, card, size_of(out), found)


def _in_precision(
    model: Path, precision: str, folder: Path, calibration: list[FloatArray], progress: Callable[[str], None]
) -> Path:
    """The float ONNX file in another precision, decode and attention in float."""
    target = folder / f"{precision}.onnx"
    if precision == "fp32":
        return model
    if precision == "fp16":
        to_half(model, target)
        return target
    progress(f"quantizing with {len(calibration)} pictures")
    quantizer = Quantizer(model, folder, calibration)
    named = folder / "named.onnx"
    quantizer.write(named, keep=float_nodes(quantizer.model))
    finish(named, target)
    return target


def write_card(model: Path, card: PoseCard) -> None:
    """Put `card` into the metadata of the ONNX file `model`, in place of all that is there."""
    graph = onnx.load(model)
    del graph.metadata_props[:]
    graph.doc_string = ""
    onnx.helper.set_model_props(graph, {KEY: card.to_json()})
    onnx.save(graph, model)


def checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) px. Raises InputError when a side is no multiple of the model's stride."""
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or any(side <= 0 or side % STRIDE for side in sides):
        raise InputError("not an input size", field="size", found=size,
                         expected=f"one side or [height, width], multiples of {STRIDE}")  # fmt: skip
    return sides[0], sides[1]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


def _check_name(out: Path, form: Form) -> None:
    if not out.name.endswith(form.suffix):
        raise InputError(f"not the name of {form.name} output", file=out, found=out.suffix or "no suffix",
                         expected=f"a name that ends in {form.suffix}")  # fmt: skip


def place(model: Path, out: Path) -> None:
    """Move a finished file or folder to its name in one step, so that nobody ever reads half of it."""
    part = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if model.is_dir():
            shutil.copytree(model, part, dirs_exist_ok=True)
            if out.is_dir():
                shutil.rmtree(out)
        else:
            shutil.copyfile(model, part)
        part.replace(out)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out) from None
