"""A pose model of a few nodes, that takes white squares for people, and folders of such people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

#: Side of the input and of a cell of the output, px; how much larger the pictures of a folder are; how far each joint
#: is from its person's centre, px.
SIDE, CELL, SCALE = 320, 40, 2
SPREAD = np.array([(x, y) for y in (-30, -15, 0, 15, 30) for x in (-24, -8, 8, 24)][:17], np.float32)


def people_model() -> onnx.ModelProto:
    """White cells of the picture become people of 80 x 80 px, through two convolutions and a decode; their scores lie
    near 0.45, which is nothing beside 320 px under one scale of 8 bits."""
    cells = SIDE // CELL
    x, y = np.meshgrid(*[CELL * (np.arange(cells, dtype=np.float32) + 0.5)] * 2)
    centre = np.stack([x.ravel(), y.ravel()])
    boxes = np.concatenate([centre, np.full_like(centre, 2.0 * CELL)])[None]
    joints = np.concatenate(
        [np.concatenate([centre + at[:, None], np.full((1, cells * cells), 0.9, np.float32)]) for at in SPREAD]
    )[None]
    stem = np.random.default_rng(0).normal(0.4, 0.05, (8, 3, 1, 1))
    constants = {
        "stem.weight": stem, "stem.bias": np.zeros(8),
        "score.weight": np.full((1, 8, 1, 1), 2.0), "score.bias": np.array([-2.0 * stem.sum() - 0.2]),
        "boxes": boxes, "joints": joints, "none": np.float32(0.01),
    }  # fmt: skip
    weights = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    weights.append(numpy_helper.from_array(np.array([1, 1, cells * cells], np.int64), "flat"))
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], "/model.0/pool", kernel_shape=[CELL] * 2,
                         strides=[CELL] * 2),
        helper.make_node("Conv", ["cells", "stem.weight", "stem.bias"], ["stem"], "/model.0/conv/Conv"),
        helper.make_node("Relu", ["stem"], ["stem_out"], "/model.0/act/Relu"),
        helper.make_node("Conv", ["stem_out", "score.weight", "score.bias"], ["logit"], "/model.1/cv3/Conv"),
        helper.make_node("Reshape", ["logit", "flat"], ["logits"], "/model.1/Reshape"),
        helper.make_node("Sigmoid", ["logits"], ["scores"], "/model.1/Sigmoid"),
        helper.make_node("Mul", ["scores", "none"], ["nearly_none"], "/model.1/Mul"),
        helper.make_node("Add", ["boxes", "nearly_none"], ["all_boxes"], "/model.1/Add"),
        helper.make_node("Add", ["joints", "nearly_none"], ["all_joints"], "/model.1/Add_1"),
        helper.make_node("Concat", ["all_boxes", "scores", "all_joints"], ["output0"], "/model.1/Concat", axis=1),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "people",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 56, cells * cells))],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(made)
    return made


@pytest.fixture
def people_file(tmp_path: Path) -> Path:
    """The model as a file."""
    path = tmp_path / "people.onnx"
    onnx.save(people_model(), path)
    return path


@pytest.fixture
def person_picture() -> Callable[[int], tuple[Any, Any, Any]]:
    """Makes picture number n, its keypoints (17, 3) and its box x1 y1 x2 y2: a white cell on grey."""

    def make(number: int) -> tuple[Any, Any, Any]:
        image = np.full((SIDE, SIDE, 3), 30 + 5 * (number % 4), np.uint8)
        row, column = 2 + number % 4, 2 + (number // 4) % 4
        image[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = 255
        centre = np.array([(column + 0.5) * CELL, (row + 0.5) * CELL], np.float32)
        points = np.column_stack([centre + SPREAD, np.ones(17, np.float32)])
        return image, points, np.concatenate([centre - CELL, centre + CELL])

    return make


@pytest.fixture
def coco_folder(tmp_path: Path, person_picture: Callable[[int], tuple[Any, Any, Any]]) -> Path:
    """Ten pictures with annotations.json, one person each, magnified so that a person is 160 px high."""
    folder = tmp_path / "coco"
    (folder / "images").mkdir(parents=True)
    images, people = [], []
    for number in range(10):
        image, points, (x1, y1, x2, y2) = person_picture(number)
        image = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / "images" / f"{number:02}.png"), image)
        images.append({"id": number, "file_name": f"{number:02}.png", "width": SCALE * SIDE, "height": SCALE * SIDE})
        box = [SCALE * float(v) for v in (x1, y1, x2 - x1, y2 - y1)]
        keypoints = [v for x, y, _ in points for v in (SCALE * float(x), SCALE * float(y), 2)]
        people.append({"id": number + 1, "image_id": number, "category_id": 1, "bbox": box, "area": box[2] * box[3],
                       "iscrowd": 0, "keypoints": keypoints, "num_keypoints": 17})  # fmt: skip
    content = {"images": images, "annotations": people, "info": {},
               "categories": [{"id": 1, "name": "person", "keypoints": [], "skeleton": []}]}  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder
