"""Videos with a table of segments, or in a folder for each class, become a head for the classes that they show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from classifier.head import OnnxHead
from classifier.reader import ActionReader
from configs.loader import load_actions
from data import own_classes
from data.formats.registry import recognise
from data.sets import Options, read
from keypoints.errors import InputError
from keypoints.labels import Labelled
from keypoints.types import KeypointSequence
from keypoints.video import Video

DEMO = Path(__file__).parents[2] / "edge" / "demo.mp4"
ACTIONS = load_actions()
TINY = ["hidden=8", "window=8", "rate_hz=6", "every_s=0.2", "epochs=1", "batch=16", "threads=1", "validation=0.3"]


def film(path: Path, first: int = 0, frames: int = 10) -> None:
    """Some frames of the demo clip, half as large, at ten a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Video(DEMO) as demo:
        half = (demo.size[0] // 2, demo.size[1] // 2)
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, half)
        for number, frame in zip(range(first + frames), demo, strict=False):
            if number >= first:
                writer.write(cv2.resize(frame.image, half))
    writer.release()


def table(folder: Path, text: str, name: str = "labels.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def labels_of(path: Path) -> tuple[list[Labelled], list[str]]:
    """What is read without looking at people, and what is told."""
    told: list[str] = []
    return list(read(path, ACTIONS, Options(problem=told.append, cache=None, labels_only=True))), told


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, [*map(str, arguments)])


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder with one video of a second."""
    film(tmp_path / "set" / "a.avi")
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("video,start,end,label\na.avi,0.3,0.65,Wave hello\n", [(0.3, 0.65)]),
        ("Video, Start ,END,label\na.avi,00:00:00.300,0:00.65,Wave hello\n", [(0.3, 0.65)]),
        ("\ufeffvideo,label,start,end\na.avi,Wave hello,0.3,0.6\na.avi,sit,0.7,1.0\n", [(0.3, 0.7), (0.7, 1.0)]),
        ("video,start_frame,end_frame,label\na.avi,3,5,Wave hello\n", [(0.3, 0.6)]),
        ("video_id,action_name,start_frame,end_frame\na.avi,Wave hello,00003.jpg,00005.jpg\n", [(0.3, 0.6)]),
        ("video,start,end,label,subject\na.avi,0,1.05,Wave hello,anna\n", [(0.0, 1.0)]),
    ],
)
def test_seconds_clocks_and_frames_are_the_same_segments(
    text: str, expected: list[tuple[float, float]], one: Path
) -> None:
    file = table(one, text)
    assert recognise(file).name == recognise(one).name == "segments"
    ((labelled,), told) = labels_of(one)
    assert not told
    assert [(s.start_s, s.end_s) for s in labelled.segments or ()] == [pytest.approx(pair) for pair in expected]
    assert labelled.segments is not None and labelled.segments[0].action == "Wave hello"
    assert labelled.sequence.source == "set/a" and labelled.sequence.subject == ("anna" if "anna" in text else None)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            "b.avi,0,1,sit",
            "line 3: video: names a video that is missing (expected a file beside the table, found 'b.avi')",
        ),
        (",0,1,sit", "line 3: video: names a video that is missing"),
        ("a.avi,0.8,0.2,sit", "line 3: end: is not after the start (expected more than 0.8, found '0.2')"),
        ("a.avi,0.2,0.2,sit", "line 3: end: is not after the start"),
        ("a.avi,0,9,sit", "line 3: end: is beyond the video's end (expected at most 1.00 s, found 9)"),
        ("a.avi,0,1,", "line 3: label: is empty"),
        ("a.avi,0,1", "line 3: label: is empty"),
        ("a.avi,soon,1,sit", "line 3: start: is no time (expected seconds, or HH:MM:SS.mmm, found 'soon')"),
        ("a.avi,-1,1,sit", "line 3: start: is no time"),
        ("a.avi,0,nan,sit", "line 3: end: is no time"),
        ("a.avi,0,1,sit,down", "line 3: has more fields than the header (expected 4, found 5)"),
    ],
)
def test_a_bad_row_is_one_line_with_its_number_and_the_others_are_read(row: str, line: str, one: Path) -> None:
    table(one, f"video,start,end,label\na.avi,0,0.4,sit\n{row}\na.avi,0.5,1,wave\n")
    ((labelled,), told) = labels_of(one)
    assert [s.action for s in labelled.segments or ()] == ["sit", "wave"]
    assert len(told) == 1 and line in told[0] and "labels.csv" in told[0], told
    table(one, f"video,start,end,label\n\n{row}\n")
    with pytest.raises(InputError, match=r"labels\.csv|no segment of it is left"):
        labels_of(one)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("video,start,end,lable\na.avi,0,1,sit\n", "line 1: not a table of segments (expected the columns video, "
         "start, end, label, found no label); is 'lable' meant for 'label'?"),
        ("video,start_frame,label\na.avi,0,sit\n", "found no end_frame"),
        ("video,start,end,label\n", "has no rows below its header"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_one_line(text: str, line: str, one: Path) -> None:
    with pytest.raises(InputError) as error:
        labels_of(table(one, text))
    assert line in str(error.value)


def test_odd_tables_are_told_and_read(one: Path) -> None:
    table(one, "video,start,end,label,colour\na.avi,0,0.6,sit,red\na.avi,0.4,1,wave,blue\n")
    ((labelled,), told) = labels_of(one)
    assert len(labelled.segments or ()) == 2
    assert "line 1: unknown columns, not read" in told[0] and "found colour" in told[0]
    assert "lines 2 and 3 overlap: the later label holds" in told[1] and len(told) == 2


def test_labels_become_classes_and_known_ones_keep_their_kind() -> None:
    made = own_classes.of_labels(["Wave hello", "Push-up", "wave_hello", "Balance"], ACTIONS, {"balance": "hold"})
    assert made.names == ("balance", "push_up", "wave_hello", "other")
    assert [action.kind for action in made.actions.values()] == ["hold", "reps", "rest", "rest"]
    assert made.actions["push_up"] == ACTIONS.actions["push_up"]
    assert (made.fold("pushups"), made.fold("Wave hello"), made.fold("squat")) == ("push_up", "wave_hello", "other")
    for kinds, line in (({"ballance": "hold"}, "did you mean 'balance'"), ({"push_up": "hold"}, "is reps by")):
        with pytest.raises(InputError, match=line):
            own_classes.of_labels(["Balance", "pushup"], ACTIONS, kinds)


def test_a_class_without_a_frame_is_refused_and_other_is_one_only_where_it_is_shown() -> None:
    made = own_classes.of_labels(["wave", "sit", "jump"], ACTIONS)
    still = KeypointSequence(np.ones((3, 17, 3), np.float32), np.arange(3.0), (9, 9), ("wave", "sit", "sit"))
    with pytest.raises(InputError, match=r"class jump: no recording of it can be used; leave_out=\[jump\]"):
        own_classes.shown([still], made)
    assert own_classes.shown([still], made, ["jump"]).names == ("jump", "sit", "wave")
    with pytest.raises(InputError, match="too few classes"):
        own_classes.shown([still], made, ["jump", "sit"])


def test_a_table_trains_a_head_for_its_own_classes_which_runs_and_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "video,start,end,label\n"
    for number in range(4):
        film(tmp_path / "set" / f"{number}.avi", 30 * number)
        text += f"{number}.avi,0,0.5,Wave hello\n{number}.avi,0.5,1.0,squat\n"
    table(tmp_path / "set", text + "gone.avi,0,1,jump\n")
    trained = call("train-head", "--data", "set", "--classes", "data", "--out", "own.onnx", *TINY)
    assert trained.exit_code == 0, trained.output
    assert "classes: squat, wave_hello" in trained.output
    assert trained.output.count("left out: ") == 1 and "line 10: video: names a video that is missing" in trained.output
    head = OnnxHead("own.onnx")
    assert [(a.name, a.kind) for a in head.card.actions] == [("squat", "reps"), ("wave_hello", "rest")]
    assert json.loads(Path("own.classes.json").read_text()) == {"0": "squat", "1": "wave_hello"}
    reader = ActionReader(head)
    for number in range(20):
        count = reader.update(number / 10, np.full((17, 3), 0.5 + number, np.float32))
    assert count is not None and count.action in ("squat", "wave_hello")
    measured = call("evaluate", "--head", "own.onnx", "--data", "set", "--out", "report", "draws=10", "every_s=0.1")
    assert measured.exit_code == 0, measured.output
    assert "taken for `other`" not in measured.output


def test_a_folder_for_each_class_is_refused_when_one_is_empty_and_nothing_when_all_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "set" / "wave" / "a.avi")
    (tmp_path / "set" / "jump").mkdir()

    def line() -> str:
        result = call("train-head", "--data", "set", "--classes", "data", "--out", "own.onnx", *TINY)
        assert result.exit_code == 2 and len(result.output.splitlines()) == 1, result.output
        return str(result.output)

    assert "set/jump: a class of which no video is there" in line()
    (tmp_path / "set" / "jump" / "b.avi").write_text("no video")
    assert "set/jump: a class of which no video can be read" in line()
    (tmp_path / "set" / "wave" / "a.avi").write_text("no video")
    assert "nothing is left of 2 recordings" in line()
    missing = call("train-head", "--classes", "data", "--out", "own.onnx")
    assert missing.exit_code == 2 and "classes: classes that come from data need some" in missing.output
