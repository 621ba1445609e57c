"""A head file back into the model that it was exported from, so that training can go on from it.

The exporter transposes, stacks and renames weights. So the same architecture is exported once more, with the numbers
1, 2, 3, ... for weights: wherever number n turns up in that graph, the given file holds weight n at the same place.
The restored model is then held against the file.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator
from torch import nn

from classifier.export import Served, example_windows, traced
from classifier.head import SHIPPED, OnnxHead
from classifier.heads import HeadModel, bodies
from classifier.heads.registry import FEW_SHOT
from configs.schema import TrainHead
from keypoints.card import HeadCard
from keypoints.errors import ModelError

#: Largest difference between a head file and the restored model; a file with int8 weights stays below it.
TOLERANCE = 0.02

#: What a card's name says before the name of the head.
PREFIX = "repsight-"

#: Numbers that stand for weights begin here, so that no constant of the graph is taken for one; doubles hold them all.
_FIRST = 2.0**30

#: What may stand between a weight as it is stored and the node that uses it.
_STORAGE = frozenset({"DequantizeLinear", "Cast", "Mul", "Identity", "Transpose"})

#: A place in a graph: a type of node, how many such nodes come before it, and which input.
_Place = tuple[str, int, int]


def load_head(path: Path) -> HeadModel:
    """The model that a head file was exported from, ready to be trained further.

    Raises ModelError for a file that `train-head` did not write, or wrote in a version of another architecture.
    """
    head = OnnxHead(path)
    model = _blank(head.card, path)
    try:
        _fill(model, _constants(onnx.load(path)), head.card)
    except (KeyError, ValueError):
        raise _unlike(path) from None
    served = Served(model, head.card.temperature).eval()
    for window in example_windows(head.card.window):
        with torch.no_grad():
            action, phase = served(window[None])
        prediction = head(window.numpy())
        assert prediction.phase is not None
        pairs = ((action, prediction.probabilities), (phase, prediction.phase))
        if not all(float(np.abs(a[0].numpy() - b).max()) <= TOLERANCE for a, b in pairs):
            raise _unlike(path)
    return model


def begin(config: TrainHead, classes: int) -> HeadModel:
    """The model that training begins with: an untrained one, or that of `config.base`, with new outputs for the action
    when it has another number of classes, and with `config.freeze` with a body that stays as it is.

    Raises ModelError when the base can't be read back.
    """
    if config.base is None:
        return HeadModel(config.head, config.hidden, classes, config.window, config.rate_hz)
    model = load_head(Path(config.base))
    if model.action.out_features != classes:
        model.action = nn.Linear(model.action.in_features, classes)
    if config.freeze:
        model.body.requires_grad_(False)
    return model


def on_base(config: TrainHead) -> TrainHead:
    """The settings with the architecture and the window of `config.base`, if there is one; a few-shot head has one
    always, the shipped head if need be."""
    base = config.base or (str(SHIPPED) if config.head == FEW_SHOT else None)
    if base is None:
        return config
    card = OnnxHead(base).card
    ours: dict[str, Any] = {"base": base, "window": card.window, "rate_hz": card.rate_hz}
    if config.head in bodies():
        ours["head"] = architecture(card)
    return config.model_copy(update=ours)


def architecture(card: HeadCard) -> str:
    """Which head a card is of, by its name in the registry."""
    return card.name.removeprefix(PREFIX)


def _unlike(path: Path) -> ModelError:
    return ModelError("its weights can't be read back", file=path,
                      expected="a file that this version's train-head wrote", hint="train it again")  # fmt: skip


def _blank(card: HeadCard, path: Path) -> HeadModel:
    """An untrained model of the file's architecture and size."""
    name = architecture(card)
    if name not in bodies():
        raise ModelError("can't be trained further", file=path, field="name",
                         expected=" or ".join(PREFIX + n for n in bodies()), found=card.name)  # fmt: skip
    # The last layer gives the phase, two numbers out of the summary.
    weights = [w for w in onnx.load(path).graph.initializer if w.data_type in (TensorProto.FLOAT, TensorProto.INT8)]
    widths = [w.dims[1] for w in weights if len(w.dims) == 2 and w.dims[0] == 2]
    if not widths:
        raise _unlike(path)
    return HeadModel(name, max(widths), len(card.actions), card.window, card.rate_hz)


def _fill(model: HeadModel, stored: dict[_Place, NDArray[Any]], card: HeadCard) -> None:
    """Give `model` the weights that are stored; raises KeyError or ValueError where they do not fit it."""
    numbered = HeadModel(architecture(card), model.phase.in_features, len(card.actions), card.window, card.rate_hz)
    numbered = numbered.double().eval()
    first = _FIRST
    with torch.no_grad():
        for parameter in numbered.parameters():
            parameter.copy_(torch.arange(parameter.numel(), dtype=torch.float64).reshape(parameter.shape) + first)
            first += parameter.numel()
    example = example_windows(card.window).double()
    graph = traced(Served(numbered, card.temperature), example, ["action", "phase"])
    weights = np.full(int(first - _FIRST), np.nan)
    for place, numbers in _constants(graph).items():
        if numbers.dtype == np.float64 and numbers.size and numbers.min() >= _FIRST:
            # What the exporter has added to a weight when it folded constants is left as the fraction.
            whole = np.floor(numbers)
            values = stored[place].astype(np.float64).reshape(numbers.shape) - (numbers - whole)
            weights[(whole - _FIRST).astype(np.int64).ravel()] = values.ravel()
    if np.isnan(weights).any():
        raise ValueError("weights are missing")
    parts = np.split(weights, np.cumsum([p.numel() for p in model.parameters()])[:-1])
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), parts, strict=True):
            parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))


def _constants(model: onnx.ModelProto) -> dict[_Place, NDArray[Any]]:
    """Every constant that a node of the graph uses, wherever and in whatever type it is stored."""
    known = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    found: dict[_Place, NDArray[Any]] = {}
    before: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type == "Constant" or (node.op_type in _STORAGE and all(name in known for name in node.input)):
            values = list(ReferenceEvaluator(node).run(None, {name: known[name] for name in node.input}))
            known.update(zip(node.output, values, strict=True))
            continue
        for slot, name in enumerate(node.input):
            if name in known:
                found[node.op_type, before[node.op_type], slot] = known[name]
        before[node.op_type] += 1
    return found
