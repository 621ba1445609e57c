"""What is joined has one range where that costs nothing, and a ReLU is cut off below zero by its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from compression.quantize import Quantizer

Array = NDArray[np.float32]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file of three branches that are joined: two with ReLU, one without, and one with ReLU that is much smaller."""
    random = np.random.default_rng(0)
    weights, nodes, joined = [], [], []
    for name, size, rectified in (("a", 1.0, True), ("b", 0.9, True), ("c", 0.9, False), ("d", 0.1, True)):
        weight = (size * random.normal(0, 0.2, (8, 8, 3, 3))).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"{name}.weight"))
        nodes.append(helper.make_node("Conv", ["images", f"{name}.weight"], [name], name=name, pads=[1] * 4))
        if rectified:
            nodes.append(helper.make_node("Relu", [name], [f"{name}.out"], name=f"{name}.act"))
        joined.append(f"{name}.out" if rectified else name)
    weights.append(numpy_helper.from_array(random.normal(0, 0.2, (4, 32, 1, 1)).astype(np.float32), "last.weight"))
    nodes.append(helper.make_node("Concat", joined, ["joined"], name="join", axis=1))
    nodes.append(helper.make_node("Conv", ["joined", "last.weight"], ["output0"], name="last"))
    graph = helper.make_graph(
        nodes, "branches", [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 8, 8, 8))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 4, 8, 8))], weights,
    )  # fmt: skip
    path = tmp_path / "branches.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def pictures() -> list[Array]:
    random = np.random.default_rng(1)
    return [random.normal(0, 1, (1, 8, 8, 8)).astype(np.float32) for _ in range(8)]


def ranges(path: Path) -> dict[str, tuple[float, int]]:
    """Step and zero of each quantized tensor, by the name of what is quantized."""
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {node.input[0]: (float(constants[node.input[1]]), int(constants[node.input[2]]))
            for node in graph.node if node.op_type == "QuantizeLinear"}  # fmt: skip


def test_branches_of_like_range_share_it_and_others_keep_theirs(model: Path, tmp_path: Path) -> None:
    Quantizer(model, tmp_path, pictures(), "minmax").write(tmp_path / "int8.onnx")
    found = ranges(tmp_path / "int8.onnx")
    a, b, c, d = (next(value for name, value in found.items() if name.split(".")[0] == key) for key in "abcd")
    assert a == b
    assert a[1] == b[1] == 0, "a ReLU's range begins at zero"
    assert c[1] > 0
    assert d[0] < 0.5 * a[0]


def test_the_answer_stays_that_of_the_float_model(model: Path, tmp_path: Path) -> None:
    some = pictures()
    Quantizer(model, tmp_path, some, "minmax").write(tmp_path / "int8.onnx")
    before, after = (
        np.concatenate([
            ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"images": picture})[0]
            for picture in some
        ])
        for path in (model, tmp_path / "int8.onnx")
    )  # fmt: skip
    assert np.abs(after - before).mean() < 0.02 * np.abs(before).max()
