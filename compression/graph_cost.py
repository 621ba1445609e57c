"""Parameters and multiply-accumulates of an ONNX graph, quantized or not."""

from __future__ import annotations

from math import prod
from pathlib import Path

import onnx

#: What a weight may pass on its way from the file to its convolution.
_STORAGE = {"DequantizeLinear", "Cast"}


def graph_cost(path: Path) -> tuple[int, int]:
    """(parameters, multiply-accumulates) of the convolutions and linear layers of a file, for one input."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    graph = model.graph
    shapes = {value.name: [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
              for value in (*graph.value_info, *graph.input, *graph.output)}  # fmt: skip
    weights = {weight.name: list(weight.dims) for weight in graph.initializer}
    for node in graph.node:
        if node.op_type in _STORAGE and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    parameters = macs = 0
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or len(node.input) < 2 or node.input[1] not in weights:
            continue
        size = prod(weights[node.input[1]])
        parameters += size + sum(prod(weights.get(name, [0])) for name in node.input[2:])
        places = shapes.get(node.output[0], [])[2:] if node.op_type == "Conv" else []
        macs += size * prod(places)
    return parameters, macs
