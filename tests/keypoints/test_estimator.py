"""Estimators are found by name or by the file's suffix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from keypoints import estimator
from keypoints.blazepose import BlazePose, to_pose
from keypoints.errors import InputError, MissingExtraError, ModelError
from keypoints.yolo import SHIPPED, YoloPose


def test_the_estimators_are_listed() -> None:
    assert estimator.names() == ("blazepose", "yolo")


def test_the_suffix_tells_the_estimator() -> None:
    assert isinstance(estimator.create(SHIPPED, threads=1), YoloPose)


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("model.tflite", None, "model.tflite: no pose estimator for this kind of file"),
        ("model", None, "found no suffix"),
        ("model.onnx", "yolov3", "estimator: no such pose estimator (expected blazepose, yolo, found yolov3)"),
    ],
)
def test_an_unknown_estimator_is_one_clear_line(path: str, name: str | None, message: str) -> None:
    with pytest.raises(InputError) as error:
        estimator.create(path, name)
    assert message in str(error.value)


def test_another_estimator_is_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "_FACTORIES", dict(estimator._FACTORIES))
    monkeypatch.setattr(estimator, "_SUFFIXES", dict(estimator._SUFFIXES))

    @estimator.register("nobody", ".none")
    class Nobody:
        def __init__(self, path: str | Path) -> None:
            self.path, self.input_size = Path(path), (64, 64)

    assert isinstance(estimator.create("x.none"), Nobody)
    assert "nobody" in estimator.names()


@pytest.mark.parametrize("size", [(float("nan"), 256), (0, 0), (-3, 5), (256,), "big", None])
def test_an_estimator_without_a_usable_input_size_is_one_clear_line(
    size: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Vague:
        input_size, closed = size, False

        def close(self) -> None:
            self.closed = True

    vague = Vague()
    monkeypatch.setattr(estimator, "_FACTORIES", estimator._FACTORIES | {"vague": lambda path: vague})
    with pytest.raises(ModelError) as error:
        estimator.create("x.none", "vague")
    assert "x.none: input_size: the estimator vague has no usable size (expected (height, width) px" in str(error.value)
    assert vague.closed


def test_a_missing_task_file_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such file .*get one from https://ai\.google\.dev"):
        estimator.create(tmp_path / "pose.task")


def test_without_mediapipe_the_message_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mediapipe", None)
    path = tmp_path / "pose.task"
    path.write_bytes(b"PK")
    with pytest.raises(MissingExtraError, match="needs the package mediapipe"):
        estimator.create(path)


def test_blazepose_landmarks_become_coco_keypoints_in_pixels() -> None:
    landmarks = [(i / 100, i / 50, 1.0) for i in range(33)]
    landmarks[27] = (0.5, 0.5, 0.01)  # left ankle, hardly visible
    landmarks[28] = (0.5, 1.2, 1.0)  # right ankle, below the picture
    pose = to_pose(landmarks, (200, 100), floor=0.05)
    assert pose is not None
    assert pose.keypoints[0].tolist() == [0, 0, 1]
    assert pose.keypoints[5].tolist() == pytest.approx([22, 22, 1])  # left shoulder is landmark 11
    assert (pose.keypoints[15:] == 0).all()
    assert pose.box.tolist() == pytest.approx([0, 0, 52, 52])
    assert to_pose([(0.5, 0.5, 0.0)] * 33, (200, 100), floor=0.05) is None


def test_blazepose_finds_the_person_of_a_video_where_yolo_does(shared: Path) -> None:
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    import cv2

    task = shared / "weights" / "pose_landmarker_full.task"
    if not task.is_file():
        pytest.skip(f"no {task.name}")
    video = cv2.VideoCapture(str(next(iter(sorted((shared / "clips").glob("squat_*.mp4"))))))
    yolo, blazepose = YoloPose(SHIPPED, threads=1), BlazePose(task)
    apart = []
    try:
        for _ in range(15):
            image = video.read()[1]
            known, found = yolo.estimate(image)[0], blazepose.estimate(image)[0]
            both = (known.keypoints[:, 2] > 0.5) & (found.keypoints[:, 2] > 0.5)
            distance = np.linalg.norm((known.keypoints - found.keypoints)[both, :2], axis=1)
            apart.append(np.median(distance) / (known.box[2:] - known.box[:2]).max())
    finally:
        blazepose.close()
        video.release()
    assert np.median(apart) < 0.04
