"""A head without its finest grid answers as it did on the others; a graph that multiplies first answers the same."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression.checkpoint import load_network, save_network
from compression.joins import multiply_small
from compression.levels import drop_levels
from compression.plan import run_plan
from compression.step import Artefact
from configs.compression import Plan
from keypoints.errors import InputError
from tests.compression import tiny


@pytest.mark.parametrize("family", ["yolo11", "yolov8"])
def test_the_other_levels_answer_as_before(family: str, tmp_path: Path) -> None:
    network = tiny.network(family=family)
    smaller = copy.deepcopy(network)
    drop_levels(smaller, [8])
    save_network(smaller, tmp_path / "pose.pt")
    picture = torch.rand(1, 3, 64, 64)
    whole, part = network(picture)[0], load_network(tmp_path / "pose.pt")(picture)[0]
    assert part.shape[2] == whole.shape[2] - 64, "a grid of 8 x 8"
    torch.testing.assert_close(part, whole[:, :, 64:])


@pytest.mark.parametrize("strides", [[4], [8, 16, 32]])
def test_a_level_that_is_not_there_and_all_levels_are_refused(strides: list[int]) -> None:
    with pytest.raises(InputError, match=r"levels.drop.*some of \[8, 16, 32\], not all"):
        drop_levels(tiny.network(), strides)


def test_a_plan_drops_a_level(tmp_path: Path) -> None:
    save_network(tiny.network(), tmp_path / "pose.pt")
    plan = Plan.model_validate({"steps": [{"step": "levels", "drop": [8], "side": 64}]})
    made = run_plan(Artefact(tmp_path / "pose.pt", "pose"), plan, tmp_path / "out")
    assert made.records[0].metrics["macs"] < made.records[0].metrics["before"]["macs"]
    assert load_network(made.artefact.path).stride.tolist() == [16, 32]


def pyramid(kernel: int) -> onnx.ModelProto:
    """Two convolutions of a small map, enlarged, joined to a large one."""
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=(5, 7, kernel, kernel)).astype(np.float32) for name in ("w0", "w1")}
    weights["bias"] = random.normal(size=5).astype(np.float32)
    weights["scales"] = np.array([1, 1, 2, 2], np.float32)
    pads = [kernel // 2] * 4
    nodes = [
        helper.make_node("Resize", ["small", "", "scales"], ["large"], name="up", mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        helper.make_node("Concat", ["large", "skip"], ["joined"], name="join", axis=1),
        helper.make_node("Conv", ["joined", "w0", "bias"], ["y0"], name="first", pads=pads),
        helper.make_node("Conv", ["joined", "w1"], ["y1"], name="second", pads=pads),
        helper.make_node("Add", ["y0", "y1"], ["y"], name="both"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "pyramid",
        [helper.make_tensor_value_info("small", TensorProto.FLOAT, (1, 3, 4, 4)),
         helper.make_tensor_value_info("skip", TensorProto.FLOAT, (1, 4, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 5, 8, 8))],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.mark.parametrize(("kernel", "rewritten"), [(1, 2), (3, 0)])
def test_pointwise_convolutions_are_done_before_their_input_is_enlarged(
    kernel: int, rewritten: int, tmp_path: Path
) -> None:
    source, target = tmp_path / "source.onnx", tmp_path / "target.onnx"
    onnx.save(pyramid(kernel), source)
    assert multiply_small(source, target) == rewritten
    onnx.checker.check_model(onnx.load(target))
    random = np.random.default_rng(1)
    given = {"small": random.random((1, 3, 4, 4), np.float32), "skip": random.random((1, 4, 8, 8), np.float32)}
    before, after = (
        ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)[0] for path in (source, target)
    )
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)
    kinds = [node.op_type for node in onnx.load(target).graph.node]
    assert kinds.count("Concat") == (0 if rewritten else 1)
