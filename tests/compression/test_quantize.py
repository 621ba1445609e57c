"""Int8 where it is safe, float where it is not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from compression import quantize as quantization
from compression.quantize import Quantizer, finish, float_nodes


@pytest.fixture
def model() -> onnx.ModelProto:
    """The shape of a YOLO head in small: backbone, attention, a box branch with DFL, a score branch, the decode."""
    random = np.random.default_rng(0)

    def conv(name: str, source: str, outputs: int, inputs: int, size: int = 3) -> onnx.NodeProto:
        weight = random.normal(0, 1 / np.sqrt(inputs * size * size), (outputs, inputs, size, size))
        weights.append(numpy_helper.from_array(weight.astype(np.float32), f"{name}.weight"))
        weights.append(numpy_helper.from_array(np.zeros(outputs, np.float32), f"{name}.bias"))
        return helper.make_node(
            "Conv", [source, f"{name}.weight", f"{name}.bias"], [name], name=name, pads=[size // 2] * 4
        )

    weights: list[onnx.TensorProto] = [
        numpy_helper.from_array(np.array([1, 4, 64], np.int64), "flat"),
        numpy_helper.from_array(np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1), "expectation"),
        numpy_helper.from_array(np.array([1, 4, 1, 64], np.int64), "bins"),
        numpy_helper.from_array(np.array([1, 1, 64], np.int64), "one"),
        numpy_helper.from_array(np.float32(320), "pixels"),
        numpy_helper.from_array(np.array([1, 4, 8, 8], np.int64), "picture"),
    ]
    nodes = [
        conv("stem", "images", 4, 3),
        helper.make_node("Relu", ["stem"], ["stem_out"], name="stem_act"),
        helper.make_node("Transpose", ["stem_out"], ["turned"], name="turn", perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["stem_out", "turned"], ["product"], name="attention"),
        helper.make_node("Softmax", ["product"], ["weighted"], name="attention_softmax", axis=-1),
        helper.make_node("Add", ["stem_out", "weighted"], ["body"], name="body"),
        conv("neck", "body", 4, 4),
        helper.make_node("Relu", ["neck"], ["neck_out"], name="neck_act"),
        conv("box", "neck_out", 4, 4, 1),
        helper.make_node("Reshape", ["box", "bins"], ["box_bins"], name="box_reshape"),
        helper.make_node("Softmax", ["box_bins"], ["dfl_softmax"], name="dfl_softmax", axis=1),
        helper.make_node("Conv", ["dfl_softmax", "expectation"], ["dfl"], name="dfl"),
        helper.make_node("Reshape", ["dfl", "one"], ["distance"], name="dfl_reshape"),
        helper.make_node("Mul", ["distance", "pixels"], ["boxes"], name="decode"),
        conv("score", "neck_out", 1, 4, 1),
        helper.make_node("Reshape", ["score", "one"], ["score_flat"], name="score_reshape"),
        helper.make_node("Sigmoid", ["score_flat"], ["scores"], name="score_sigmoid"),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], name="join", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 2, 64))],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(made)
    return made


def pictures(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [random.random((1, 3, 8, 8), dtype=np.float32) for _ in range(count)]


def test_first_convolution_attention_the_last_of_each_branch_and_decode_stay_in_float(
    model: onnx.ModelProto,
) -> None:
    assert set(float_nodes(model)) == {
        "stem", "stem_act",
        "attention", "attention_softmax",
        "box", "box_reshape", "dfl_softmax", "dfl", "dfl_reshape", "decode",
        "score", "score_reshape", "score_sigmoid", "join",
    }  # fmt: skip


def write_int8(source: Path, target: Path, tensors: list[np.ndarray]) -> None:
    quantizer = Quantizer(source, target.parent, tensors)
    quantizer.write(target, keep=float_nodes(quantizer.model))


@pytest.mark.parametrize("count", [1, 8, 11])
def test_the_int8_model_answers_like_the_float_one(model: onnx.ModelProto, count: int, tmp_path: Path) -> None:
    source, target = tmp_path / "source.onnx", tmp_path / "int8.onnx"
    onnx.save(model, source)
    write_int8(source, target, pictures(count))
    quantized = onnx.load(target)
    kinds = Counter(node.op_type for node in quantized.graph.node)
    assert kinds["QuantizeLinear"] and kinds["DequantizeLinear"]
    stored = {tensor.name: tensor for tensor in quantized.graph.initializer}
    assert {stored[n].data_type for n in stored if "weight_quantized" in n} == {TensorProto.INT8}
    assert stored["neck.weight_scale"].dims == [4], "one scale a channel"
    assert "dfl_weight_quantized" not in stored and "box.weight_quantized" not in stored
    float_session, int8_session = (
        ort.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (source, target)
    )
    for picture in pictures(4):
        expected = float_session.run(None, {"images": picture})[0]
        found = int8_session.run(None, {"images": picture})[0]
        np.testing.assert_allclose(found[0, 1], expected[0, 1], atol=0.03)
        np.testing.assert_allclose(found[0, 0], expected[0, 0], atol=15)


def test_nothing_is_printed(model: onnx.ModelProto, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(model, tmp_path / "source.onnx")
    write_int8(tmp_path / "source.onnx", tmp_path / "int8.onnx", pictures(2))
    assert capsys.readouterr().out == ""


def test_every_picture_is_used_once_in_batches() -> None:
    tensors = pictures(quantization.BATCH * 2 + 3)
    reader = quantization._Reader("images", tensors)
    used = []
    for start in range(0, len(reader), quantization.BATCH):
        reader.set_range(start, start + quantization.BATCH)
        while (feed := reader.get_next()) is not None:
            used.append(feed["images"])
    assert len(used) == len(tensors)
    assert all(one is other for one, other in zip(used, tensors, strict=True))


def test_what_ships_answers_the_same_with_short_names_and_half_the_float_bytes(
    model: onnx.ModelProto, tmp_path: Path
) -> None:
    source, named, target = (tmp_path / f"{name}.onnx" for name in ("source", "named", "target"))
    onnx.save(model, source)
    write_int8(source, named, pictures(2))
    whole = ort.InferenceSession(named, providers=["CPUExecutionProvider"]).run(None, {"images": pictures(1)[0]})[0]
    finish(named, target)
    graph = onnx.load(target).graph
    assert [entry.name for entry in (*graph.input, *graph.output)] == ["images", "output0"]
    assert all(len(name) < 4 or name == "output0" for node in graph.node for name in (node.name, *node.output))
    small, long = (
        ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"images": pictures(1)[0]})[0]
        for path in (target, named)
    )
    np.testing.assert_array_equal(small, long)
    np.testing.assert_allclose(small, whole, rtol=2e-3, atol=2e-3)
    float_weights = [t for t in graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) >= 64]
    assert not float_weights, "stored in half, but for scales"
    assert target.stat().st_size < named.stat().st_size
