"""Small pose models made on the spot: real ONNX files whose output the test writes down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from keypoints.card import KEY, PoseCard

#: Writes a pose model with this output and card, and gives its path: `make_model(output, layout="yolo")`.
ModelMaker = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> ModelMaker:
    def make(
        output: np.ndarray,
        *,
        size: tuple[int, int] = (64, 64),
        input_shape: tuple[int, ...] | None = None,
        name: str = "pose.onnx",
        metadata: Mapping[str, str] | None = None,
        **card: Any,
    ) -> Path:
        """A model that answers every picture with `output` (plus nothing of the picture)."""
        image = helper.make_tensor_value_info("images", TensorProto.FLOAT, input_shape or (1, 3, *size))
        value = helper.make_tensor_value_info("output0", TensorProto.FLOAT, output.shape)
        nodes = [
            helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["answer", "nothing"], ["output0"]),
        ]
        constants = [
            numpy_helper.from_array(output.astype(np.float32), "answer"),
            numpy_helper.from_array(np.zeros((), np.float32), "zero"),
        ]
        model = helper.make_model(
            helper.make_graph(nodes, "pose", [image], [value], constants),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=10,
        )
        fields = {"name": "test", "version": "1", "licence": "none", "trained_on": (), "precision": "fp32"}
        described = PoseCard(input=size, **{"layout": "yolo", **fields, **card})
        helper.set_model_props(model, {KEY: described.to_json()} if metadata is None else dict(metadata))
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return make
