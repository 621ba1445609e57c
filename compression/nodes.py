"""Nodes of an ONNX graph, written one after another as if they were computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

#: The name of a tensor that is there, or values that become a constant (a list: of int64).
Value = str | NDArray[Any] | np.generic | Sequence[int]


class Nodes:
    """Nodes and constants as they are made, under names of their own; `place` puts them into a graph."""

    def __init__(self, prefix: str) -> None:
        """prefix: of all names, which no other name in the graph may begin with."""
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def __call__(self, kind: str, *inputs: Value, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        return self.many(kind, 1, *inputs, **attributes)[0]

    def many(self, kind: str, outputs: int, *inputs: Value, **attributes: Any) -> list[str]:
        """Add a node with so many outputs; returns their names."""
        names = [f"{self._prefix}.{len(self._nodes)}.{i}" for i in range(outputs)]
        self.named(kind, names, *inputs, **attributes)
        return names

    def named(self, kind: str, outputs: Sequence[str], *inputs: Value, **attributes: Any) -> None:
        """Add a node whose outputs are called like this."""
        name = f"{self._prefix}.{len(self._nodes)}"
        read = [self.constant(value) for value in inputs]
        self._nodes.append(helper.make_node(kind, read, list(outputs), name=name, **attributes))

    def place(self, graph: onnx.GraphProto, first: bool = False) -> None:
        """Put all into the graph: the nodes behind its own, or before them."""
        own = [] if first else list(graph.node)
        rest = list(graph.node) if first else []
        del graph.node[:]
        graph.node.extend([*own, *self._nodes, *rest])
        graph.initializer.extend(self._constants)

    def constant(self, value: Value) -> str:
        """The name of values that become a constant; a name stays what it is."""
        if isinstance(value, str):
            return value
        name = f"{self._prefix}.constant.{len(self._constants)}"
        array = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else np.array(value, np.int64)
        self._constants.append(numpy_helper.from_array(array, name))
        return name
