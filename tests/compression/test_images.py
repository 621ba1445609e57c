"""Training pictures: read, labelled, varied, packed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from compression import pack
from compression.images import ABSENT, SEEN, UNKNOWN, Picture, PictureSet, jpeg, taught, training_images
from compression.views import batches, collated, moved, plain, view
from configs.tuning import Images, Pictures, Views
from keypoints import skeleton
from keypoints.errors import InputError
from tests.compression import tiny

STILL = Views(person=0, scale=(1, 1), shift=0, rotate_deg=0, turned=0, flip=0, colour=0, grey=0, blur=0, wear=0)


def read(folder: Path, tmp_path: Path, **settings: object) -> tuple[Picture, ...]:
    """The pictures of one folder."""
    source = Pictures.model_validate({"folder": str(folder), **settings})
    return training_images(Images(pictures=(source,)), tmp_path / "cache")[0].pictures


def test_a_labelled_folder_gives_its_people_in_pixels(tmp_path: Path) -> None:
    expected = tiny.figure(np.random.default_rng(0))
    (picture, *others) = read(tiny.folder(tmp_path / "set"), tmp_path)
    assert len(others) == 3
    assert_allclose(picture.boxes, expected.boxes, atol=0.01)
    assert_allclose(picture.keypoints, expected.keypoints, atol=0.01)


def test_a_large_picture_is_scaled_down_with_its_people(tmp_path: Path) -> None:
    source = Pictures(folder=str(tiny.folder(tmp_path / "set")))
    (small,) = training_images(Images(pictures=(source,), longest=48), tmp_path)
    whole = read(tiny.folder(tmp_path / "set"), tmp_path)
    assert small.pictures[0].decode().shape == (48, 48, 3)
    assert_allclose(small.pictures[0].boxes, whole[0].boxes / 2, atol=0.01)
    assert (small.pictures[0].keypoints[..., 2] == whole[0].keypoints[..., 2]).all()


def test_joints_without_label_are_unknown_where_the_plan_says_so(tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "set")
    assert (read(folder, tmp_path)[0].keypoints[0, 15:, 2] == ABSENT).all()
    assert (read(folder, tmp_path, unlabelled_joints="unknown")[0].keypoints[0, 15:, 2] == UNKNOWN).all()


def test_a_teacher_fills_unknown_joints_of_the_same_person_and_adds_the_others() -> None:
    one = tiny.figure(np.random.default_rng(1))
    labelled = one.keypoints.copy()
    labelled[0, 15:, 2] = UNKNOWN
    seen = one.keypoints.copy()
    seen[0, 15] = (7, 8, SEEN)
    seen[0, 0, :2] += 5  # where people labelled, the teacher is not asked
    other = one.boxes + 200
    boxes, points = taught(one.boxes, labelled, np.concatenate([one.boxes, other]), np.repeat(seen, 2, 0), add=True)
    assert len(boxes) == 2
    assert points[0, 15].tolist() == [7, 8, SEEN]
    assert_allclose(points[0, 0], one.keypoints[0, 0])
    assert len(taught(one.boxes, labelled, other, seen, add=False)[0]) == 1


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda folder: [p.unlink() for p in (folder / "images").iterdir()], "no pictures"),
    (lambda folder: [p.write_bytes(b"no picture") for p in (folder / "images").iterdir()], "no picture can be read"),
    (lambda folder: (folder / "labels" / "002.txt").write_text("0 0.5 0.5\n"), "002.txt: not YOLO-pose labels"),
    (lambda folder: [p.unlink() for p in (folder / "labels").iterdir()] and (folder / "labels").rmdir(), "no labels"),
])  # fmt: skip
def test_a_folder_that_nothing_can_be_learnt_from_is_one_clear_line(tmp_path: Path, spoil: object, says: str) -> None:
    folder = tiny.folder(tmp_path / "set")
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(InputError, match=says) as caught:
        read(folder, tmp_path)
    assert "\n" not in str(caught.value)


def test_one_broken_picture_is_told_and_left_out(tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "set")
    (folder / "images" / "001.jpg").write_bytes(b"no picture")
    said: list[str] = []
    (one,) = training_images(Images(pictures=(Pictures(folder=str(folder)),)), tmp_path, said.append)
    assert len(one.pictures) == 3
    assert any("001.jpg" in line for line in said)


def test_a_mirrored_view_swaps_left_and_right() -> None:
    picture = tiny.figure(np.random.default_rng(2))
    picture.keypoints[0, 16] = (30, 40, SEEN)
    (boxes, points) = moved(picture, np.array([[-1.0, 0, 96], [0, 1, 0]]), 96, flip=True)
    expected = picture.keypoints[0, list(skeleton.MIRROR)]
    seen = expected[:, 2] == SEEN
    assert_allclose(points[0, seen, 0], 96 - expected[seen, 0], atol=1e-4)
    assert points[0, 15, 2] == SEEN
    assert points[0, 16, 2] == ABSENT
    assert_allclose(boxes[0, [0, 2]], 96 - picture.boxes[0, [2, 0]], atol=1e-4)


def test_keypoints_stay_on_what_they_mark_however_a_picture_is_turned() -> None:
    """One joint marks a white dot; after any turn, scale, shift and mirror the dot is where the keypoint says."""
    image = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(image, (60, 40), 3, (255, 255, 255), -1)
    points = np.zeros((1, 17, 3), np.float32)
    points[0, skeleton.NOSE] = (60, 40, SEEN)
    picture = Picture(jpeg(image), np.array([[20, 20, 80, 80]], np.float32), points)
    views = Views(colour=0, grey=0, blur=0, wear=0, turned=0.5)
    shown = 0
    for seed in range(40):
        seen = view(picture, views, 64, np.random.default_rng(seed))
        if not len(seen.boxes) or seen.keypoints[0, 0, 2] != SEEN:
            continue
        shown += 1
        x, y = seen.keypoints[0, 0, :2]
        dark = np.where(np.abs(seen.image.astype(int) - 114).max(-1) < 12, 0, seen.image[..., 0])
        found = np.array(np.unravel_index(int(cv2.GaussianBlur(dark, (0, 0), 1.5).argmax()), (64, 64)))[::-1]
        assert np.hypot(*(found - (x, y))) < 3
        assert (seen.boxes[0, :2] <= (x, y)).all()
        assert (seen.boxes[0, 2:] >= (x, y)).all()
    assert shown > 20


def test_a_joint_that_leaves_the_view_is_absent_and_a_person_who_leaves_it_has_no_label() -> None:
    picture = tiny.figure(np.random.default_rng(3))
    middle = float(picture.boxes[0, [1, 3]].mean())
    boxes, points = moved(picture, np.array([[1.0, 0, 0], [0, 1, -middle]]), 96, flip=False)
    gone = picture.keypoints[0, :, 1] < middle
    assert (points[0, gone, 2] == ABSENT).all()
    assert boxes[0, 1] == 0
    assert not len(moved(picture, np.array([[1.0, 0, 200], [0, 1, 0]]), 96, flip=False)[0])


def test_a_view_filled_by_a_person_is_larger_than_the_picture() -> None:
    picture = tiny.figure(np.random.default_rng(4))
    filled = view(picture, STILL.model_copy(update={"person": 1.0, "margin": (1.0, 1.0)}), 64, np.random.default_rng(0))
    assert (filled.boxes[0, 2:] - filled.boxes[0, :2]).max() == pytest.approx(64, abs=1)
    whole = plain(picture, 64)
    assert_allclose(whole.boxes, picture.boxes * 64 / 96, atol=0.01)
    assert_allclose(collated([whole]).keypoints[0, 0, :2] * 96, picture.keypoints[0, 0, :2], atol=0.01)


def test_batches_depend_on_seed_and_number_alone() -> None:
    sets = [PictureSet("figures", tuple(tiny.figure(np.random.default_rng(i)) for i in range(5)))]
    settings = {"sides": (32, 64), "batch": 3, "last": 4, "seed": 1}
    whole = list(batches(sets, Views(), **settings, workers=2))  # type: ignore[arg-type]
    later = list(batches(sets, Views(), **settings, first=2))  # type: ignore[arg-type]
    for one, other in zip(whole[2:], later, strict=True):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.keypoints, other.keypoints)
    assert {one.images.shape[-1] for one in whole} == {32, 64}


def test_sets_are_drawn_from_by_weight() -> None:
    plain_image = jpeg(np.zeros((32, 32, 3), np.uint8))
    nobody = Picture(plain_image, np.zeros((0, 4), np.float32), np.zeros((0, 17, 3), np.float32))
    someone = tiny.figure(np.random.default_rng(0))
    sets = [PictureSet("often", (someone,), 3.0), PictureSet("seldom", (nobody,) * 9, 1.0)]
    (batch,) = batches(sets, STILL, sides=(32,), batch=200, last=1)
    assert 0.65 < len(batch.owner) / 200 < 0.85


def test_a_pack_gives_back_what_went_in_within_its_limit_and_is_the_same_each_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    many = PictureSet("many", tuple(tiny.figure(rng) for _ in range(12)), 1.0)
    few = PictureSet("few", tuple(tiny.figure(rng) for _ in range(3)), 2.0)
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    size = len(pack._small(many.pictures[0], 96).encoded) + 300
    packed = pack.pack([many, few], one, side=96, limit_bytes=100_000 + 8 * size, seed=3)
    pack.pack([many, few], other, side=96, limit_bytes=100_000 + 8 * size, seed=3)
    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_size <= 100_000 + 8 * size
    assert len(packed[1].pictures) == 3
    assert 3 <= len(packed[0].pictures) < 12
    again = training_images(Images(pictures=(Pictures(folder=str(one), weight=2.0),)), tmp_path)
    assert [(s.name, s.weight, len(s.pictures)) for s in again] == [
        (s.name, s.weight * 2, len(s.pictures)) for s in packed
    ]
    assert_allclose(again[1].pictures[0].keypoints, packed[1].pictures[0].keypoints)
    assert again[1].pictures[0].encoded == packed[1].pictures[0].encoded


def test_a_file_that_is_no_pack_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.npz"
    file.write_bytes(b"not a pack")
    with pytest.raises(InputError, match=r"broken\.npz: not a pack of pictures"):
        training_images(Images(pictures=(Pictures(folder=str(file)),)), tmp_path)


def test_a_leeds_set_gives_our_joints_of_its_first_thousand(tmp_path: Path) -> None:
    from scipy.io import savemat

    joints = np.random.default_rng(0).uniform(20, 70, (3, 14, 2))
    (tmp_path / "leeds" / "images").mkdir(parents=True)
    for number in range(2):
        cv2.imwrite(str(tmp_path / "leeds" / "images" / f"im{number:04}.jpg"), np.zeros((96, 96, 3), np.uint8))
    savemat(tmp_path / "leeds" / "joints.mat", {"joints": joints})
    pictures = read(tmp_path / "leeds", tmp_path, unlabelled_joints="unknown")
    assert_allclose(pictures[1].keypoints[0, skeleton.R_ANKLE, :2], joints[:2, 0, 1], atol=1e-3)
    assert_allclose(pictures[1].keypoints[0, skeleton.L_WRIST, :2], joints[:2, 11, 1], atol=1e-3)
    assert (pictures[1].keypoints[0, list(skeleton.FACE), 2] == UNKNOWN).all()
    assert (pictures[1].boxes[0, :2] < joints[:2, :, 1].min(1)).all()


def test_only_rows_of_the_provenance_table_that_are_asked_for_are_read(tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "set")
    (folder / "provenance.csv").write_text("file,split\nimages/000.jpg,train\nimages/001.jpg,test\n")
    assert len(read(folder, tmp_path, where={"split": "train"})) == 1
    with pytest.raises(InputError, match="no such column"):
        read(folder, tmp_path, where={"part": "train"})


def test_what_a_teacher_labelled_is_kept_and_not_labelled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compression import accuracy
    from keypoints.decode import Detections

    folder = tiny.folder(tmp_path / "set", labelled=False)
    (tmp_path / "teacher.pt").write_bytes(b"opened by its predictor alone")
    one = tiny.figure(np.random.default_rng(0))
    asked = []

    def predictor(model: Path, side: int) -> object:
        def predict(image: np.ndarray) -> Detections:
            asked.append(image.shape)
            confidence = np.linspace(0, 1, 17)[None, :, None]
            points = np.concatenate([one.keypoints[..., :2], confidence], -1).astype(np.float32)
            return Detections(one.boxes, np.array([0.9], np.float32), points)

        return predict

    monkeypatch.setattr(accuracy, "predictor", predictor)
    config = Images(pictures=(Pictures(folder=str(folder)),), teacher=str(tmp_path / "teacher.pt"))
    (first,) = training_images(config, tmp_path / "cache")
    (again,) = training_images(config, tmp_path / "cache")
    assert len(asked) == 4
    states = first.pictures[0].keypoints[0, :, 2]
    assert states[0] == ABSENT
    assert states[6] == UNKNOWN
    assert states[16] == SEEN
    assert_allclose(again.pictures[3].keypoints, first.pictures[3].keypoints)
