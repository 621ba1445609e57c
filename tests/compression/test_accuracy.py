"""What is said of a pose model's accuracy is what it sees."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from compression.accuracy import Labelled, labelled, pck, pose_accuracy, predictor
from keypoints.decode import Detections
from keypoints.errors import InputError


def shifted(predict: Callable[[Any], Detections], by: float) -> Callable[[Any], Detections]:
    """The same people, their joints moved to the right, px."""

    def moved(image: Any) -> Detections:
        found = predict(image)
        return found._replace(keypoints=found.keypoints + np.array([by, 0, 0], np.float32))

    return moved


def nobody(image: Any) -> Detections:
    return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 17, 3), np.float32))


def test_a_model_that_sees_all_is_perfect_and_one_that_is_off_is_not(people_file: Path, coco_folder: Path) -> None:
    predict = predictor(people_file)
    found = pose_accuracy(predict, coco_folder)
    assert (found.images, found.people) == (10, 10)
    assert found.ap == pytest.approx(1.0)
    off = pose_accuracy(shifted(predict, 40), coco_folder)
    assert off.ap < 0.9
    assert off.crop_recall < 0.9
    assert pose_accuracy(nobody, coco_folder).as_metrics() == {"ap": 0, "crop_recall": 0, "images": 10, "people": 10}


def test_a_limit_takes_the_first_pictures_and_their_people_alone(people_file: Path, coco_folder: Path) -> None:
    found = pose_accuracy(predictor(people_file), coco_folder, limit=3)
    assert (found.images, found.people) == (3, 3)
    assert found.ap == pytest.approx(1.0)


def test_the_figures_are_those_of_the_yardstick(
    coco_folder: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (shared / "tools" / "pose_score.py").is_file():
        pytest.skip("no pose_score.py")
    monkeypatch.syspath_prepend(str(shared / "tools"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from pose_score import score  # type: ignore[import-not-found]

    content = json.loads((coco_folder / "annotations.json").read_text())
    points = np.array(content["annotations"][0]["keypoints"]).reshape(17, 3)
    first = points[0, :2] - 2 * np.array([-24, -30])  # the centre of the first person

    def finds_white(image: Any) -> Detections:
        """Each person further off, the lighter the grey behind."""
        rows, columns = np.nonzero(image[..., 0] > 200)
        centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        joints = points[None] + np.array([*(centre - first + image[0, 0, 0] / 4.0), 0])
        box = np.concatenate([centre - 80, centre + 80])[None]
        return Detections(box.astype(np.float32), np.ones(1, np.float32), joints.astype(np.float32))

    expected, found = score(finds_white, coco_folder), pose_accuracy(finds_white, coco_folder)
    assert 0 < expected["crop_recall"] < 1
    assert found.ap == pytest.approx(expected["ap"])
    assert found.crop_recall == pytest.approx(expected["crop_recall"])
    assert found.people == expected["crops"]


@pytest.mark.parametrize(("off", "share"), [(0, 1.0), (0.19, 1.0), (0.21, 0.0)])
def test_pck_counts_joints_within_a_fifth_of_the_torso(
    off: float, share: float, people_file: Path, person_picture: Callable[[int], Any]
) -> None:
    image, points, _ = person_picture(5)
    box = np.float32([0, 0, *image.shape[1::-1]])  # the crop is the picture, at the only size that this model knows
    torso = max(np.linalg.norm(points[5, :2] - points[12, :2]), np.linalg.norm(points[6, :2] - points[11, :2]))
    points[:, 2] = 2
    pictures = [Labelled(image, points.astype(np.float32), box, action) for action in ("squat", "plank")]
    found = pck(shifted(predictor(people_file), float(off * torso)), pictures)
    assert found.share == share
    assert (found.frames, found.joints, found.actions) == (2, 34, {"plank": share, "squat": share})


def test_pck_looks_at_a_crop_around_the_person() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    points = np.column_stack([np.linspace(310, 390, 17), np.linspace(110, 190, 17), np.full(17, 2)]).astype(np.float32)
    box = np.float32([300, 100, 400, 200])

    def knows(cropped: Any) -> Detections:
        assert cropped.shape == (140, 140, 3)
        corner = np.float32([280, 80])
        return Detections((box - np.tile(corner, 2))[None], np.ones(1, np.float32), (points - [*corner, 0])[None])

    assert pck(knows, [Labelled(image, points, box)]).share == 1.0


def test_pck_leaves_out_joints_that_are_not_to_be_seen_and_counts_people_who_are_not_found(
    people_file: Path, person_picture: Callable[[int], Any]
) -> None:
    image, points, box = person_picture(5)
    points[:, 2] = [0, 0, 0, 1, 1, *[2] * 12]
    picture = Labelled(image, points.astype(np.float32), box)
    assert (pck(predictor(people_file), [picture]).joints, pck(nobody, [picture]).share) == (12, 0.0)
    points[[5, 6]] = 0
    assert pck(nobody, [Labelled(image, points, box)]).frames == 0


def test_labelled_pictures_are_read_with_their_actions(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "000000-squat.jpg"), np.zeros((50, 100, 3), np.uint8))
    text = " ".join(["0", "0.5", "0.5", "0.2", "0.4", *["0.25 0.5 2"] * 16, "0 0 0"])
    (tmp_path / "labels" / "000000-squat.txt").write_text(text)
    picture = next(iter(labelled(tmp_path)))
    assert picture.action == "squat"
    assert picture.box.tolist() == pytest.approx([40, 15, 60, 35])
    assert picture.keypoints[0].tolist() == [25, 25, 2]
    assert picture.keypoints[16].tolist() == [0, 0, 0]
    (tmp_path / "labels" / "000000-squat.txt").write_text("0 1 2")
    with pytest.raises(InputError, match="not a YOLO-pose label"):
        list(labelled(tmp_path))
    with pytest.raises(InputError, match="no labelled pictures"):
        list(labelled(tmp_path / "images"))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "can't be read"), ("nothing", "not COCO annotations"), ('{"images": []}', "not COCO annotations"),
     ('{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}', "no such picture")],
)  # fmt: skip
def test_a_folder_that_is_none_is_one_clear_line(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "annotations.json").write_text(content)
    with pytest.raises(InputError, match=message):
        pose_accuracy(nobody, tmp_path)


def test_a_model_of_another_size_and_a_file_of_another_kind_are_refused(people_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"takes another size \(expected \(64, 64\), found \(320, 320\)\)"):
        predictor(people_file, 64)
    with pytest.raises(InputError, match="not a pose model"):
        predictor(tmp_path / "model.xyz")
