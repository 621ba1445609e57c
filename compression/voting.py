"""An addition to a pose model's graph: each person's joints are the mean of what all cells that see that person say.

YOLO lets one cell speak for a person, the surest one, and drops all others by NMS. Each is an estimate of its own, and
errors of the network, and more so those of its rounding, differ from cell to cell: the mean of them is nearer. What
box voting does for boxes (Gidaris and Komodakis, "Object detection via a multi-region and semantic segmentation-aware
CNN model", ICCV 2015, section 4) is done here for keypoints, and inside the model file, so every runtime has it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from compression.nodes import Nodes
from compression.runners import layout_of
from keypoints import skeleton
from keypoints.errors import InputError

#: Cells that take part, the surest: each is compared with each. With fewer, AP falls where many people are seen.
CELLS = 64

#: How fast the weight of a cell falls with the squared distance of its box: exp(-SHARPNESS (dx2 + dy2 + dw2 + dh2) /
#: (w2 + h2)). Chosen on COCO train pictures, for whole and for quantized models; half or twice as much is as good.
SHARPNESS = 160.0

#: What counts as nothing: weights stay numbers that a processor multiplies at full speed, which denormal ones are not.
_FARTHEST, _LEAST_SCORE = np.float32(50.0), np.float32(1e-9)

#: Of the names of all that is added.
_PREFIX = "vote"


def vote(source: Path, target: Path) -> None:
    """Write the pose graph `source`, (1, 56, N), with voting behind it: (1, 56, min(N, CELLS)), surest cells first.

    A cell weighs as much as its score, times how near its box is. Boxes and scores stay what the cell says.
    Raises InputError for a graph of another layout.
    """
    model = onnx.load(source)
    graph = model.graph
    output = graph.output[0]
    shape = tuple(dim.dim_value for dim in output.type.tensor_type.shape.dim)
    if layout_of(shape) != "yolo":
        raise InputError("its cells can't vote", file=source, field="output", expected="(1, 56, N)", found=shape)
    cells = min(CELLS, shape[2])
    every = f"{_PREFIX}.cells"
    for node in graph.node:
        node.output[:] = [every if name == output.name else name for name in node.output]
    made = Nodes(_PREFIX)
    _, order = made.many("TopK", 2, made("Slice", every, [4], [5], [1]), [cells], axis=2)
    chosen = made("Gather", every, made("Reshape", order, [cells]), axis=2)  # (1, 56, K)
    box, score, points = made.many("Split", 3, chosen, [4, 1, 3 * skeleton.COUNT], axis=1)
    apart = made("Sub", made("Reshape", box, [1, 4, cells, 1]), made("Reshape", box, [1, 4, 1, cells]))
    square = made("ReduceSumSquare", apart, [1], keepdims=0)  # (1, K, K): of the cell in the row to those in columns
    size = made("ReduceSumSquare", made("Slice", box, [2], [4], [1]), [1], keepdims=0)
    size = made("Reshape", made("Max", size, np.float32(1.0)), [1, cells, 1])
    distance = made("Min", made("Mul", made("Div", square, size), np.float32(SHARPNESS)), _FARTHEST)
    log_score = made("Log", made("Max", score, _LEAST_SCORE))
    weight = made("Softmax", made("Sub", log_score, distance), axis=2)
    mean = made("MatMul", points, made("Transpose", weight, perm=[0, 2, 1]))
    made.named("Concat", [output.name], box, score, mean, axis=1)
    made.place(graph)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, [1, shape[1], cells]))
    onnx.checker.check_model(model)
    onnx.save(model, target)
