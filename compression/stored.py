"""What a quantized graph stores, in fewer bytes; a runtime has it back when it has loaded the file.

Everything here is undone by nodes that read constants alone: they are folded once, when the file is loaded, and nothing
of them is left when the model runs.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from compression.codebook import COUNTS, levels
from compression.nodes import Nodes

Array = NDArray[Any]

#: A tensor with fewer values costs more to unpack than it saves.
_LEAST_VALUES = 1024

#: Half precision keeps a scale, or a bias, to this share of it.
_HALF_SHARE = 5e-3


def pack_weights(graph: onnx.GraphProto) -> int:
    """Store, in place, int8 tensors whose values are all levels of `codebook`, as many in a 16-bit word as go into it:
    of sixteen levels four, of six levels six. Returns how many tensors that are."""
    books: dict[int, list[tuple[str, Array]]] = defaultdict(list)
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.INT8 or np.prod(tensor.dims) < _LEAST_VALUES:
            continue
        values = numpy_helper.to_array(tensor)
        fitting = [count for count in COUNTS if np.isin(values, levels(count)).all()]
        if fitting:
            books[min(fitting)].append((tensor.name, values))
            graph.initializer.remove(tensor)
    made = Nodes("levels")
    for count, tensors in sorted(books.items()):
        _unpack(made, count, tensors)
    made.place(graph, first=True)
    return sum(map(len, books.values()))


def _unpack(made: Nodes, count: int, tensors: list[tuple[str, Array]]) -> None:
    """The words of all tensors of one book, and the nodes that give them back: a table says what is in a word."""
    together = next(n for n in range(1, 17) if count ** (n + 1) > 2**16)
    powers = count ** np.arange(together)
    values = np.concatenate([array.ravel() for _, array in tensors])
    filled = np.pad(values, (0, -len(values) % together), constant_values=levels(count)[0])
    index = np.searchsorted(levels(count), filled)
    words = (index.reshape(-1, together) * powers).sum(1).astype(np.uint16)

    every = made("Range", np.int32(0), np.int32(count**together), np.int32(1))
    digits = made("Div", made("Unsqueeze", every, [1]), powers.astype(np.int32))
    table = made("Gather", np.array(levels(count), np.int8), made("Mod", digits, np.int32(count)), axis=0)
    flat = made("Reshape", made("Gather", table, made("Cast", words, to=TensorProto.INT32), axis=0), [-1])
    sizes = [array.size for _, array in tensors] + [index.size - values.size] * (index.size > values.size)
    parts = made.many("Split", len(sizes), flat, sizes, axis=0)
    for (name, array), part in zip(tensors, parts, strict=False):
        made.named("Reshape", [name], part, array.shape)


def pack_scales(graph: onnx.GraphProto) -> int:
    """Store, in place, scales and biases of quantized convolutions in half precision, together; returns of how many.

    A bias is a whole number of steps, and its step the product of those of picture and weight: neither is stored.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    producer = {name: node for node in graph.node for name in node.output}
    names: list[
        list[str]
    ] = []  # of each convolution: the steps of what it reads, of its weights, of its bias; the bias
    scales: list[Array] = []
    biases: list[Array] = []
    for conv in graph.node:
        read = [producer.get(name) for name in conv.input] if conv.op_type == "Conv" else []
        if len(read) != 3 or any(node is None or node.op_type != "DequantizeLinear" for node in read):
            continue
        seen, weight, bias = (node for node in read if node is not None)
        own = [seen.input[1], weight.input[1], bias.input[1], bias.input[0]]
        if any(name not in constants for name in own):
            continue
        step, scale, steps, whole = (numpy_helper.to_array(constants[name]) for name in own)
        if steps.ndim == 1 and np.allclose(steps, step * scale, rtol=1e-5, atol=0) and _kept(scale):
            names.append(own)
            scales.append(scale)
            biases.append(whole * steps)
    if not names:
        return 0
    for name in {name for own in names for name in own[1:]}:
        graph.initializer.remove(constants[name])
    made = Nodes("scales")
    counts = [len(scale) for scale in scales]

    def halves(parts: list[Array]) -> str:
        return made("Cast", np.concatenate(parts).astype(np.float16), to=TensorProto.FLOAT)

    made.named("Split", [own[1] for own in names], halves(scales), counts, axis=0)
    for step_name, scale_name, steps_name, _ in names:
        made.named("Mul", [steps_name], scale_name, step_name)
    every = made("Concat", *[own[2] for own in names], axis=0)
    rounded = made("Cast", made("Round", made("Div", halves(biases), every)), to=TensorProto.INT32)
    made.named("Split", [own[3] for own in names], rounded, counts, axis=0)
    made.place(graph, first=True)
    return len(names)


def _kept(values: Array) -> bool:
    """Whether half precision is enough for all of them."""
    half = values.astype(np.float16).astype(np.float32)
    return bool((np.abs(half - values) <= _HALF_SHARE * np.abs(values)).all())


def share(graph: onnx.GraphProto) -> int:
    """Keep one of all constants that are the same, in place; returns how many went."""
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    instead: dict[str, str] = {}
    outputs = {entry.name for entry in graph.output}
    for tensor in list(graph.initializer):
        key = (tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes())
        kept = first.setdefault(key, tensor.name)
        if kept != tensor.name and tensor.name not in outputs:
            instead[tensor.name] = kept
            graph.initializer.remove(tensor)
    for node in graph.node:
        node.input[:] = [instead.get(name, name) for name in node.input]
    return len(instead)
