"""Any form of a pose model behind one call: a picture tensor goes in, the raw YOLO output comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from keypoints.card import pose_input
from keypoints.decode import NMS_FREE_CHANNELS, YOLO_CHANNELS, Detections, decode_nms_free, decode_yolo
from keypoints.errors import InputError, MissingExtraError, ModelError
from keypoints.session import open_session

if TYPE_CHECKING:
    from torch import nn

FloatArray = NDArray[np.float32]
Layout = Literal["yolo", "yolo-nms-free"]


@dataclass(frozen=True, slots=True)
class Runner:
    """A pose model that is ready to run.

    run: float32 (1, 3, h, w), RGB 0-1, to float32 (1, 56, N) or (1, M, 57), see `PoseCard`.
    size: (h, w) px that it takes, or is made for where its card says so; None where any multiple of 32 will do.
    """

    run: Callable[[FloatArray], FloatArray]
    size: tuple[int, int] | None


def open_runner(model: Path | nn.Module, threads: int = 1) -> Runner:
    """The runner of a torch module, or of a file or folder by its name: .pt, .onnx, .tflite, _openvino_model,
    _ncnn_model, .engine.

    Raises InputError for another kind of file, ModelError when it can't be used, MissingExtraError when the package
    that runs it is not installed.
    """
    if not isinstance(model, Path):
        return _module(model, threads)
    for suffix, opener in _OPENERS.items():
        if model.name.endswith(suffix):
            if not model.exists():
                raise ModelError("no such file", file=model)
            return opener(model, threads)
    raise InputError("not a pose model", file=model, expected=" or ".join(_OPENERS), found=model.suffix or "no suffix")


def layout_of(shape: tuple[int, ...]) -> Layout:
    """How a raw output of `shape` is laid out. Raises ModelError when it is no YOLO pose output of 17 keypoints."""
    if len(shape) == 3 and shape[1] == YOLO_CHANNELS:
        return "yolo"
    if len(shape) == 3 and shape[2] == NMS_FREE_CHANNELS:
        return "yolo-nms-free"
    expected = f"(1, {YOLO_CHANNELS}, N) or (1, M, {NMS_FREE_CHANNELS})"
    raise ModelError("unknown layout", field="output", expected=expected, found=shape)


def decoded(output: FloatArray, threshold: float, iou: float) -> Detections:
    """The people in a raw output above a score, after NMS at `iou`, in pixels of the input."""
    decode = decode_yolo if layout_of(output.shape) == "yolo" else decode_nms_free
    with np.errstate(invalid="ignore"):  # a graph that collapsed may answer with infinities: it finds nobody then
        return decode(output, threshold, iou)


def _module(module: nn.Module, threads: int) -> Runner:
    import torch

    module.eval()

    def run(tensor: FloatArray) -> FloatArray:
        first = next(module.parameters())
        with torch.inference_mode():
            output = module(torch.from_numpy(tensor).to(first.device, first.dtype))
        output = output[0] if isinstance(output, tuple | list) else output
        return np.asarray(output.float().cpu().numpy(), np.float32)

    if torch.get_num_threads() != threads and next(module.parameters()).device.type == "cpu":
        torch.set_num_threads(threads)
    return Runner(run, None)


def _checkpoint(path: Path, threads: int) -> Runner:
    from compression.checkpoint import load_network

    return _module(load_network(path), threads)


def _onnx(path: Path, threads: int) -> Runner:
    session = open_session(path, threads)
    given = session.get_inputs()[0]
    if len(given.shape) != 4 or given.shape[1] != 3:
        raise ModelError("not a pose model", file=path, field="input", expected="(1, 3, height, width)",
                         found=given.shape)  # fmt: skip
    half = "float16" in given.type

    def run(tensor: FloatArray) -> FloatArray:
        output = session.run(None, {given.name: tensor.astype(np.float16) if half else tensor})[0]
        return np.asarray(output, np.float32)

    height, width = given.shape[2:]
    fixed = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    return Runner(run, fixed or pose_input(session.get_modelmeta().custom_metadata_map))


def _litert(path: Path, threads: int) -> Runner:
    if find_spec("ai_edge_litert") is None:
        raise MissingExtraError(f"{path}: running it needs ai-edge-litert", hint="pip install '.[formats]'")
    from ai_edge_litert.interpreter import Interpreter

    try:
        model = Interpreter(str(path), num_threads=threads)
    except ValueError as error:
        raise ModelError(f"not a usable LiteRT file: {error}", file=path) from None
    model.allocate_tensors()
    given, made = model.get_input_details()[0], model.get_output_details()[0]
    height, width = (int(side) for side in given["shape"][2:])
    scale = np.ones(YOLO_CHANNELS, np.float32)  # Ultralytics writes places as shares of the picture
    scale[[0, 2]], scale[[1, 3]], scale[5::3], scale[6::3] = width, height, width, height

    def run(tensor: FloatArray) -> FloatArray:
        model.set_tensor(given["index"], tensor)
        model.invoke()
        output = np.asarray(model.get_tensor(made["index"]), np.float32)
        return output * scale[:, None] if layout_of(output.shape) == "yolo" else output

    return Runner(run, (height, width))


def _openvino(path: Path, threads: int) -> Runner:
    if find_spec("openvino") is None:
        raise MissingExtraError(f"{path}: running it needs openvino", hint="pip install '.[formats]'")
    import openvino

    # Where the processor has bfloat16, OpenVINO takes it for float by itself.
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(next(path.glob("*.xml")), "CPU", settings)
    height, width = (int(side) for side in model.input(0).shape[2:])
    return Runner(lambda tensor: np.asarray(model(tensor)[model.output(0)], np.float32), (height, width))


def _ncnn(path: Path, threads: int) -> Runner:
    if find_spec("ncnn") is None:
        raise MissingExtraError(f"{path}: running it needs ncnn", hint="pip install '.[formats]'")
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    if net.load_param(str(path / "model.ncnn.param")) or net.load_model(str(path / "model.ncnn.bin")):
        raise ModelError("not a usable NCNN folder", file=path, expected="model.ncnn.param and model.ncnn.bin")

    def run(tensor: FloatArray) -> FloatArray:
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(tensor[0]).clone())
            _, output = extractor.extract("out0")
        return np.asarray(output, np.float32)[None]

    return Runner(run, None)


def _tensorrt(path: Path, threads: int) -> Runner:
    if find_spec("tensorrt") is None:
        raise MissingExtraError(f"{path}: running it needs tensorrt and an NVIDIA GPU", hint="pip install tensorrt")
    import torch
    from ultralytics.nn.autobackend import AutoBackend

    device = torch.device("cuda:0")
    model = AutoBackend(str(path), device=device)

    def run(tensor: FloatArray) -> FloatArray:
        output = model(torch.from_numpy(tensor).to(device))
        output = output[0] if isinstance(output, tuple | list) else output
        return np.asarray(output.float().cpu().numpy(), np.float32)

    return Runner(run, None)


_OPENERS: dict[str, Callable[[Path, int], Runner]] = {
    ".pt": _checkpoint, ".onnx": _onnx, ".tflite": _litert, "_openvino_model": _openvino, "_ncnn_model": _ncnn,
    ".engine": _tensorrt,
}  # fmt: skip
