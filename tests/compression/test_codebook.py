"""Weights on few levels answer nearly as before, take few bits, and run as the int8 weights that they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compression import codebook, stored
from compression.codebook import COUNTS, clustered, clustering, counts, levels, nearest, settle
from compression.images import PictureSet
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


@pytest.mark.parametrize("count", COUNTS)
def test_every_weight_is_on_a_level_and_the_largest_of_each_channel_on_the_outermost(
    layer: tuple[torch.Tensor, torch.Tensor], count: int
) -> None:
    weight, read = layer
    found = clustered(weight, read.T @ read, count)
    shares = 127 * found / found.abs().amax(1, keepdim=True)
    assert set(shares.round().int().flatten().tolist()) <= set(levels(count))
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
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, len(weight), 4, 4))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def run(model: onnx.ModelProto, picture: np.ndarray, folder: Path) -> tuple[np.ndarray, set[str]]:
    """What a model answers, and the kinds of nodes that are left when it is loaded."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node}
    return np.asarray(session.run(None, {"x": picture})[0]), kinds


@pytest.mark.parametrize(("count", "bits"), [(6, 16 / 6), (9, 16 / 5), (16, 4), (40, 16 / 3), (None, 8)])
def test_weights_on_levels_are_stored_in_few_bits_and_answer_the_same(
    count: int | None, bits: float, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    weight = random.choice(levels(count) if count else range(-127, 128), (51, 33, 3, 3)).astype(np.int8)
    model = convolution(weight)
    picture = random.random((1, 33, 6, 6)).astype(np.float32)
    before, _ = run(model, picture, tmp_path)
    bytes_before = model.ByteSize()
    assert stored.pack_weights(model.graph) == int(count is not None)
    onnx.checker.check_model(model)
    after, kinds = run(model, picture, tmp_path)
    np.testing.assert_array_equal(after, before)
    saved = weight.size * (1 - bits / 8)
    assert model.ByteSize() == pytest.approx(bytes_before - saved, abs=1400)
    assert not kinds & {"Gather", "Cast", "Reshape", "Split", "Div", "Mod", "Range"}, "nothing of it is left"


def with_biases(count: int) -> onnx.ModelProto:
    """Two quantized convolutions after one another, as ONNX Runtime's quantizer writes them."""
    random = np.random.default_rng(1)
    constants: dict[str, np.ndarray] = {"zero": np.array(0, np.uint8)}
    nodes = []
    read, step = "x", np.float32(0.02)
    for layer in ("a", "b"):
        scales = random.uniform(0.001, 0.01, count).astype(np.float32)
        constants |= {
            f"{layer}.step": np.array(step, np.float32), f"{layer}.scales": scales,
            f"{layer}.weight": random.integers(-127, 128, (count, count, 1, 1)).astype(np.int8),
            f"{layer}.zeros": np.zeros(count, np.int8), f"{layer}.none": np.zeros(count, np.int32),
            f"{layer}.bias": random.integers(-4000, 4000, count).astype(np.int32),
            f"{layer}.steps": (step * scales).astype(np.float32),
        }  # fmt: skip
        nodes += [
            helper.make_node("QuantizeLinear", [read, f"{layer}.step", "zero"], [f"{layer}.q"]),
            helper.make_node("DequantizeLinear", [f"{layer}.q", f"{layer}.step", "zero"], [f"{layer}.x"]),
            helper.make_node("DequantizeLinear", [f"{layer}.weight", f"{layer}.scales", f"{layer}.zeros"],
                             [f"{layer}.w"], axis=0),
            helper.make_node("DequantizeLinear", [f"{layer}.bias", f"{layer}.steps", f"{layer}.none"], [f"{layer}.b"],
                             axis=0),
            helper.make_node("Conv", [f"{layer}.x", f"{layer}.w", f"{layer}.b"], [f"{layer}.y"]),
        ]  # fmt: skip
        read, step = f"{layer}.y", np.float32(0.05)
    graph = helper.make_graph(
        nodes, "two", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, count, 6, 6))],
        [helper.make_tensor_value_info("b.y", TensorProto.FLOAT, (1, count, 6, 6))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def test_scales_and_biases_take_half_and_answer_as_before_to_a_step(tmp_path: Path) -> None:
    model = with_biases(256)
    picture = np.random.default_rng(0).random((1, 256, 6, 6)).astype(np.float32)
    before, kinds_before = run(model, picture, tmp_path)
    bytes_before = model.ByteSize()
    assert stored.pack_scales(model.graph) == 2
    assert stored.share(model.graph) > 0
    onnx.checker.check_model(model)
    after, kinds = run(model, picture, tmp_path)
    np.testing.assert_allclose(after, before, atol=0.02 * np.abs(before).max())
    assert kinds == kinds_before, "integer convolutions as before, and nothing beside them"
    assert model.ByteSize() < bytes_before - 2 * 256 * (2 + 4 + 2) + 500, "half a scale, no step, half a bias"


def test_a_scale_that_half_precision_would_lose_stays(tmp_path: Path) -> None:
    model = with_biases(8)
    for tensor in list(model.graph.initializer):
        if tensor.name in ("a.scales", "a.steps"):
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1e-6), tensor.name))
    assert stored.pack_scales(model.graph) == 1


def test_a_network_learns_with_its_weights_rounded_and_keeps_what_it_was_run_with() -> None:
    network = tiny.network(0.125)
    pictures = (tiny.figure(np.random.default_rng(1)),)
    config = Tuning(images=Images(pictures=(Pictures(folder="x"),)), sides=(64,), batch=2, steps=2)
    with clustering(network, counts({"all": 16, "model.0": 6}, 64)):
        assert any(isinstance(m, codebook.Clustered) for m in network.modules())
        tuned = train(network, [PictureSet("x", pictures)], config)
    settle(tuned.network)
    for one in (network, tuned.network):
        assert not any(isinstance(m, codebook.Clustered) for m in one.modules())
    before = dict(network.named_parameters())
    for name, module in tuned.network.named_modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() >= 64 and module.groups == 1:
            weight = module.weight.detach().flatten(1)
            shares = 127 * weight / weight.abs().amax(1, keepdim=True)
            allowed = set(levels(6 if name.startswith("model.0.") else 16))
            assert set(shares.round().int().flatten().tolist()) <= allowed, name
    assert any(not torch.equal(p, before[name]) for name, p in tuned.network.named_parameters() if p.dim() == 1)


def test_what_a_clustered_convolution_multiplies_is_on_the_levels() -> None:
    convolution = nn.Sequential(nn.Conv2d(4, 6, 3, bias=False))
    one = torch.zeros(36, 4, 3, 3)
    for index in range(36):
        one[index].view(-1)[index] = 1.0
    with clustering(convolution, lambda name, size: 9):
        weight = convolution(one)[:, :, 0, 0].T
    shares = 127 * weight / weight.abs().amax(1, keepdim=True)
    assert set(shares.round().int().flatten().tolist()) <= set(levels(9))


def test_weights_that_are_on_levels_already_stay_as_they_are() -> None:
    network = nn.Sequential(nn.Conv2d(8, 6, 3, bias=False))
    with clustering(network, lambda name, size: 16):
        settle(network)
    before = network[0].weight.detach().clone()
    with clustering(network, lambda name, size: 16):
        settle(network)
    torch.testing.assert_close(network[0].weight.detach(), before)


def test_a_layer_has_the_levels_of_its_block_or_of_all_or_none() -> None:
    of = counts({"all": 16, "model.7": 9}, 100)
    assert [of("model.7.conv", 100), of("model.70.conv", 100), of("model.7.conv", 99)] == [9, 16, None]
    assert counts({"model.7": 9}, 1)("model.8.conv", 500) is None
