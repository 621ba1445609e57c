"""Which nodes of a graph int8 harms, found by quantizing each block alone, and each node of the harmed blocks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from compression.agreement import Run, agreement_with, expected
from compression.quantize import DEQUANTIZED, Quantizer
from compression.runners import open_runner
from configs.exporting import Scan

FloatArray = NDArray[np.float32]

#: Nodes of a graph whose names tell no block go by so many.
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class Harm:
    """How much is lost (`Agreement.harm`) when a block, or one node of it, is the only one in int8.

    keep: this node stays in float.
    """

    block: str
    node: str | None
    harm: float
    keep: bool = False

    def as_row(self) -> dict[str, Any]:
        """For a record or a table."""
        return {"block": self.block, "node": self.node, "harm": round(self.harm, 4), "keep": self.keep}


def scan(
    quantizer: Quantizer,
    tensors: Sequence[FloatArray],
    settings: Scan,
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
) -> list[Harm]:
    """Quantize each block alone, and measure on `tensors` what that costs; where it costs more than is tolerated,
    each of its nodes alone. The most harmful nodes stay in float until the rest of the block does no such harm."""
    reference = expected(open_runner(quantizer.folded).run, tensors)
    whole = folder / "whole.onnx"
    quantizer.write(whole, every_node=True)
    trial = _Trial(quantizer.model, onnx.load(whole))
    whole.unlink()

    def harm(nodes: Collection[str]) -> float:
        return agreement_with(reference, trial.run(nodes), tensors).harm

    found = []
    groups = blocks([node.name for node in quantizer.nodes])
    for number, (block, nodes) in enumerate(groups.items(), 1):
        alone = harm(nodes)
        found.append(Harm(block, None, alone))
        report(f"scan {number}/{len(groups)}: {block} alone harms by {alone:.3f}")
        if alone <= settings.tolerance:
            continue
        single = {node: harm([node]) for node in nodes}
        ranked = sorted(nodes, key=single.__getitem__, reverse=True)
        # The fewest of the worst without which the rest does no such harm; each one more harms less.
        kept = bisect_left(range(len(ranked)), True, key=lambda n: harm(ranked[n:]) <= settings.tolerance)
        found += [Harm(block, node, single[node], node in ranked[:kept]) for node in nodes]
        report(f"scan: {kept} of {len(nodes)} nodes of {block} stay in float")
    return found


class _Trial:
    """One graph in which any nodes may be in int8: those take their input as its 8 bits leave it, and so does what
    follows them."""

    def __init__(self, floating: onnx.ModelProto, quantized: onnx.ModelProto) -> None:
        self._true = {node.name: node for node in floating.graph.node}
        self._outputs = {output.name for output in floating.graph.output}
        # A bias has its own name behind its 32 bits, which leave all of it.
        known = {weight.name for weight in quantized.graph.initializer}
        known |= {name for node in quantized.graph.node for name in node.output}
        quantized.graph.initializer.extend(w for w in floating.graph.initializer if w.name not in known)
        self._whole = quantized
        # The tensor that each QuantizeLinear rounds.
        self._rounds = {node.output[0]: node.input[0] for node in quantized.graph.node}
        self._made = {name for node in quantized.graph.node for name in node.output}

    def run(self, nodes: Collection[str]) -> Run:
        """What runs the graph with these nodes in int8."""
        wanted = set(nodes)
        model = onnx.ModelProto()
        model.CopyFrom(self._whole)
        rounded = {name for node in wanted for name in self._true[node].output}
        own = {node.name for node in model.graph.node if node.name in self._true and node.name not in wanted}
        for node in model.graph.node:
            if node.name in own:
                true = self._true[node.name]
                node.input[:] = [self._eight_bits(name) if name in rounded else name for name in true.input]
            elif node.name not in wanted and node.output[0] in self._outputs and node.output[0] not in rounded:
                # What rounds an output of the graph hands it on instead.
                node.op_type, unrounded = "Identity", self._rounds[node.input[0]]
                node.ClearField("attribute")
                node.input[:] = [unrounded]
        session = open_bytes(model.SerializeToString())
        given = session.get_inputs()[0].name
        return lambda tensor: np.asarray(session.run(None, {given: tensor})[0], np.float32)

    def _eight_bits(self, name: str) -> str:
        return name + DEQUANTIZED if name + DEQUANTIZED in self._made else name


def open_bytes(model: bytes) -> ort.InferenceSession:
    """A session of a model in memory, on one thread, whose graph is run as it stands: it is run a few times only."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def blocks(names: Sequence[str]) -> dict[str, list[str]]:
    """Nodes by the layer of the network that their names tell (/model.4/..., and /model.23/cv2.0/... of a head, whose
    last layer has many parts), else by sixteen."""
    layers = [int(found[1]) for name in names if (found := re.match(r"/model\.(\d+)/", name))]
    groups: dict[str, list[str]] = {}
    unnamed = 0
    for name in names:
        match = re.match(r"/(model\.(\d+))/(?:(\w+?)(?:\.|/|_|$))?", name)
        if match is None:
            key = f"nodes {unnamed // _CHUNK * _CHUNK}"
            unnamed += 1
        elif int(match[2]) == max(layers):
            part = match[3] if match[3] and re.fullmatch(r"cv\d+|dfl", match[3]) else "decode"
            key = f"{match[1]}.{part}"
        else:
            key = match[1]
        groups.setdefault(key, []).append(name)
    return groups
