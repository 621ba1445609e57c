"""Every format becomes the same sequences, and what is wrong with a set is one clear line while the rest is read."""

from __future__ import annotations

import csv
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.loader import load_actions
from data.formats import pyskl
from data.formats.joints import to_coco
from data.formats.registry import formats, recognise
from data.sets import Options, read
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.labels import Labelled
from keypoints.types import KeypointSequence

ACTIONS = load_actions()


def body(frames: int = 30, joints: int = 17, channels: int = 3) -> np.ndarray:
    """Joints in px that are told apart: joint j at (10 + 10 j, 20 + 15 j + frame), all sure."""
    array = np.ones((frames, joints, channels))
    array[..., 0] = 10 + 10 * np.arange(joints)
    array[..., 1] = 20 + 15 * np.arange(joints) + np.arange(frames)[:, None]
    return array


def sequence(action: str | tuple[str, ...] | None = "squat", frames: int = 30, **fields: Any) -> KeypointSequence:
    return KeypointSequence(body(frames).astype(np.float32), np.arange(frames) / 25, (640, 480), action, **fields)


def all_of(path: Path, **options: Any) -> tuple[list[Labelled], list[str]]:
    """Everything that is read of a set, and what is told."""
    told: list[str] = []
    found = list(read(path, ACTIONS, Options(problem=told.append, cache=None, **options)))
    return found, told


def write_packed(folder: Path) -> None:
    np.savez(folder / "many.npz", **{"a/one": body(), "two": body(20)})
    (folder / "index.csv").write_text("key,action,subject,fps\na/one,pushup,anna,25\ntwo,squats,,10\n")


def write_repcount(folder: Path) -> None:
    sequence("jump_jack", reps_s=np.array([[0.0, 0.5], [0.5, 1.0]])).save(folder / "stu1.npz")
    (folder / "index.csv").write_text("name,action,frames,reps\nstu1,jump_jack,30,2\nstu2,squat,30,1\n")


def write_penn(folder: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io", reason="label files are read with the extra [train]")
    (folder / "labels").mkdir()
    joints = body(joints=13)
    scipy_io.savemat(folder / "labels" / "0001.mat", {
        "action": ["pullup"], "x": joints[..., 0], "y": joints[..., 1], "visibility": np.ones((30, 13)),
        "dimensions": [[480, 640, 30]],
    })  # fmt: skip


def write_npy(joints: int, channels: int = 3, scale: float = 1.0) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "bicep").mkdir()
        array = body(joints=joints, channels=channels) * scale
        array[..., 2] = np.where(scale == 1, 1, 2.5)
        np.save(folder / "bicep" / "bicep_bad_1.npy", array)
        np.save(folder / "sample_shoulder_press.npy", array)

    return write


def write_pickle(folder: Path) -> None:
    pyskl.write([Labelled.of("one", sequence())], folder / "set.pkl")


@pytest.mark.parametrize(
    ("name", "write", "labels"),
    [
        ("sequences", lambda folder: sequence().save(folder / "one.npz"), [("squat", "squat")]),
        ("repcount", write_repcount, [("jump_jack", "jumping_jack")]),
        ("coco17", write_packed, [("pushup", "push_up"), ("squats", "squat")]),
        ("penn_action", write_penn, [("pullup", "pull_up")]),
        ("openpose", write_npy(18), [("bicep", "biceps_curl"), ("shoulder_press", "shoulder_press")]),
        ("blazepose", write_npy(33, 4), [("bicep", "biceps_curl"), ("shoulder_press", "shoulder_press")]),
        ("kinect", write_npy(25, 3, 0.001), [("bicep", "biceps_curl"), ("shoulder_press", "shoulder_press")]),
        ("kinect", write_npy(20, 3, 0.001), [("bicep", "biceps_curl"), ("shoulder_press", "shoulder_press")]),
        ("pyskl", write_pickle, [("squat", "squat")]),
    ],
)
def test_a_set_is_recognised_by_looking_and_read_with_its_own_words_and_our_actions(
    name: str, write: Callable[[Path], None], labels: list[tuple[str, str]], tmp_path: Path
) -> None:
    write(tmp_path)
    assert recognise(tmp_path).name == name
    found, _ = all_of(tmp_path)
    assert [(one.exercise, one.sequence.action) for one in found] == labels
    for one in found:
        assert one.segments is not None and one.segments[0].action == one.exercise
        assert one.sequence.subject or one.sequence.source or name in ("sequences", "pyskl")
        assert (one.sequence.keypoints[:, skeleton.L_HIP, 2] > 0).all()


def test_what_a_table_says_of_packed_arrays_is_kept(tmp_path: Path) -> None:
    write_packed(tmp_path)
    one, two = all_of(tmp_path)[0]
    assert one.sequence.subject == "anna"
    assert np.diff(one.sequence.time_s)[0] == pytest.approx(1 / 25)
    assert np.diff(two.sequence.time_s)[0] == pytest.approx(1 / 10)


def test_recordings_without_a_label_have_none_or_the_one_that_the_user_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", one=body())
    ((one,), _) = all_of(tmp_path)
    assert one.exercise is None and one.sequence.action is None
    ((one,), _) = all_of(tmp_path, label="push-up")
    assert one.exercise == "push-up" and one.sequence.action == "push_up"


def test_labels_a_frame_become_segments(tmp_path: Path) -> None:
    sequence(("stand",) * 10 + ("squat",) * 20).save(tmp_path / "one.npz")
    ((one,), _) = all_of(tmp_path)
    assert one.exercise is None
    assert [(s.action, s.start_s) for s in one.segments or ()] == [("stand", 0.0), ("squat", 0.4)]


def test_openpose_and_blazepose_joints_land_on_their_coco_places() -> None:
    openpose, _ = to_coco(body(2, 18))
    left_wrist, right_ankle = 7, 10  # in OpenPose's order
    assert openpose[0, skeleton.L_WRIST, 0] == 10 + 10 * left_wrist
    assert openpose[0, skeleton.R_ANKLE, 0] == 10 + 10 * right_ankle
    blazepose, _ = to_coco(body(2, 33, 4))
    assert blazepose[0, skeleton.L_KNEE, 0] == 10 + 10 * 25


def test_shares_of_a_picture_become_pixels_of_its_size() -> None:
    shares = np.full((3, 33, 4), 0.5)
    pixels, size = to_coco(shares, (640, 480))
    assert size == (640, 480)
    assert pixels[0, skeleton.NOSE].tolist() == [320, 240, 0.5]


@pytest.mark.parametrize(("joints", "size"), [(25, (512, 424)), (20, (640, 480))])
def test_kinect_joints_are_seen_by_its_camera_unmirrored_and_upright(joints: int, size: tuple[int, int]) -> None:
    metres = np.zeros((2, joints, 3))
    metres[:] = [0, 0, 3]
    metres[:, 3] = [0, 0.7, 3]  # the head, above the middle
    metres[:, 4], metres[:, 8] = [-0.2, 0.5, 3], [0.2, 0.5, 3]  # somebody who faces it: x grows to the sensor's left
    metres[:, 5] = 0  # not tracked
    coco, found = to_coco(metres)
    assert found == size
    assert coco[0, skeleton.L_HIP].tolist() == [size[0] / 2, size[1] / 2, 1]
    assert coco[0, skeleton.NOSE, 1] < coco[0, skeleton.L_SHOULDER, 1] < coco[0, skeleton.L_HIP, 1]
    assert coco[0, skeleton.L_SHOULDER, 0] > coco[0, skeleton.R_SHOULDER, 0], "as in a picture of them"
    assert coco[0, skeleton.L_ELBOW].tolist() == [0, 0, 0]


def test_joints_that_are_not_numbers_are_missing_ones(tmp_path: Path) -> None:
    array = body(joints=18)
    array[:, 9] = np.nan
    np.save(tmp_path / "squat.npy", array)
    ((one,), _) = all_of(tmp_path)
    assert (one.sequence.keypoints[:, skeleton.R_KNEE] == 0).all()
    assert (one.sequence.keypoints[:, skeleton.L_KNEE, 2] > 0).all()


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def shuffled(file: Path) -> None:
    times = np.arange(30) / 25
    times[[3, 9]] = times[[9, 3]]
    np.savez(file, keypoints=body(), time_s=times, size=[640, 480], action="squat")


def with_nan(file: Path) -> None:
    np.savez(file, keypoints=np.full((30, 17, 3), np.nan), time_s=np.arange(30) / 25, size=[640, 480], action="squat")


def with_reps(reps_s: list[list[float]]) -> Callable[[Path], None]:
    return lambda file: np.savez(file, keypoints=body(), time_s=np.arange(30) / 25, size=[640, 480], action="squat",
                                 reps_s=reps_s)  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (truncated, "not a keypoint sequence"),
        (shuffled, "time_s: not increasing"),
        (with_nan, "keypoints: not finite"),
        (lambda file: sequence(frames=1).save(file), "found a single frame"),
        (with_reps([[2.0, 1.0]]), "reps_s: ends before it starts"),
        (with_reps([[0.1, np.nan]]), "reps_s: not finite"),
        (with_reps([[1000.0, 1001.0]]), "reps_s: after the recording's end"),
        (lambda file: file.write_bytes(b""), "not a keypoint sequence"),
        (lambda file: np.savez(file, keypoints=np.zeros((0, 17, 3)), time_s=[], size=[1, 1]), "the sequence is empty"),
        (lambda file: np.savez(file, keypoints=np.zeros((3, 17, 3)), time_s=range(3), size=[1, 1]), "no joint is seen"),
    ],
)  # fmt: skip
def test_a_bad_sequence_is_one_line_and_the_others_are_read(
    damage: Callable[[Path], None], line: str, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        sequence().save(tmp_path / f"{name}.npz")
    damage(tmp_path / "b.npz")
    found, told = all_of(tmp_path)
    assert [one.name for one in found] == ["a", "c"]
    assert len(told) == 1 and line in told[0] and "b.npz" in told[0] and "\n" not in told[0]


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.full((30, 18, 3), np.nan), "no joint is seen"),
        (body(1, 18), "a single frame"),
        (body(0, 18), "no frame"),
        (body(30, 21), "wrong shape"),
        (None, "not an array, or cut off"),
    ],
)
def test_a_bad_array_is_one_line_and_the_others_are_read(array: np.ndarray | None, line: str, tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", body(joints=18))
    np.save(tmp_path / "odd.npy", body(joints=18) if array is None else array)
    if array is None:
        truncated(tmp_path / "odd.npy")
    found, told = all_of(tmp_path)
    assert [one.name for one in found] == ["good"]
    assert len(told) == 1 and line in told[0] and "odd.npy" in told[0]


def test_one_damaged_array_of_many_is_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", one=body(), two=np.full((9, 17, 3), np.nan), three=np.array(["text"]))
    found, told = all_of(tmp_path)
    assert [one.name for one in found] == ["one"]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("file,reps_total\na.mp4,1\n", r"manifest\.csv: not a clip manifest .*found no segments, exercise"),
        ("file,segments,reps_total,exercise\n", r"manifest\.csv: has no rows below its header"),
        ("file,segments,reps_total,exercise\n" + "a.mp4,[],1,squat\n" * 3, "nothing is left of 3 recordings, such as"),
    ],
)
def test_a_manifest_that_is_none_says_what_it_lacks(table: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(table)
    with pytest.raises(InputError, match=line):
        all_of(tmp_path)


def test_a_table_that_disagrees_with_its_files_is_told(tmp_path: Path) -> None:
    write_repcount(tmp_path)
    assert all_of(tmp_path)[1] == [f"left out: {tmp_path / 'index.csv'}: names a file that is missing: stu2.npz"]
    (tmp_path / "index.csv").write_text("name,action,frames,reps\nstu1,jump_jack,30,3\n")
    found, (line,) = all_of(tmp_path)
    assert "says jump_jack with 3 reps" in line and found[0].reps == 2


def test_a_set_of_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a\.npz: not a keypoint sequence"):
        all_of(tmp_path)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"a\.npy: not an array, or cut off"):
        all_of(tmp_path)


def test_an_unknown_and_an_unclear_folder_name_the_formats(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        recognise(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no sequences in a format that is known") as caught:
        recognise(tmp_path)
    assert all(one.name in str(caught.value) for one in formats())
    np.save(tmp_path / "a.npy", body(joints=18))
    sequence().save(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"looks like .*sequences.* and .*openpose.*--format"):
        recognise(tmp_path)
    assert recognise(tmp_path, "openpose").name == "openpose"
    with pytest.raises(InputError, match="no such format"):
        recognise(tmp_path, "openpos")


def test_the_skeleton_pickle_keeps_everything_both_ways(tmp_path: Path) -> None:
    single = sequence("squat", reps_s=np.array([[0.1, 0.9]]), subject="anna", source="here")
    mixed = sequence(("stand",) * 12 + ("squat",) * 18)
    written = [Labelled.of("one", single), Labelled.of("two", mixed)]
    assert pyskl.write(written, tmp_path / "set.pkl", {"train": ["one"], "val": ["two"]}) == ("squat",)
    content = pickle.loads((tmp_path / "set.pkl").read_bytes())
    assert content["split"] == {"train": ["one"], "val": ["two"]}
    annotation = content["annotations"][0]
    assert annotation["keypoint"].shape == (1, 30, 17, 2) and annotation["keypoint_score"].shape == (1, 30, 17)
    assert annotation["img_shape"] == (480, 640) and annotation["total_frames"] == 30 and annotation["label"] == 0
    for one, before in zip(all_of(tmp_path)[0], written, strict=True):
        assert (one.name, one.exercise, one.reps, one.segments) == (
            before.name, before.exercise, before.reps, before.segments
        )  # fmt: skip
        assert one.sequence.keypoints == pytest.approx(before.sequence.keypoints)
        for name in ("time_s", "size", "action", "reps_s", "subject"):
            left, right = getattr(one.sequence, name), getattr(before.sequence, name)
            assert np.array_equal(left, right) or (name == "subject" and right is None)
    with pytest.raises(InputError, match=r"split train: names what is not there"):
        pyskl.write(written, tmp_path / "set.pkl", {"train": ["three"]})


def annotation(label: object = 1, persons: int = 1, **changes: Any) -> dict[str, Any]:
    joints = np.repeat(body(20)[None], persons, 0)
    return {
        "frame_dir": "v1", "label": label, "total_frames": 20, "img_shape": (480, 640),
        "keypoint": joints[..., :2].astype(np.float16), "keypoint_score": joints[..., 2].astype(np.float16),
    } | changes  # fmt: skip


def test_pickles_of_others_are_read_by_their_label_map_and_the_person_seen_best(tmp_path: Path) -> None:
    two = annotation(persons=2)
    two["keypoint_score"][0] *= 0.4
    two["keypoint"][1] += 100
    (tmp_path / "label_map.txt").write_text("squat\npush up\n")
    (tmp_path / "hmdb.pkl").write_bytes(pickle.dumps({"split": {}, "annotations": [two]}, protocol=2))
    ((one,), _) = all_of(tmp_path)
    assert (one.exercise, one.sequence.action, one.sequence.size) == ("push up", "push_up", (640, 480))
    assert one.sequence.keypoints[0, 0, 0] == pytest.approx(110, abs=0.2)


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (annotation(label=7), "label: unknown label"),
        (
            annotation(keypoint=np.zeros((1, 20, 5, 2)), keypoint_score=np.zeros((1, 20, 5))),
            "joints of no known skeleton",
        ),
        (annotation(keypoint=np.zeros((1, 9, 17, 2))), "a field does not fit"),
        ({"frame_dir": "v1", "label": 0}, "keypoint: missing"),
        ("text", "not a dictionary"),
        (annotation(frame_dir="v0"), "v0: is there twice"),
    ],
)
def test_a_bad_annotation_is_one_line_and_the_others_are_read(bad: object, line: str, tmp_path: Path) -> None:
    content = {"annotations": [annotation(0, frame_dir="v0"), bad], "classes": ["squat", "plank"]}
    (tmp_path / "set.pkl").write_bytes(pickle.dumps(content))
    found, told = all_of(tmp_path)
    assert [one.name for one in found] == ["v0"]
    assert len(told) == 1 and line in told[0]


class Malicious:
    """Would make a file when unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("where", ["value", "object array"])
def test_a_malicious_pickle_is_refused_and_does_nothing(where: str, tmp_path: Path) -> None:
    trap: Any = Malicious(tmp_path / "trapped")
    label = trap if where == "value" else np.array([trap], object)
    (tmp_path / "set.pkl").write_bytes(pickle.dumps({"annotations": [annotation(label)]}))
    with pytest.raises(InputError, match=r"set\.pkl: asks for something other than arrays .* refused") as caught:
        all_of(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", pickle.dumps({"annotations": [annotation()]})[:-80], pickle.dumps(3)]
)
def test_a_file_that_is_no_skeleton_pickle_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "set.pkl").write_bytes(content)
    with pytest.raises(InputError, match=r"set\.pkl: .*not a (skeleton )?pickle"):
        all_of(tmp_path)


def test_shared_sets_are_read_as_their_descriptions_say(shared: Path, tmp_path: Path) -> None:
    sets = shared / "keypoints"
    repcount = tmp_path / "repcount"
    repcount.mkdir()
    names = [file.stem for file in sorted((sets / "repcount_pose").glob("*.npz"))[:4]]
    for name in names:
        shutil.copy(sets / "repcount_pose" / f"{name}.npz", repcount)
    with (sets / "repcount_pose" / "index.csv").open() as text:
        table = [line for line in csv.reader(text) if line[0] in ("name", *names)]
    (repcount / "index.csv").write_text("\n".join(",".join(line) for line in table))
    found, told = all_of(repcount)
    assert [one.reps for one in found] == [int(line[3]) for line in table[1:]] and not told

    openpose = tmp_path / "openpose" / "bicep"
    openpose.mkdir(parents=True)
    shutil.copy(sets / "pose_trainer_openpose/poses_compressed/bicep/bicep_good_1.npy", openpose)
    ((curl,), _) = all_of(tmp_path / "openpose")
    assert curl.sequence.action == "biceps_curl"
    seen = curl.sequence.keypoints[curl.sequence.keypoints[:, skeleton.R_HIP, 2] > 0][0]
    assert seen[skeleton.NOSE, 1] < seen[skeleton.R_SHOULDER, 1] < seen[skeleton.R_HIP, 1]

    with np.load(sets / "pushfit_movenet17" / "pushfit_movenet.npz") as arrays:
        np.savez(tmp_path / "few.npz", **{name: arrays[name] for name in arrays.files[:3]})
    found, _ = all_of(tmp_path / "few.npz", label="pushup")
    assert [one.sequence.action for one in found] == ["push_up"] * 3


def test_labels_as_json_in_a_manifest_are_checked(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("file,segments,reps_total,exercise\nnone.mp4,[],1,squat\n")
    with pytest.raises(InputError, match=r"line 2: names a file that is missing .*none\.mp4"):
        all_of(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,segments\nnone.mp4,[]\n")
    with pytest.raises(InputError, match="not a clip manifest"):
        all_of(tmp_path)
