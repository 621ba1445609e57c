"""An exact rewrite of a float graph: what joins an enlarged feature map to another one multiplies it while it is small.

A 1x1 convolution and an enlargement by nearest neighbour may change places, and a convolution of joined channels is the
sum of convolutions of each. So where a pyramid goes up, a quarter of the products will do, fewer channels are enlarged,
and nothing is joined.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def multiply_small(source: Path, target: Path) -> int:
    """Write the float graph `source` with such places rewritten to `target`; returns how many convolutions that were.

    The results are the same up to rounding.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(source))
    graph = model.graph
    channels = {v.name: v.type.tensor_type.shape.dim[1].dim_value for v in graph.value_info
                if len(v.type.tensor_type.shape.dim) == 4}  # fmt: skip
    producer = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    count = 0
    for join in list(graph.node):
        large = producer.get(join.input[0]) if join.op_type == "Concat" and len(join.input) == 2 else None
        if large is None or large.op_type != "Resize" or len(readers[large.output[0]]) > 1:
            continue
        users = readers[join.output[0]]
        if not all(_pointwise(user, weights) for user in users):
            continue
        for user in users:
            _split(graph, user, large, join, channels[large.output[0]], weights)
            count += 1
        graph.node.remove(join)
        graph.node.remove(large)
    onnx.save(model, target)
    return count


def _pointwise(node: onnx.NodeProto, weights: dict[str, onnx.TensorProto]) -> bool:
    return node.op_type == "Conv" and list(weights[node.input[1]].dims[2:]) == [1, 1]


def _split(
    graph: onnx.GraphProto, conv: onnx.NodeProto, large: onnx.NodeProto, join: onnx.NodeProto, first: int,
    weights: dict[str, onnx.TensorProto],
) -> None:  # fmt: skip
    """Put the sum of two convolutions, of which one is enlarged, in place of the convolution of both."""
    name, output = conv.name, conv.output[0]
    both = numpy_helper.to_array(weights[conv.input[1]])
    parts = {f"{name}.small.weight": both[:, :first], f"{name}.skip.weight": both[:, first:]}
    graph.initializer.extend(numpy_helper.from_array(np.ascontiguousarray(part), key) for key, part in parts.items())
    graph.initializer.remove(weights[conv.input[1]])
    small, enlarged, skip = f"{name}.small_output", f"{name}.enlarged", f"{name}.skip_output"
    resize = onnx.NodeProto()
    resize.CopyFrom(large)
    resize.name, resize.input[0], resize.output[0] = f"{name}.enlarge", small, enlarged
    made = [
        helper.make_node("Conv", [large.input[0], f"{name}.small.weight"], [small], name=f"{name}.small"),
        resize,
        helper.make_node("Conv", [join.input[1], f"{name}.skip.weight", *conv.input[2:]], [skip], name=f"{name}.skip"),
        helper.make_node("Add", [enlarged, skip], [output], name=f"{name}.sum"),
    ]
    at = list(graph.node).index(conv)
    graph.node.remove(conv)
    for number, node in enumerate(made):
        graph.node.insert(at + number, node)
