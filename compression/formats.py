"""A pose checkpoint in other formats, through Ultralytics' exporter: LiteRT, NCNN, OpenVINO, TensorRT."""

from __future__ import annotations

import os
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from compression.checkpoint import open_copy
from keypoints.card import PoseCard
from keypoints.errors import InputError, MissingExtraError

#: Where a model card goes in a format that has no place for it.
CARD = "repsight.json"


@dataclass(frozen=True, slots=True)
class Form:
    """One format. suffix: of its name; those that end in _model are folders. precisions: that it is written in.
    needs: packages; hint: how to get them."""

    name: str
    suffix: str
    precisions: tuple[str, ...]
    needs: tuple[str, ...]
    hint: str


_EXTRA = "pip install '.[formats]'"

FORMS = {
    form.name: form
    for form in (
        Form("onnx", ".onnx", ("fp32", "fp16", "int8"), (), ""),
        Form("litert", ".tflite", ("fp32", "fp16", "int8"), ("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
             "in an environment of its own, because litert-torch asks for torch below 2.15: "
             "pip install '.[train]' litert-torch==0.10.*"),
        Form("ncnn", "_ncnn_model", ("fp32", "fp16"), ("ncnn", "pnnx"), _EXTRA),
        Form("openvino", "_openvino_model", ("fp32", "fp16"), ("openvino",), _EXTRA),
        Form("tensorrt", ".engine", ("fp32", "fp16"), ("tensorrt",),
             "TensorRT needs an NVIDIA GPU: pip install tensorrt on the machine that will run the model"),
    )
}  # fmt: skip


def form_of(name: str, precision: str) -> Form:
    """The format, when it can be written here. Raises InputError when it has no such precision, MissingExtraError
    when a package is missing."""
    form = FORMS[name]
    if precision not in form.precisions:
        raise InputError("not written in this precision", field=name, expected=" or ".join(form.precisions),
                         found=precision)  # fmt: skip
    missing = [package for package in form.needs if find_spec(package) is None]
    if missing:
        raise MissingExtraError(f"{name} needs {', '.join(missing)}", hint=form.hint)
    return form


def convert(checkpoint: Path, form: Form, precision: str, size: tuple[int, int], folder: Path, card: PoseCard) -> Path:
    """Write `checkpoint` in another format than ONNX into `folder`, with its card; returns the file or the folder."""
    yolo = open_copy(checkpoint, folder)
    with _quiet():
        made = _WRITERS[form.name](yolo, precision, list(size))
    if made.is_dir():
        (made / CARD).write_text(card.to_json() + "\n", encoding="utf-8")
    elif made.suffix == ".tflite":
        with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as file:  # behind the model, beside Ultralytics' own
            file.writestr(CARD, card.to_json())
    return made


@contextmanager
def _quiet() -> Iterator[None]:
    """Converters are programs of their own, and talk."""
    kept = os.dup(1), os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number in (1, 2):
                os.dup2(nowhere.fileno(), number)
            yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _export(yolo: Any, form: str, size: list[int], **options: Any) -> Path:
    return Path(yolo.export(format=form, imgsz=size, verbose=False, **options)).resolve()


def _litert(yolo: Any, precision: str, size: list[int]) -> Path:
    """int8: of the weights, with float activations, which keeps accuracy: int8 throughout loses a third of the AP."""
    made = _export(yolo, "litert", size, **({"quantize": "w8a32"} if precision == "int8" else {}))
    if precision == "fp16":
        _half_weights(made)
    return made


def _half_weights(path: Path) -> None:
    """Store the weights of a LiteRT file in half precision; what is zipped behind the model stays."""
    from ai_edge_quantizer import qtyping, quantizer

    with zipfile.ZipFile(path) as file:
        behind = {name: file.read(name) for name in file.namelist()}
    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    half = quantizer.Quantizer(str(path))
    half.update_quantization_recipe(".*", qtyping.TFLOperationName.CONV_2D, config, "float_casting")
    half.update_quantization_recipe(".*", qtyping.TFLOperationName.DEPTHWISE_CONV_2D, config, "float_casting")
    half.quantize().export_model(str(path), overwrite=True)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        for name, content in behind.items():
            file.writestr(name, content)


def _plain(form: str) -> Callable[[Any, str, list[int]], Path]:
    def write(yolo: Any, precision: str, size: list[int]) -> Path:
        return _export(yolo, form, size, **({"quantize": 16} if precision == "fp16" else {}))

    return write


def _tensorrt(yolo: Any, precision: str, size: list[int]) -> Path:
    return _export(yolo, "engine", size, device=0, **({"quantize": 16} if precision == "fp16" else {}))


_WRITERS: dict[str, Callable[[Any, str, list[int]], Path]] = {
    "litert": _litert, "ncnn": _plain("ncnn"), "openvino": _plain("openvino"), "tensorrt": _tensorrt,
}  # fmt: skip
