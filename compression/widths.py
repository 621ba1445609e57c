"""An exact rewrite of a pose graph: its input may be narrower than the square that it was made for.

Who stands is tall, and so is a crop of them: what a square shows beside it takes time and says little. A convolution
takes a map of any size; little else holds a graph to one. Attention lays a map flat and folds it back by numbers: they
are made of the input's sides instead. The decode adds to each cell where it lies, by a table of all cells: of each grid
the first rows and columns are taken, as many as there are. So a square is answered as before, bit by bit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from compression.nodes import Nodes
from keypoints.errors import InputError

#: The input's width is a multiple of it: the stride of the coarsest grid.
STRIDE = 32

#: What reads a table of cells: it is added to what the network says, or multiplied with it, cell by cell.
_CELL_BY_CELL = {"Add", "Sub", "Mul", "Div"}

#: Of the names of all that is added.
_PREFIX = "sides"

Shape = tuple[int, ...]


def free_width(source: Path, target: Path) -> None:
    """Write the pose graph `source`, of a square input, to `target` with an input of any `width` up to it that is a
    multiple of STRIDE; its height stays.

    Raises InputError for a graph with another input, or whose cells lie in no table.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(source))
    graph = model.graph
    picture, answer = graph.input[0], graph.output[0]
    shapes = {v.name: _shape(v) for v in (picture, *graph.value_info, answer)}
    side = shapes[picture.name][-1]
    if shapes[picture.name][2:] != (side, side) or side % STRIDE or not side:
        raise InputError("its input is no square", file=source, field="input", found=shapes[picture.name],
                         expected=f"(1, 3, side, side), a multiple of {STRIDE}")  # fmt: skip
    made = Nodes(_PREFIX)
    sides = made("Shape", picture.name, start=2)
    rows = {count: made("Div", sides, [side // count] * 2) for count in _flatten(graph, shapes, made)}
    _fold(graph, shapes, rows, made)
    grids = _grids(graph, shapes)
    if not _tabulate(graph, grids, rows, made):
        raise InputError("where its cells lie is in no table", file=source)
    made.place(graph, first=True)
    _drop_unread(graph)
    _rename(picture, {3: "width"})
    if shapes[answer.name][-1] == sum(count**2 for count in grids):
        _rename(answer, {2: "cells"})
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _flatten(graph: onnx.GraphProto, shapes: dict[str, Shape], made: Nodes) -> list[int]:
    """Let what lays a map flat do so with any; returns how many rows those maps have in the square."""
    found = set()
    for node in graph.node:
        before, after = _reshaped(node, shapes)
        if len(before) == 4 and before[2] == before[3] and after[-1] == before[2] * before[3]:
            node.input[1] = made.constant([*after[:-1], -1])
            found.add(before[2])
    return sorted(found)


def _fold(graph: onnx.GraphProto, shapes: dict[str, Shape], rows: dict[int, str], made: Nodes) -> None:
    """Let what folds a flat map back make it as high and wide as it was."""
    for node in graph.node:
        before, after = _reshaped(node, shapes)
        if len(after) == 4 and after[2] == after[3] and after[2] in rows and before[-1] == after[2] * after[3]:
            node.input[1] = made("Concat", after[:2], rows[after[2]], axis=0)


def _grids(graph: onnx.GraphProto, shapes: dict[str, Shape]) -> list[int]:
    """How many rows each grid has in the square, in the order in which their cells are joined."""
    producer = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        above = [producer.get(name) for name in node.input] if node.op_type == "Concat" else []
        maps = [_reshaped(one, shapes)[0] if one is not None else () for one in above]
        if len(maps) > 1 and all(len(shape) == 4 for shape in maps):
            return [shape[2] for shape in maps]
    return []


def _tabulate(graph: onnx.GraphProto, grids: list[int], rows: dict[int, str], made: Nodes) -> int:
    """Take of each table of all cells those that are there; returns how many tables that were."""
    squares = [count**2 for count in grids]
    constants = {tensor.name: tensor for tensor in graph.initializer if list(tensor.dims[-1:]) == [sum(squares)]}
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and node.input[0] in constants}
    read = [name for node in graph.node if node.op_type in _CELL_BY_CELL for name in node.input]
    stored = {name: casts[name].input[0] if name in casts else name for name in read if name in {*casts, *constants}}
    if not stored:
        return 0
    tables = [numpy_helper.to_array(constants[name]).astype(np.float32) for name in stored.values()]
    every = np.concatenate([table.reshape(-1, sum(squares)) for table in tables])
    parts = []
    for part, count in zip(np.split(every, np.cumsum(squares)[:-1], axis=1), grids, strict=True):
        there = made("Slice", part.reshape(1, -1, count, count), [0, 0], rows[count], [2, 3])
        parts.append(made("Reshape", there, [1, len(every), -1]))
    heights = [table.size // sum(squares) for table in tables]
    made.named("Split", list(stored), made("Concat", *parts, axis=2), heights, axis=1)
    for name in set(stored.values()):
        graph.initializer.remove(constants[name])
    for name in stored.keys() & casts.keys():
        graph.node.remove(casts[name])
    return len(tables)


def _drop_unread(graph: onnx.GraphProto) -> None:
    """The sizes that were numbers are read by nobody now; ONNX Runtime would warn of each."""
    read = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)


def _reshaped(node: onnx.NodeProto, shapes: dict[str, Shape]) -> tuple[Shape, Shape]:
    """The shapes before and after a reshape, in the square; of another node nothing."""
    if node.op_type != "Reshape":
        return (), ()
    return shapes.get(node.input[0], ()), shapes.get(node.output[0], ())


def _shape(value: onnx.ValueInfoProto) -> Shape:
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _rename(value: onnx.ValueInfoProto, names: dict[int, str]) -> None:
    """Give dimensions of an input or output a name in place of their size."""
    for place, name in names.items():
        value.type.tensor_type.shape.dim[place].dim_param = name
