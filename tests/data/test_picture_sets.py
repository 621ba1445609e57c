"""Sets of videos and pictures go through stage 1; their labels come from a manifest, from folders, or from a table."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from configs.loader import load_actions
from data.formats.registry import recognise
from data.formats.videos import hmdb_splits
from data.sets import Options, read
from keypoints.errors import InputError
from keypoints.labels import Labelled
from keypoints.video import Video

ACTIONS = load_actions()
DEMO = Path(__file__).parents[2] / "edge" / "demo.mp4"
HEADER = "file,source_repo,segments,reps_total,exercise,duration_s\n"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames of a person at 10 a second."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    with Video(DEMO) as demo:
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, demo.size)
        for _, frame in zip(range(10), demo, strict=False):
            writer.write(frame.image)
    writer.release()
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


def all_of(path: Path, cache: Path, labels_only: bool = False) -> tuple[list[Labelled], list[str]]:
    told: list[str] = []
    options = Options(problem=told.append, cache=cache, labels_only=labels_only)
    return list(read(path, ACTIONS, options)), told


def row(file: str, segments: object, reps: object = 2, exercise: str = "squat", source: str = "anna/gym") -> str:
    quoted = '"' + json.dumps(segments).replace('"', '""') + '"'
    return f"{file},{source},{quoted},{reps},{exercise},1.0\n"


def test_clips_have_the_labels_of_the_manifest_frame_by_frame(clip: Path, cache: Path, tmp_path: Path) -> None:
    for name in ("a.avi", "b.avi"):
        (tmp_path / name).write_bytes(clip.read_bytes())
    rows = [row("a.avi", [["standing", 0, 0.3], ["squat", 0.5, 1]]), row("b.avi", [["burpee", 0, 1]], 0, "other")]
    (tmp_path / "manifest.csv").write_text(HEADER + "".join(rows))
    (one, other), told = all_of(tmp_path, cache)
    assert not told
    assert (one.name, one.exercise, one.reps, one.duration_s, one.group) == ("a", "squat", 2, 1.0, "anna/gym")
    assert [(s.action, s.start_s, s.end_s) for s in one.segments or ()] == [("standing", 0, 0.3), ("squat", 0.5, 1)]
    assert one.sequence.action == ("stand",) * 3 + ("other",) * 2 + ("squat",) * 5, "nothing is said of the gap"
    assert one.sequence.keypoints.any((1, 2)).all()
    assert other.mixed and not one.mixed


def test_a_bad_row_is_one_line_and_the_others_are_read(clip: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "good.avi").write_bytes(clip.read_bytes())
    (tmp_path / "broken.avi").write_bytes(clip.read_bytes()[:40])
    (tmp_path / "more.avi").write_bytes(clip.read_bytes())
    whole = [["squat", 0, 1]]
    rows = [
        row("good.avi", whole),
        row("missing.avi", whole),
        row("more.avi", [["squat", 1, 0]]),
        row("more.avi", ["squat"]),
        row("more.avi", whole, reps="many"),
        row("more.avi", whole, reps="-6"),
        row("good.avi", whole, exercise="plank"),
        row("broken.avi", whole),
    ]
    (tmp_path / "manifest.csv").write_text(HEADER + "".join(rows))
    found, told = all_of(tmp_path, cache)
    assert [one.name for one in found] == ["good"]
    expected = [
        "line 3: names a file that is missing", "line 4: segments: wrong (expected segments that end after",
        "line 5: segments: wrong",
        "line 6: reps_total: wrong", "line 7: reps_total: wrong (expected 0 or more",
        "line 8: good.avi is labelled twice (squat and plank); the first is taken",
        "broken.avi: no",
    ]  # fmt: skip
    assert len(told) == len(expected)
    for line, part in zip(told, expected, strict=True):
        assert part in line and "\n" not in line


def test_folders_of_videos_are_classes_and_a_film_is_the_source_of_its_clips(
    clip: Path, cache: Path, tmp_path: Path
) -> None:
    names = {
        "pushup": ["Big_Film_pushup_f_cm_np1_le_med_0.avi", "Big_Film_pushup_f_nm_np1_ri_goo_12.avi", "own.avi"],
        "stand": ["Big_Film_stand_u_cm_np2_fr_bad_1.avi"],
    }
    for label, files in names.items():
        (tmp_path / label).mkdir()
        for file in files:
            (tmp_path / label / file).write_bytes(clip.read_bytes())
    (tmp_path / "pushup" / "broken.avi").write_bytes(b"nothing")
    assert recognise(tmp_path).name == "videos"
    found, told = all_of(tmp_path, cache)
    assert len(told) == 1 and "broken.avi" in told[0]
    film = f"{tmp_path.name}/Big_Film"
    assert [(one.exercise, one.sequence.action, one.group) for one in found] == [
        ("pushup", "push_up", film), ("pushup", "push_up", film), ("pushup", "push_up", f"{tmp_path.name}/pushup/own"),
        ("stand_up", "other", film),
    ]  # fmt: skip
    assert found[0].name == "pushup/Big_Film_pushup_f_cm_np1_le_med_0"


def test_labels_alone_are_read_without_stage_1(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "squat").mkdir()
    (tmp_path / "squat" / "a.avi").write_bytes(clip.read_bytes())
    ((one,), _) = all_of(tmp_path, tmp_path / "kept", labels_only=True)
    assert one.exercise == "squat" and one.seconds == pytest.approx(1.0)
    assert not one.sequence.keypoints.any() and not (tmp_path / "kept").exists()


def test_published_splits_are_read_beside_the_classes(tmp_path: Path) -> None:
    folder = tmp_path / "testTrainMulti_7030_splits"
    folder.mkdir()
    (folder / "pushup_test_split1.txt").write_text("a.avi 1 \nb.avi 2 \nc.avi 0 \n")
    (folder / "situp_test_split1.txt").write_text("d (1).avi 2\n")
    assert hmdb_splits(tmp_path) == {1: {"a.avi": "train", "b.avi": "test", "d (1).avi": "test"}}
    (folder / "situp_test_split2.txt").write_text("d.avi 3\n")
    with pytest.raises(InputError, match="line 1: wrong"):
        hmdb_splits(tmp_path)


def person() -> np.ndarray:
    with Video(DEMO) as demo:
        return np.asarray(next(iter(demo)).image)


def test_a_labelled_picture_is_a_pose_that_is_held(cache: Path, tmp_path: Path) -> None:
    for label in ("squat", "plank"):
        (tmp_path / "train" / label).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "train" / "squat" / "one.png"), person())
    cv2.imwrite(str(tmp_path / "train" / "plank" / "nobody.jpg"), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "train" / "plank" / "broken.jpg").write_bytes(b"nothing")
    assert recognise(tmp_path).name == "images"
    ((one,), told) = all_of(tmp_path, cache)
    assert (one.name, one.exercise, one.reps) == ("train/squat/one", "squat", 0)
    assert one.sequence.keypoints.any() and (one.sequence.keypoints == one.sequence.keypoints[0]).all()
    assert one.seconds == 1.0
    assert len(told) == 2 and "broken.jpg: not a picture" in told[0] and "nobody is found" in told[1]


def test_a_saved_hugging_face_set_is_read_by_its_columns(cache: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face sets are read with the extra [hub]")
    image = person()[..., ::-1]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["squat", "plank"])})
    rows = datasets.Dataset.from_dict({"image": [image, image * 0], "label": [0, 1]}, features=features)
    datasets.DatasetDict({"train": rows}).save_to_disk(str(tmp_path / "saved"))
    rows.to_parquet(str(tmp_path / "hub" / "data" / "train-00000.parquet"))
    for folder in ("saved", "hub"):
        ((one,), told) = all_of(tmp_path / folder, cache)
        assert (one.name, one.exercise) == ("squat/000000", "squat")
        assert len(told) == 1 and "row 1: nobody is found" in told[0]


def test_a_hugging_face_set_without_its_package_is_one_line(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    (tmp_path / "dataset_info.json").write_text("{}")
    with pytest.raises(InputError, match="needs the package datasets; pip install datasets"):
        all_of(tmp_path, cache)


def test_a_shared_clip_is_read_with_its_row(shared: Path, cache: Path, tmp_path: Path) -> None:
    lines = (shared / "clips" / "manifest.csv").read_text().splitlines()
    name = "jumping_jack_04_kaiakol.mp4"
    (tmp_path / "manifest.csv").write_text("\n".join([lines[0], *(line for line in lines if line.startswith(name))]))
    (tmp_path / name).write_bytes((shared / "clips" / name).read_bytes())
    ((one,), told) = all_of(tmp_path, cache)
    assert not told
    assert one.exercise == "jumping_jack" and one.sequence.actions == ("jumping_jack",) * len(one.sequence)
    assert one.reps is not None and one.reps > 0 and one.sequence.source == "kaiakol/computervision"
