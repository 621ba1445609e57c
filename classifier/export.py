"""A trained head as one small ONNX file with its card, verified against the model that it came from."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from classifier.heads import HeadModel
from keypoints.card import KEY, HeadCard
from keypoints.errors import RepSightError
from keypoints.files import whole

#: Parameters with fewer values stay as they are.
_LEAST_VALUES = 256

#: Largest difference between the model and its ONNX file that is still called equal.
TOLERANCE = 1e-4


class Served(nn.Module):
    """The head as it is served: calibrated probabilities instead of logits."""

    def __init__(self, model: HeadModel, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        logits, phase = self.model(keypoints)
        return (logits / self.temperature).softmax(-1), phase


@torch.no_grad()
def round_weights(model: nn.Module) -> None:
    """Round the weights, in place, to 255 steps a row (8 bits, symmetric), as they are then stored.

    What is measured after this is what is served: the file loses nothing more.
    """
    for weight in model.parameters():
        if weight.dim() >= 2 and weight.numel() >= _LEAST_VALUES:
            step = weight.flatten(1).abs().amax(1).clamp(min=1e-12).view(-1, *[1] * (weight.dim() - 1)) / 127
            weight.copy_((weight / step).round() * step)


def export_head(model: HeadModel, card: HeadCard, path: Path) -> None:
    """Write `model` to `path` under the head contract.

    Weights that `round_weights` has rounded take a byte each. Raises RepSightError when the written file does not
    give the model's own results.
    """
    served = Served(model, card.temperature).eval()
    example = example_windows(card.window)
    names = ["action", "phase"]

    @torch.no_grad()
    def expected(windows: Tensor) -> dict[str, NDArray[Any]]:
        return dict(zip(names, (part.numpy() for part in served(windows)), strict=True))

    write(traced(served, example, names), card, path, lambda partial: verify(partial, example, expected))


def example_windows(window: int) -> Tensor:
    """Two windows of joints all over a picture, float32 (2, window, 17, 3)."""
    return torch.rand(2, window, 17, 3, generator=torch.Generator().manual_seed(0)) * 300


def traced(model: nn.Module, example: Tensor, outputs: Sequence[str]) -> onnx.ModelProto:
    """The graph of `model`, from `keypoints` (batch, T, 17, 3) to `outputs`, any batch."""
    names = ["keypoints", *outputs]
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the tracing exporter warns of its successor and of the GRU's batch
        torch.onnx.export(
            model, (example,), f"{folder}/head.onnx", input_names=names[:1], output_names=names[1:], opset_version=17,
            dynamic_axes={name: {0: "batch"} for name in names}, dynamo=False,
        )  # fmt: skip
        return onnx.load(f"{folder}/head.onnx")


def write(graph: onnx.ModelProto, card: HeadCard, path: Path, verify: Callable[[Path], None]) -> None:
    """Write the graph with its card; the file gets its name when `verify` has nothing against it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _constants_once(graph.graph)
    _begin_at_zero(graph.graph)
    _pack(graph.graph)
    _short_names(graph.graph)
    onnx.helper.set_model_props(graph, {KEY: card.to_json()})
    with whole(path) as partial:
        onnx.save(graph, partial)
        verify(partial)


def _constants_once(graph: onnx.GraphProto) -> None:
    """Constant nodes become initializers, equal ones the same."""
    first: dict[bytes, str] = {}
    renamed: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        if node.op_type != "Constant":
            node.input[:] = [renamed.get(name, name) for name in node.input]
            nodes.append(node)
            continue
        value = node.attribute[0].t
        value.ClearField("name")
        content = value.SerializeToString()
        name = renamed[node.output[0]] = first.setdefault(content, node.output[0])
        if name == node.output[0]:
            graph.initializer.add().CopyFrom(value)
            graph.initializer[-1].name = name
    del graph.node[:]
    graph.node.extend(nodes)


def _begin_at_zero(graph: onnx.GraphProto) -> None:
    """Drop the zeros that the exporter has recurrent nodes begin with, and the nodes that make them: it is the default,
    and each node takes its time."""
    for node in graph.node:
        if node.op_type == "GRU" and len(node.input) == 6:  # the sixth is the state at first
            del node.input[5]
    while True:
        used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        unused = [node for node in graph.node if not used.intersection(node.output)]
        if not unused:
            break
        for node in unused:
            graph.node.remove(node)
    for weight in [weight for weight in graph.initializer if weight.name not in used]:
        graph.initializer.remove(weight)


def _pack(graph: onnx.GraphProto) -> None:
    """Store every large weight that lies on a grid of 255 steps along one axis as int8 and a scale.

    Cast and Mul turn it back; runtimes fold them into a constant when they load the file.
    """
    for weight in list(graph.initializer):
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _LEAST_VALUES:
            continue
        packed = next((p for axis in range(values.ndim) if (p := _on_grid(values, axis)) is not None), None)
        if packed is None:
            continue
        steps, scale = packed
        stored = [onnx.numpy_helper.from_array(steps, f"{weight.name}.0"),
                  onnx.numpy_helper.from_array(scale, f"{weight.name}.1")]  # fmt: skip
        graph.initializer.remove(weight)
        graph.initializer.extend(stored)
        name = weight.name
        graph.node.insert(0, onnx.helper.make_node("Mul", [f"{name}.float", f"{name}.1"], [name]))
        graph.node.insert(0, onnx.helper.make_node("Cast", [f"{name}.0"], [f"{name}.float"], to=onnx.TensorProto.FLOAT))


def _on_grid(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Steps and scale along `axis` that give `values` back, or None."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / np.float32(127)
    steps = np.round(values / scale)
    return (steps.astype(np.int8), scale) if np.allclose(steps * scale, values, rtol=1e-5, atol=0) else None


def _short_names(graph: onnx.GraphProto) -> None:
    """Names of the exporter tell its modules, node by node, and are longer than the weights; source lines as well."""
    kept = {value.name for value in (*graph.input, *graph.output)} | {""}
    short: dict[str, str] = {}

    def name(old: str) -> str:
        return old if old in kept else short.setdefault(old, np.base_repr(len(short), 36).lower())

    for initializer in graph.initializer:
        initializer.name = name(initializer.name)
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("name")
        node.input[:] = [name(old) for old in node.input]
        node.output[:] = [name(old) for old in node.output]
    del graph.value_info[:]


def verify(
    path: Path, example: Tensor, expected: Callable[[Tensor], Mapping[str, NDArray[Any]]], source: str = "its source"
) -> None:
    """Raise RepSightError when the file at `path` does not give what `expected` gives, by output, of windows."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for windows in (example, example[:1], torch.zeros_like(example)):
        for name, values in expected(windows).items():
            found = session.run([name], {"keypoints": windows.numpy()})[0]
            difference = float(np.abs(values - np.asarray(found)).max())
            if not difference <= TOLERANCE:
                raise RepSightError(f"{path}: {name}: the export differs from {source} by {difference:.2g}")
