"""Weights on sixteen levels answer nearly as before, take half a byte, and run as the int8 weights that they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compression import codebook
from compression.codebook import LEVELS, clustered, clustering, nearest
from compression.images import PictureSet
from compression.rounding import restore
from compression.trainer import train
from configs.tuning import Images, Pictures, Tuning
from tests.compression import tiny


@pytest.fixture
def layer() -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (24, 60), and what such a layer reads (2,000, 60), whose values hang together."""
    random = torch.Generator().manual_seed(3)
    weight = torch.randn(24, 60, generator=random, dtype=torch.double)
    mixed = torch.randn(60, 60, generator=random, dtype=torch.double)
    return weight, torch.randn(2000, 60, generator=random, dtype=torch.double) @ mixed


def test_every_weight_is_on_a_level_and_the_largest_of_each_channel_on_the_outermost(
    layer: tuple[torch.Tensor, torch.Tensor],
) -> None:
    weight, read = layer
    found = clustered(weight, read.T @ read)
    shares = 127 * found / found.abs().amax(1, keepdim=True)
    assert set(shares.round().int().flatten().tolist()) <= set(LEVELS)
    torch.testing.assert_close(shares, shares.round(), rtol=0, atol=1e-6)


def test_the_answer_stays_nearer_than_with_each_weight_rounded_for_itself(
    layer: tuple[torch.Tensor, torch.Tensor],
) -> None:
    weight, read = layer

    def off(other: torch.Tensor) -> float:
        return float(((other - weight) @ read.T).square().sum() / (weight @ read.T).square().sum())

    largest = weight.abs().amax(1, keepdim=True)
    alone = nearest(weight / largest) * largest
    assert off(clustered(weight, read.T @ read)) < 0.5 * off(alone) < 0.05


def test_a_layer_that_reads_nothing_but_zeros_is_rounded_all_the_same() -> None:
    weight = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(clustered(weight, torch.zeros(9, 9))).all()


def convolution(weight: np.ndarray) -> onnx.ModelProto:
    """A quantized convolution of a picture of 8-bit values."""
    scale = np.full(len(weight), 0.01, np.float32)
    constants = {
        "weight": weight, "scale": scale, "zeros": np.zeros(len(weight), np.int8),
        "step": np.float32(1 / 255), "zero": np.uint8(0),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "step", "zero"], ["seen"]),
        helper.make_node("DequantizeLinear", ["weight", "scale", "zeros"], ["w"], axis=0),
        helper.make_node("Conv", ["seen", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "convolution", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, weight.shape[1], 6, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.mark.parametrize("on_levels", [True, False])
def test_weights_on_the_levels_are_stored_in_half_a_byte_and_answer_the_same(on_levels: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weight = random.choice(LEVELS if on_levels else range(-127, 128), (32, 16, 3, 3)).astype(np.int8)
    model = convolution(weight)
    picture = random.random((1, 16, 6, 6)).astype(np.float32)
    before = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    bytes_before = model.ByteSize()
    assert codebook.pack(model.graph) == int(on_levels)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    after = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(after.run(None, {"x": picture})[0], before.run(None, {"x": picture})[0])
    assert (model.ByteSize() < 0.75 * bytes_before) == on_levels
    kinds = {node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node}
    assert not kinds & {"Gather", "Cast", "Reshape"}, "nothing of it is left when the model runs"


def test_a_network_learns_with_its_weights_rounded_and_is_then_what_it_was() -> None:
    network = tiny.network(0.125)
    pictures = (tiny.figure(np.random.default_rng(1)),)
    config = Tuning(images=Images(pictures=(Pictures(folder="x"),)), sides=(64,), batch=2, steps=2, least_clustered=64)
    with clustering(network, 64):
        kinds = {type(m).__name__ for m in network.modules()}
        assert "Clustered" in kinds
        tuned = train(network, [PictureSet("x", pictures)], config)
    restore(tuned.network)
    for one in (network, tuned.network):
        assert not any(isinstance(m, codebook.Clustered) for m in one.modules())
    changed = [
        not torch.equal(a, b)
        for a, b in zip(network.parameters(), tuned.network.parameters(), strict=True)
        if a.dim() == 4
    ]
    assert any(changed)


def test_what_a_clustered_convolution_multiplies_is_on_the_levels() -> None:
    convolution = nn.Sequential(nn.Conv2d(4, 6, 3, bias=False))
    one = torch.zeros(36, 4, 3, 3)
    for index in range(36):
        one[index].view(-1)[index] = 1.0
    with clustering(convolution, 1):
        weight = convolution(one)[:, :, 0, 0].T
    shares = 127 * weight / weight.abs().amax(1, keepdim=True)
    assert set(shares.round().int().flatten().tolist()) <= set(LEVELS)
