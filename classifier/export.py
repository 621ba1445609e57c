"""A trained head as one ONNX file with its card, verified against the model that it came from."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from classifier.heads import HeadModel
from keypoints.card import KEY, HeadCard
from keypoints.errors import RepSightError

#: Largest difference between the model and its ONNX file that is still called equal.
TOLERANCE = 1e-4


class _Served(nn.Module):
    """The head as it is served: calibrated probabilities instead of logits."""

    def __init__(self, model: HeadModel, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        logits, phase = self.model(keypoints)
        return (logits / self.temperature).softmax(-1), phase


def export_head(model: HeadModel, card: HeadCard, path: Path) -> None:
    """Write `model` to `path` under the head contract.

    Raises RepSightError when the written file does not give the model's own results.
    """
    served = _Served(model, card.temperature).eval()
    example = torch.rand(2, card.window, 17, 3, generator=torch.Generator().manual_seed(0)) * 300
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    names = ["keypoints", "action", "phase"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter warns of its successor and of the GRU's batch
        torch.onnx.export(
            served, (example,), str(partial), input_names=names[:1], output_names=names[1:], opset_version=17,
            dynamic_axes={name: {0: "batch"} for name in names}, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(partial)
    for node in graph.graph.node:
        node.ClearField("doc_string")  # source lines of the exporter: half of the file
    onnx.helper.set_model_props(graph, {KEY: card.to_json()})
    onnx.save(graph, partial)
    _verify(served, partial, example)
    partial.replace(path)


def _verify(served: nn.Module, path: Path, example: Tensor) -> None:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for windows in (example, example[:1], torch.zeros_like(example)):
        with torch.no_grad():
            expected = served(windows)
        found = session.run(["action", "phase"], {"keypoints": windows.numpy()})
        for name, e, f in zip(("action", "phase"), expected, found, strict=True):
            difference = float(np.abs(e.numpy() - np.asarray(f)).max())
            if not difference <= TOLERANCE:
                raise RepSightError(f"{path}: {name}: the export differs from its source by {difference:.2g}")
