"""A trained baseline as files: a checkpoint, an ONNX file with its card, and the check that both answer alike."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from classifier.baselines.network import Network, Served
from keypoints.card import KEY, BaselineCard
from keypoints.errors import RepSightError
from keypoints.files import whole

#: Largest difference of a probability between the network and a file of it that is still called equal.
TOLERANCE = 1e-4


def example_clips(card: BaselineCard) -> NDArray[np.uint8]:
    """Three clips, uint8 (3, frames, side, side, 3): noise, a slope of grey, and nothing."""
    rng = np.random.default_rng(0)
    shape = (card.frames, card.side, card.side, 3)
    slope = np.broadcast_to(np.linspace(0, 255, card.side).astype(np.uint8)[:, None, None], shape)
    return np.stack([rng.integers(0, 256, shape).astype(np.uint8), slope, np.zeros(shape, np.uint8)])


def answers(network: Network, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probabilities (B, C) of the network itself."""
    with torch.inference_mode():
        return Served(network).eval()(torch.from_numpy(clips)).numpy()  # type: ignore[no-any-return]


def save_checkpoint(network: Network, card: BaselineCard, path: Path) -> None:
    """Write the weights and the card as a file that torch reads without executing anything."""
    with whole(path) as partial:
        torch.save({"card": card.to_json(), "model": network.state_dict()}, partial)


def export_onnx(network: Network, card: BaselineCard, path: Path) -> float:
    """Write the network under its contract: `clips` in, `action` out, any batch; returns the largest difference to
    the network's own answers. Raises RepSightError when that is more than TOLERANCE."""
    clips = example_clips(card)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the tracing exporter warns of its successor
        torch.onnx.export(
            Served(network).eval(), (torch.from_numpy(clips[:2]),), f"{folder}/baseline.onnx", input_names=["clips"],
            output_names=["action"], opset_version=17, dynamic_axes={"clips": {0: "batch"}, "action": {0: "batch"}},
            dynamo=False,
        )  # fmt: skip
        graph = onnx.load(f"{folder}/baseline.onnx")
    for node in graph.graph.node:
        node.ClearField("doc_string")
    onnx.helper.set_model_props(graph, {KEY: card.to_json()})
    with whole(path) as partial:
        onnx.save(graph, partial)
        session = ort.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
        return difference(answers(network, clips), np.asarray(session.run(["action"], {"clips": clips})[0]), path)


def difference(one: NDArray[np.float32], other: NDArray[np.float32], path: Path) -> float:
    """The largest difference. Raises RepSightError when it is more than TOLERANCE."""
    found = float(np.abs(one - other).max())
    if not found <= TOLERANCE:
        raise RepSightError(f"{path}: the export differs from its source by {found:.2g}")
    return found
