"""Labelled pictures of other sets become the layout that pose models learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from scipy.io import savemat

import cli
from data.pose.layout import import_pose
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.training.pictures import read_labels, read_pictures

WIDTH, HEIGHT = 80, 60
JOINTS = [(20 + i, 10 + 2 * i) for i in range(17)]


def picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def annotation(number: int, image: int, **more: Any) -> dict[str, Any]:
    keypoints = [v for x, y in JOINTS for v in (x, y, 2)]
    return {"id": number, "image_id": image, "category_id": 1, "bbox": [16, 6, 32, 48], "keypoints": keypoints,
            "iscrowd": 0, **more}  # fmt: skip


def coco(folder: Path, names: list[str], annotations: list[dict[str, Any]], file: str = "annotations.json") -> Path:
    images = [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names)]
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder / file


def test_coco_keypoints_are_written_as_they_are(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.png"):
        picture(tmp_path / "set" / "images" / name)
    hidden = annotation(3, 1, bbox=[60, 40, 40, 40], keypoints=[70, 50, 1, *[0, 0, 0] * 16])
    coco(tmp_path / "set", ["a.jpg", "b.jpg", "c.png"], [annotation(1, 0), annotation(2, 0, iscrowd=1), hidden])
    told: list[str] = []
    made = import_pose("coco", tmp_path / "set", tmp_path / "out", validation=0, problem=told.append)
    assert not told
    assert (made.pictures, made.people, made.joints) == ({"train": 3}, {"train": 2}, 17)
    (row,) = read_labels(tmp_path / "out" / "labels" / "train" / "a.txt")
    assert row[1:5] == pytest.approx([32 / WIDTH, 30 / HEIGHT, 32 / WIDTH, 48 / HEIGHT], abs=1e-5)
    points = row[5:].reshape(17, 3) * [WIDTH, HEIGHT, 1]
    assert points == pytest.approx(np.array([(*xy, 2) for xy in JOINTS], float), abs=1e-3)
    (other,) = read_labels(tmp_path / "out" / "labels" / "train" / "b.txt")
    assert other[1:5] == pytest.approx([0.875, 5 / 6, 0.25, 1 / 3], abs=1e-5), "the box ends with the picture"
    assert other[5:8] == pytest.approx([0.875, 5 / 6, 1], abs=1e-5) and not other[8:].any()
    assert (tmp_path / "out" / "labels" / "train" / "c.txt").read_text() == ""
    described = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert described == {"train": "images/train", "kpt_shape": [17, 3], "flip_idx": list(skeleton.MIRROR),
                         "names": {0: "person"}}  # fmt: skip


def test_what_is_wrong_in_coco_is_told_and_the_rest_is_written(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path / "set" / name)
    wrong = [
        annotation(1, 0, keypoints=[900, 10, 2, *[30, 30, 2] * 16]),
        annotation(2, 0, keypoints=[1, 2, 3]),
        annotation(3, 0, bbox=[200, 10, 20, 20], keypoints=[0] * 51),
        annotation(4, 0, bbox="all"),
        annotation(5, 1),
    ]
    source = coco(tmp_path / "set", ["a.jpg", "b.jpg", "gone.jpg"], wrong)
    told: list[str] = []
    made = import_pose("coco", source, tmp_path / "out", validation=0, problem=told.append)
    assert made.people == {"train": 2}
    expected = ["annotation 1: nose is out of the picture (expected up to 80 60, found 900 10)",
                "annotation 2: keypoints: not a person of 17 joints", "annotation 3: a box with nothing in the picture",
                "annotation 4: bbox: wrong", "gone.jpg: no such picture"]  # fmt: skip
    assert len(told) == len(expected)
    assert all(part in line for part, line in zip(expected, told, strict=True))
    (row,) = read_labels(tmp_path / "out" / "labels" / "train" / "a.txt")
    assert not row[5:8].any() and row[10] == 2


def test_the_parts_of_coco_are_told_by_the_names_of_its_files(tmp_path: Path) -> None:
    for part, name in (("train2017", "a.jpg"), ("val2017", "a.jpg")):
        picture(tmp_path / "coco" / part / name, WIDTH + (part == "val2017"))
        coco(tmp_path / "coco", [name], [annotation(1, 0)], f"annotations/person_keypoints_{part}.json")
    (tmp_path / "coco" / "annotations" / "captions_val2017.json").write_text("{}")
    made = import_pose("coco", tmp_path / "coco", tmp_path / "out", link=True)
    assert made.pictures == {"train": 1, "val": 1}
    assert (tmp_path / "out" / "images" / "val" / "a.jpg").resolve() == tmp_path / "coco" / "val2017" / "a.jpg"
    pictures = read_pictures(tmp_path / "out" / "data.yaml", 0.1, 0)
    assert len(pictures.train) == len(pictures.validation) == 1 and not pictures.held_out


def hagrid(folder: Path, points: int, name: str = "call") -> Path:
    landmarks = [[0.25 + i / 100, 0.5] for i in range(points)]
    content = {f"{name}{i}": {"bboxes": [[0.2, 0.3, 0.4, 0.5]], "labels": [name], "landmarks": [landmarks]}
               for i in range(2)}  # fmt: skip
    content[f"{name}1"]["bboxes"].append([0.6, 0.1, 0.2, 0.2])
    content[f"{name}1"]["landmarks"].append([])
    for one in content:
        picture(folder / name / f"{one}.jpg")
    (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / f"{name}.json"


def test_people_in_the_style_of_hagrid_are_of_17_joints(tmp_path: Path) -> None:
    made = import_pose("hagrid", hagrid(tmp_path / "set", 17), tmp_path / "out", validation=0.5)
    assert made.pictures == {"train": 1, "val": 1} and made.joints == 17
    rows = [read_labels(path) for path in sorted((tmp_path / "out" / "labels").rglob("*.txt"))]
    both = max(rows, key=len)
    assert both[0, 1:5] == pytest.approx([0.4, 0.55, 0.4, 0.5], abs=1e-5)
    assert both[0, 5:8] == pytest.approx([0.25, 0.5, 2], abs=1e-5)
    assert both[1, 1:3] == pytest.approx([0.7, 0.2], abs=1e-5) and not both[1, 5:].any()


def test_hands_are_written_with_their_points_and_are_no_people(tmp_path: Path) -> None:
    source = hagrid(tmp_path / "set" / "train", 21).parents[1]
    hagrid(tmp_path / "set" / "test", 21, "stop")
    result = CliRunner().invoke(
        cli.cli, ["data", "import-pose", "hagrid", str(source), "--out", str(tmp_path / "out"), "--validation", "0"]
    )
    assert result.exit_code == 0, result.output
    assert "train 2 pictures with 3 hands, test 2 pictures with 3 hands" in result.output
    assert "`train-pose` learns people of 17 joints" in result.output
    described = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert described["kpt_shape"] == [21, 3] and described["names"] == {0: "hand"}
    assert "test" in described
    with pytest.raises(InputError, match=r"kpt_shape: .*expected \[17, 3\], found \[21, 3\]"):
        read_pictures(tmp_path / "out" / "data.yaml", 0.1, 0)


def test_the_leeds_set_trains_on_its_first_thousand_and_measures_on_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "lsp"
    joints = np.zeros((3, 14, 1002), np.float32)
    joints[0], joints[1] = np.linspace(10, 50, 14)[:, None], np.linspace(50, 10, 14)[:, None]
    joints[2, 0] = 1  # the right ankle is hidden
    joints[0, 5] = -7  # the left ankle is outside
    one = picture(folder / "images" / "im0001.jpg").read_bytes()
    for number in range(2, 1003):
        (folder / "images" / f"im{number:04}.jpg").write_bytes(one)
    savemat(folder / "joints.mat", {"joints": joints})
    made = import_pose("lsp", folder, tmp_path / "out", link=True, validation=0.1)
    assert made.pictures == {"train": 900, "val": 100, "test": 2}
    (row,) = read_labels(tmp_path / "out" / "labels" / "test" / "im1001.txt")
    state = row[5:].reshape(17, 3)[:, 2]
    assert state[skeleton.R_ANKLE] == 1 and state[skeleton.L_ANKLE] == 0 and state[skeleton.R_KNEE] == 2
    assert not state[list(skeleton.FACE)].any()


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("coco", None, "no such file or folder"),
        ("coco", "{", "can't be read"),
        ("coco", "[]", "not COCO annotations (expected an object with the lists images and annotations)"),
        ("coco", '{"images": [], "annotations": []}', "no labelled pictures"),
        ("hagrid", '{"a": {}}', "not in the style of HaGRID"),
        ("hagrid", '{"a": {"bboxes": []}}', "landmarks of no one kind (expected 21 (hands), or 17, 18, 33, 25, 20"),
    ],
)
def test_another_source_is_one_line(kind: str, content: str | None, message: str, tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    if content is not None:
        source.write_text(content)
    result = CliRunner().invoke(cli.cli, ["data", "import-pose", kind, str(source), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    (line,) = result.output.strip().splitlines()
    assert message in line and str(source) in line
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    picture(tmp_path / "set" / "a.jpg")
    source = coco(tmp_path / "set", ["a.jpg"], [annotation(1, 0)])
    with pytest.raises(InputError, match="is there already"):
        import_pose("coco", source, tmp_path / "set")
    with pytest.raises(InputError, match=r"no COCO keypoints \(expected annotations\.json"):
        import_pose("coco", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        import_pose("coco", source, tmp_path / "out", images=tmp_path / "nowhere")
