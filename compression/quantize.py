"""Static int8 quantisation of an ONNX pose model (QDQ): what stays in float, and why."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

#: Attention multiplies and normalises values of very different sizes: one scale a tensor is too coarse for it.
_ATTENTION = {"MatMul", "Softmax"}


#: Activations of this many pictures are held at once (some 75 MB each for a nano model at 320 px).
BATCH = 8


def quantize(source: Path, target: Path, tensors: Sequence[NDArray[np.float32]]) -> None:
    """Write the int8 QDQ model of the float model `source` to `target`.

    tensors: what the model is calibrated with, each shaped as its input. Weights are QInt8 with one scale a
    channel, activations QUInt8 (on x86, int8 activations are slower than float), their range the 99.999th
    percentile: with the full range YOLO11n-pose loses 0.02 AP at 320 px, with this one less than 0.01.
    `quant_pre_process` folds batch norms and biases first: without it onnxruntime runs the convolutions in float.
    """
    with TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(source, folded)
        model = onnx.load(folded)
        with redirect_stdout(io.StringIO()):  # the calibrator prints its progress
            quantize_static(
                folded,
                target,
                _Reader(model.graph.input[0].name, tensors),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                weight_type=QuantType.QInt8,
                activation_type=QuantType.QUInt8,
                calibrate_method=CalibrationMethod.Percentile,
                nodes_to_exclude=float_nodes(model),
                # The name says less than it does: with every method, pictures go through the model in batches.
                extra_options={"CalibPercentile": 99.999, "CalibStridedMinMax": BATCH},
            )


def float_nodes(model: onnx.ModelProto) -> list[str]:
    """The nodes that must stay in float: attention's products, and everything from each head branch's last conv.

    The decode puts pixels (0-320) beside scores (0-1): under one scale the scores collapse. So the graph is
    walked back from its outputs, and each path ends with the first convolution that has learned weights; the
    one behind a softmax is no such thing but the fixed expectation of the box distribution (DFL, Li et al. 2020).
    """
    producer = {name: node for node in model.graph.node for name in node.output}
    kept = {node.name for node in model.graph.node if node.op_type in _ATTENTION}
    waiting = [output.name for output in model.graph.output]
    while waiting:
        node = producer.get(waiting.pop())
        if node is None or (node.name in kept and node.op_type not in _ATTENTION):
            continue
        kept.add(node.name)
        if node.op_type != "Conv" or _behind_softmax(node, producer):
            waiting.extend(node.input)
    return sorted(kept)


def _behind_softmax(node: onnx.NodeProto, producer: dict[str, onnx.NodeProto]) -> bool:
    """Whether a convolution reads a softmax, directly or through a change of shape."""
    above = producer.get(node.input[0])
    while above is not None and above.op_type in {"Transpose", "Reshape"}:
        above = producer.get(above.input[0])
    return above is not None and above.op_type == "Softmax"


class _Reader(CalibrationDataReader):
    """Hands calibration tensors to onnxruntime one by one, a batch of them at a time."""

    def __init__(self, name: str, tensors: Sequence[NDArray[np.float32]]) -> None:
        self._name, self._tensors = name, tensors
        self._waiting = iter(tensors)

    def __len__(self) -> int:
        """Rounded up to whole batches, which onnxruntime insists on; the last one may be short."""
        return -(-len(self._tensors) // BATCH) * BATCH

    def set_range(self, start_index: int, end_index: int) -> None:
        self._waiting = iter(self._tensors[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        tensor = next(self._waiting, None)
        return None if tensor is None else {self._name: tensor}
