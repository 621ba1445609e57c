"""`YoloPose` reads what its file says of itself, and refuses files that say something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from keypoints.card import KEY
from keypoints.errors import ModelError
from keypoints.yolo import SHIPPED, YoloPose

ModelMaker = Callable[..., Path]

#: A person in input pixels of a 64 x 64 model.
BOX = (16, 8, 48, 60)


def answer(layout: str, confidence: float = 0.9, score: float = 0.8, x: float = 20) -> np.ndarray:
    """An output with one person; joint j at (x, 10 + j)."""
    joints = np.array([(x, 10 + j, confidence) for j in range(17)], np.float32).ravel()
    x1, y1, x2, y2 = BOX
    if layout == "yolo":
        row = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, score, *joints]
        return np.array(row, np.float32).reshape(1, 56, 1).repeat(3, axis=2)
    return np.array([x1, y1, x2, y2, score, 0, *joints], np.float32).reshape(1, 1, 57)


@pytest.mark.parametrize("layout", ["yolo", "yolo-nms-free"])
def test_a_person_is_found_in_pixels_of_the_picture(layout: str, make_model: ModelMaker) -> None:
    model = YoloPose(make_model(answer(layout), layout=layout))
    (pose,) = model.estimate(np.zeros((128, 128, 3), np.uint8))
    np.testing.assert_allclose(pose.box, np.array(BOX) * 2)
    np.testing.assert_allclose(pose.keypoints[:, 0], 40)
    np.testing.assert_allclose(pose.keypoints[:, 1], 20 + 2 * np.arange(17))
    np.testing.assert_allclose(pose.keypoints[:, 2], 0.9)
    assert pose.score == pytest.approx(0.8)
    assert pose.keypoints.dtype == pose.box.dtype == np.float32
    assert (model.precision, model.input_size) == ("fp32", (64, 64))


def test_borders_are_taken_off(make_model: ModelMaker) -> None:
    (pose,) = YoloPose(make_model(answer("yolo"))).estimate(np.zeros((32, 64, 3), np.uint8))
    np.testing.assert_allclose(pose.keypoints[6:, 1], np.arange(17)[6:] + 10 - 16)  # the picture begins at y = 16


@pytest.mark.parametrize(("confidence", "x"), [(0.01, 20), (0.9, -3), (0.9, 70)])
def test_a_joint_unsure_or_outside_is_exactly_zero(confidence: float, x: float, make_model: ModelMaker) -> None:
    (pose,) = YoloPose(make_model(answer("yolo", confidence, x=x))).estimate(np.zeros((64, 64, 3), np.uint8))
    assert (pose.keypoints == 0).all()


def test_nobody_above_the_threshold_is_an_empty_list(make_model: ModelMaker) -> None:
    assert YoloPose(make_model(answer("yolo", score=0.05))).estimate(np.zeros((9, 9, 3), np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (4320, 7680, 3), (40, 30), (40, 30, 1), (40, 30, 4)])
def test_every_kind_of_picture_is_read(shape: tuple[int, ...], make_model: ModelMaker) -> None:
    (pose,) = YoloPose(make_model(answer("yolo"))).estimate(np.zeros(shape, np.uint8))
    assert np.isfinite(pose.keypoints).all() and np.isfinite(pose.box).all()


def test_an_input_that_is_not_square_is_height_first(make_model: ModelMaker) -> None:
    model = YoloPose(make_model(answer("yolo"), size=(32, 64)))
    assert model.prepare(np.zeros((10, 10, 3), np.uint8)).tensor.shape == (1, 3, 32, 64)


def head_card() -> str:
    return json.dumps(
        {"format": 1, "kind": "head", "name": "h", "version": "1", "licence": "-", "trained_on": [], "window": 9,
         "rate_hz": 10, "actions": [{"name": "squat", "kind": "reps"}]}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metadata": {}}, "metadata repsight: not a RepSight model (expected a model card, found nothing)"),
        ({"metadata": {KEY: head_card()}}, "kind: another kind of model (expected pose, found head)"),
        ({"metadata": {KEY: '{"format": 7}'}}, "format: unknown format of the model card (expected 1, found 7)"),
        (
            {"input_shape": (1, 3, 32, 64)},
            "input: does not fit the model card (expected [1, 3, 64, 64], found [[1, 3, 32, 64]])",
        ),
        (
            {"widths": (32,)},
            "input: does not fit the model card (expected one of any width, because the card names (32,), "
            "found [1, 3, 64, 64])",
        ),
        (
            {"layout": "yolo-nms-free"},
            "output: does not fit layout yolo-nms-free (expected [1, 'N', 57], found [[1, 56, 3]])",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(
    changes: dict[str, Any], message: str, make_model: ModelMaker
) -> None:
    path = make_model(answer("yolo"), **changes)
    with pytest.raises(ModelError) as error:
        YoloPose(path)
    assert str(error.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"", "not a usable ONNX file"), (b"squats, 10\n", "not a usable ONNX file")],
)
def test_what_is_no_onnx_file_is_refused_in_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pose.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        YoloPose(path)


def test_the_shipped_model_finds_people_on_photographs(shared: Path) -> None:
    folder = shared / "images" / "coco_val"
    truth = json.loads((folder / "annotations.json").read_text())
    people = [a for a in truth["annotations"] if a["num_keypoints"] >= 16 and a["bbox"][3] > 250 and not a["iscrowd"]]
    files = {image["id"]: image["file_name"] for image in truth["images"]}
    model, near = YoloPose(SHIPPED, threads=1), []
    for person in people[:8]:
        poses = model.estimate(cv2.imread(str(folder / "images" / files[person["image_id"]])))
        true = np.array(person["keypoints"], float).reshape(17, 3)
        seen = true[:, 2] > 0
        side = max(person["bbox"][2:])
        distances = [np.linalg.norm(pose.keypoints[seen, :2] - true[seen, :2], axis=1) / side for pose in poses]
        near.append(min((float(np.median(d)) for d in distances), default=1.0))
    assert len(near) >= 5
    assert np.median(near) < 0.03  # half of the joints within 3 % of the person's size


def test_the_shipped_model_finds_the_person_of_the_demo_clip_standing_and_lying(root: Path) -> None:
    clip = root / "edge" / "demo.mp4"
    if not clip.is_file():
        pytest.skip("no demo clip")
    model, video = YoloPose(SHIPPED, threads=1), cv2.VideoCapture(str(clip))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    for i in range(0, frames, frames // 12):
        video.set(cv2.CAP_PROP_POS_FRAMES, i)
        poses = model.estimate(video.read()[1])
        assert poses and poses[0].score > 0.5, f"frame {i}"
        assert (poses[0].keypoints[5:, 2] > 0.3).sum() >= 8, f"frame {i}"
    video.release()


def test_the_shipped_model_is_small_int8_and_says_where_it_comes_from() -> None:
    card = YoloPose(SHIPPED, threads=1).card
    assert (card.precision, card.input, card.licence) == ("int8", (256, 256), "AGPL-3.0")
    assert "Ultralytics" in card.trained_on[0]
    assert SHIPPED.stat().st_size < 3_000_000


def test_the_shipped_model_sees_in_a_narrow_input_what_it_sees_in_the_whole_one(root: Path) -> None:
    narrow, whole = YoloPose(SHIPPED, threads=1), YoloPose(SHIPPED, threads=1)
    whole.card = whole.card.model_copy(update={"widths": ()})
    image = cv2.VideoCapture(str(root / "edge" / "demo.mp4")).read()[1]
    person = narrow.estimate(image)[0].box
    middle = round(float(person[[0, 2]].mean()))
    tall = np.ascontiguousarray(image[:, middle - image.shape[0] // 4 : middle + image.shape[0] // 4])
    assert narrow.prepare(tall).tensor.shape == (1, 3, 256, 128)
    assert whole.prepare(tall).tensor.shape == (1, 3, 256, 256)
    found, expected = narrow.estimate(tall)[0].keypoints, whole.estimate(tall)[0].keypoints
    torso = np.linalg.norm(expected[[5, 6], :2].mean(0) - expected[[11, 12], :2].mean(0))
    sure = (found[:, 2] > 0.5) & (expected[:, 2] > 0.5)
    assert sure.sum() >= 10
    assert np.median(np.linalg.norm(found[sure, :2] - expected[sure, :2], axis=1)) < 0.05 * torso
