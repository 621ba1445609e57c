"""What a graph has to multiply is counted from the shapes that ONNX Runtime sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from keypoints.errors import ModelError
from keypoints.graph_cost import multiply_accumulates
from keypoints.yolo import SHIPPED


def test_convolutions_and_products_are_counted_by_precision(tmp_path: Path) -> None:
    constants = {
        "kernel": np.ones((6, 3, 3, 3), np.float32), "grouped": np.ones((6, 1, 3, 3), np.float32),
        "matrix": np.ones((32, 5), np.float32), "bytes": np.ones((32, 7), np.int8),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "grouped"], ["b"], group=6, pads=[1, 1, 1, 1]),
        helper.make_node("MatMul", ["b", "matrix"], ["y"]),
        helper.make_node("MatMulInteger", ["u", "bytes"], ["z"]),
    ]
    graph = helper.make_graph(
        nodes,
        "products",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, "height", "width"]),
            helper.make_tensor_value_info("u", TensorProto.UINT8, [4, 32]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
            helper.make_tensor_value_info("z", TensorProto.INT32, None),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path = tmp_path / "products.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    places = 32 * 32
    convolved = places * (6 * 3 * 9) + places * (6 * 9)
    assert multiply_accumulates(path, side=64) == {"fp32": convolved + 6 * 32 * 32 * 5, "int8": 4 * 32 * 7}


def test_of_an_input_of_any_size_the_one_on_the_card_is_counted() -> None:
    assert multiply_accumulates(SHIPPED) == multiply_accumulates(SHIPPED, side=64)
    assert sum(multiply_accumulates(SHIPPED).values()) == pytest.approx(448e6, rel=0.01)


def test_a_file_that_is_no_model_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("no model")
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        multiply_accumulates(tmp_path / "x.onnx")
