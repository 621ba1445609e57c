"""Static int8 quantisation of an ONNX pose model (QDQ): what stays in float, and why; and weights in half precision."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import load_tensors_data, save_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process

from compression.slim import slim

FloatArray = NDArray[np.float32]
Method = Literal["minmax", "percentile", "entropy"]

#: Attention multiplies and normalises values of very different sizes: one scale a tensor is too coarse for it.
_ATTENTION = {"MatMul", "Softmax"}

_ROUNDING = {"QuantizeLinear", "DequantizeLinear"}

#: What stands between a convolution and the next one, value by value: Sigmoid and Mul are SiLU.
_ACTIVATION = {"Sigmoid", "Mul", "Relu", "Clip", "LeakyRelu", "HardSwish"}

#: What gives values on as they are.
_MOVING = {"Concat", "MaxPool", "Resize"}

#: The least share of the widest range that another is widened from; with less, it agrees less with the float model.
_NEAR = 0.6

_METHODS = {
    "minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}  # fmt: skip

#: Activations of this many pictures are held at once (some 75 MB each for a nano model at 320 px).
BATCH = 8

#: Behind a tensor's name in a QDQ graph: what its 8 bits leave of it.
DEQUANTIZED = "_DequantizeLinear_Output"

#: Weights with fewer values stay in float.
_LEAST_VALUES = 64


class Quantizer:
    """A float model, folded and calibrated once, written in int8 as often as wanted, with other nodes in float."""

    def __init__(
        self,
        source: Path,
        folder: Path,
        tensors: Sequence[FloatArray],
        method: Method = "percentile",
        percentile: float = 99.999,
    ) -> None:
        """source: the float model. folder: for its own files. tensors: what the model is calibrated with, each shaped
        as its input. With the full range (minmax) YOLO11n-pose loses 0.02 AP at 320 px, with the 99.999th percentile
        less than 0.01. `quant_pre_process` folds batch norms and biases first: without it onnxruntime runs the
        convolutions in float."""
        self.folded = folder / "float.onnx"
        quant_pre_process(source, self.folded)
        self.model = onnx.load(self.folded)
        self._ranges, self._joined = folder / "ranges.json", folder / "joined.json"
        self._ranges.unlink(missing_ok=True)  # of another model, if any
        self._tensors, self._method, self._percentile = tensors, _METHODS[method], percentile

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        """Of the folded model, each after those that it takes its input from."""
        return list(self.model.graph.node)

    def write(self, target: Path, keep: Collection[str] = (), every_node: bool = False) -> None:
        """Write the int8 QDQ model to `target`, but for the nodes to `keep` in float.

        Weights are QInt8 with one scale a channel, activations QUInt8 (on x86, int8 activations are slower than float).
        every_node: also those that a range makes superfluous, such as Relu, are still there.
        """
        if not self._ranges.is_file():
            self._quantize(target, self._ranges, keep, every_node)  # calibrates, and keeps the ranges
        self._join(keep)
        self._quantize(target, self._joined, keep, every_node)

    def _quantize(self, target: Path, ranges: Path, keep: Collection[str], every_node: bool) -> None:
        # The name says less than it does: with every method, pictures go through the model in batches.
        options: dict[str, object] = {"CalibStridedMinMax": BATCH, "QDQKeepRemovableActivations": every_node}
        if self._method == CalibrationMethod.Percentile:
            options["CalibPercentile"] = self._percentile
        with redirect_stdout(io.StringIO()):  # the calibrator prints its progress
            quantize_static(
                self.folded,
                target,
                _Reader(self.model.graph.input[0].name, self._tensors),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                weight_type=QuantType.QInt8,
                activation_type=QuantType.QUInt8,
                calibrate_method=self._method,
                nodes_to_exclude=sorted(keep),
                extra_options=options,
                calibration_cache_path=ranges,
            )

    def _join(self, keep: Collection[str]) -> None:
        """Give what is joined, or only moved, one range: else each value must be looked up in a table on its way.

        What is much narrower than that keeps its own, with the finer steps that it allows; and so does what begins at
        zero beside what does not, since it is its range that cuts off a ReLU below zero.
        """
        tensors = load_tensors_data(self._ranges)
        for group in _moved(self.model.graph, keep):
            known = [tensors[name] for name in group if name in tensors]
            for positive in (True, False):
                alike = [t for t in known if (t.lowest >= 0) == positive]
                widest = max((t.highest - t.lowest for t in alike), default=0)
                near = [t for t in alike if t.highest - t.lowest >= _NEAR * widest]
                ends = [t.lowest for t in near], [t.highest for t in near]
                for tensor in near:
                    tensor.lowest, tensor.highest = min(ends[0]), max(ends[1])
        save_tensors_data(tensors, self._joined)


def _moved(graph: onnx.GraphProto, keep: Collection[str]) -> list[set[str]]:
    """Tensors whose values are the same ones, put together or elsewhere, by nodes that are not to `keep` in float."""
    groups: list[set[str]] = []
    for node in graph.node:
        if node.op_type in _MOVING and node.name not in keep:
            moved = {*node.output, *(node.input if node.op_type == "Concat" else node.input[:1])}
            touched = [group for group in groups if group & moved]
            groups = [group for group in groups if not group & moved] + [moved.union(*touched)]
    return groups


def to_half(source: Path, target: Path) -> None:
    """Write `source` with its weights in half precision to `target`.

    The arithmetic stays in float: a CPU has no faster one, runtimes turn the weights back once, when they load the
    file, and it is as fast as the float file at half its size.
    """
    model = onnx.load(source)
    graph = model.graph
    scales = {name for node in graph.node if node.op_type in _ROUNDING for name in node.input[1:]}
    for weight in list(graph.initializer):
        if weight.name in scales:
            continue
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _LEAST_VALUES or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        graph.initializer.remove(weight)
        stored = onnx.numpy_helper.from_array(values.astype(np.float16), f"{weight.name}.half")
        graph.initializer.append(stored)
        cast = onnx.helper.make_node(
            "Cast", [stored.name], [weight.name], f"{weight.name}.cast", to=onnx.TensorProto.FLOAT
        )
        graph.node.insert(0, cast)
    onnx.save(model, target)


def finish(named: Path, target: Path) -> None:
    """Write a quantized file as it ships to `target`: what is float in it in half precision, names short.

    named: is changed likewise, but for its names.
    """
    to_half(named, named)
    slim(named, target)


def float_nodes(model: onnx.ModelProto) -> list[str]:
    """The nodes that stay in float: attention's products, the first convolution with its activation, and everything
    from each head branch's last conv.

    The first convolution reads three channels: too few for integer kernels, which are slower at it than float ones.

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
    return sorted(kept | _first(model))


def _first(model: onnx.ModelProto) -> set[str]:
    """The convolution of the picture, and the nodes of its activation."""
    read = {entry.name for entry in model.graph.input}
    found: set[str] = set()
    for node in model.graph.node:  # each after those that it reads
        wanted = {"Conv"} if not found else _ACTIVATION
        if node.op_type in wanted and read.intersection(node.input):
            found.add(node.name)
            read = read.union(node.output) if len(found) > 1 else set(node.output)
    return found


def _behind_softmax(node: onnx.NodeProto, producer: dict[str, onnx.NodeProto]) -> bool:
    """Whether a convolution reads a softmax, directly or through a change of shape."""
    above = producer.get(node.input[0])
    while above is not None and above.op_type in {"Transpose", "Reshape"}:
        above = producer.get(above.input[0])
    return above is not None and above.op_type == "Softmax"


class _Reader(CalibrationDataReader):
    """Hands calibration tensors to onnxruntime one by one, a batch of them at a time."""

    def __init__(self, name: str, tensors: Sequence[FloatArray]) -> None:
        self._name, self._tensors = name, tensors
        self._waiting = iter(tensors)

    def __len__(self) -> int:
        """Rounded up to whole batches, which onnxruntime insists on; the last one may be short."""
        return -(-len(self._tensors) // BATCH) * BATCH

    def set_range(self, start_index: int, end_index: int) -> None:
        self._waiting = iter(self._tensors[start_index:end_index])

    def get_next(self) -> dict[str, FloatArray] | None:
        tensor = next(self._waiting, None)
        return None if tensor is None else {self._name: tensor}
