"""Parameters and multiply-accumulates of an ONNX graph, quantized or not."""

from __future__ import annotations

from math import prod
from pathlib import Path

import onnx

from keypoints.graph_cost import multiply_accumulates

#: What a weight may pass on its way from the file to its convolution.
_STORAGE = {"DequantizeLinear", "Cast"}


def graph_cost(path: Path) -> tuple[int, int]:
    """(parameters, multiply-accumulates) of the convolutions and linear layers of a file, for one input."""
    graph = onnx.load(path).graph
    weights = {weight.name: list(weight.dims) for weight in graph.initializer}
    for node in graph.node:
        if node.op_type in _STORAGE and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    parameters = 0
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or len(node.input) < 2 or node.input[1] not in weights:
            continue
        parameters += prod(weights[node.input[1]]) + sum(prod(weights.get(name, [0])) for name in node.input[2:])
    return parameters, sum(multiply_accumulates(path).values())
