"""Where a quantized graph loses what its float graph tells: the first tensor, counted from the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from compression.quantize import DEQUANTIZED
from keypoints.session import open_session

FloatArray = NDArray[np.float32]

#: A channel is lost when its error holds at least this share of the variance that it has in float.
LOST = 1.0

#: A channel that varies less, as a share of its tensor's largest value, tells nothing anyway. Scores of people (0-1)
#: beside pixels (0-640) vary by some 1e-4.
ALIVE = 5e-5


@dataclass(frozen=True, slots=True)
class Loss:
    """One tensor in which channels are lost.

    node: that makes it. kind: of that node. channels: lost, of how many. worst: the channel with the largest error.
    noise: the error's share of that channel's variance; 1 and above tells nothing of the picture.
    spread: standard deviation of that channel in float, and in int8.
    """

    tensor: str
    node: str
    kind: str
    channels: tuple[int, int]
    worst: int
    noise: float
    spread: tuple[float, float]

    def __str__(self) -> str:
        lost, of = self.channels
        return (f"tensor {self.tensor} of {self.kind} {self.node}: {lost} of {of} channels lost, in channel "
                f"{self.worst} the error has {self.noise:.3g} of the variance (spread {self.spread[0]:.3g} in float, "
                f"{self.spread[1]:.3g} in int8)")  # fmt: skip


def lost_outputs(floating: Path, quantized: Path, tensors: Sequence[FloatArray]) -> list[Loss]:
    """The outputs of `quantized` of which channels are lost, on pictures `tensors` (1, 3, h, w); two
    or three will do."""
    names = [output.name for output in onnx.load(floating).graph.output]
    return list(_losses(floating, quantized, names, tensors).values())


def first_collapse(floating: Path, quantized: Path, tensors: Sequence[FloatArray]) -> Loss | None:
    """The tensor in which that began which an output of `quantized` lacks; None when no output lost a channel.

    From each output that lost a channel the graph is walked back through tensors that lost some as well; where one
    comes out of whole ones, it began. floating: the graph that was quantized, whose tensors have the same names.
    """
    outputs = lost_outputs(floating, quantized, tensors)
    if not outputs:
        return None
    graph = onnx.load(floating).graph
    producer = {name: node for node in graph.node for name in node.output}
    order = {name: i for i, node in enumerate(graph.node) for name in node.output}
    present = {name for node in onnx.load(quantized).graph.node for name in node.output}
    names = [name for name in producer if name in present or name + DEQUANTIZED in present]
    losses = _losses(floating, quantized, names, tensors)
    begun, waiting, seen = [], [loss.tensor for loss in outputs], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        above = [source for source in producer[name].input if source in losses]
        if not above:
            begun.append(name)
        waiting += above
    return losses[min(begun, key=order.__getitem__)]


def _losses(floating: Path, quantized: Path, names: Sequence[str], tensors: Sequence[FloatArray]) -> dict[str, Loss]:
    """Those of the tensors of which a channel is lost, by name."""
    kinds = {name: node for node in onnx.load(floating).graph.node for name in node.output}
    one, other = _run(floating, names, tensors), _run(quantized, names, tensors)
    losses = {name: _loss(name, kinds[name], one[name], other[name]) for name in names if name in one and name in other}
    return {name: loss for name, loss in losses.items() if loss is not None}


def _loss(name: str, node: onnx.NodeProto, true: FloatArray, got: FloatArray) -> Loss | None:
    """true, got: (pictures, channels, values)."""
    spread, left = true.std(axis=(0, 2)), got.std(axis=(0, 2))
    error = ((true - got) ** 2).mean(axis=(0, 2))
    alive = spread > ALIVE * max(float(np.abs(true).max()), 1e-12)
    noise = np.where(alive, error / np.maximum(spread**2, 1e-24), 0.0)
    lost = noise >= LOST
    if not lost.any():
        return None
    worst = int(noise.argmax())
    return Loss(name, node.name, node.op_type, (int(lost.sum()), len(lost)), worst, float(noise[worst]),
                (float(spread[worst]), float(left[worst])))  # fmt: skip


def _run(model: Path, names: Sequence[str], tensors: Sequence[FloatArray]) -> dict[str, FloatArray]:
    """Tensors as the graph hands them on: (pictures, channels, values) each."""
    content = onnx.load(model)
    present = {name for node in content.graph.node for name in node.output}
    # The quantized form of a tensor where there is one: that is what the next node reads.
    shown = {name: name + DEQUANTIZED if name + DEQUANTIZED in present else name for name in names}
    outputs = {output.name for output in content.graph.output}
    extra = [name for name in shown.values() if name in present and name not in outputs]
    content.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in extra)
    wanted = {name: at for name, at in shown.items() if at in present}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shown.onnx"
        onnx.save(content, path)
        session = open_session(path, 1)
        given = session.get_inputs()[0].name
        runs = [session.run(list(wanted.values()), {given: tensor}) for tensor in tensors]
    found = {}
    for name, values in zip(wanted, zip(*runs, strict=True), strict=True):
        if np.ndim(values[0]) >= 2 and np.issubdtype(values[0].dtype, np.floating):
            found[name] = np.stack([v.reshape(v.shape[1], -1) if v.ndim > 2 else v.reshape(1, -1) for v in values])
    return found
