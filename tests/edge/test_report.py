"""The JSON of a run says what was shown live, and is written whole or not at all."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from classifier.rep import Rep
from edge.reading import STAGES, Reading
from edge.report import KEPT, Report, check_writable
from keypoints.errors import InputError, RepSightError


def reading(time_s: float, action: str | None = "squat", **fields: Any) -> Reading:
    fields.setdefault("stage_ms", {"pose": 10.0})
    return Reading(time_s, None, action, 0.9, "counting", **fields)


def report_of(*readings: Reading) -> dict[str, Any]:
    report = Report("demo", {"pose": {"path": "p"}, "head": {"path": "h"}})
    for each in readings:
        report.add(each)
    return report.content()


def test_segments_are_as_shown_and_never_back_dated() -> None:
    shown = [(0.0, None), (0.1, "stand"), (0.2, "stand"), (0.3, "squat"), (0.4, "squat"), (0.5, None), (0.6, "squat")]
    content = report_of(*(reading(t, a) for t, a in shown))
    assert content["segments"] == [
        {"action": "stand", "start_s": 0.1, "end_s": 0.3, "reps": 0},
        {"action": "squat", "start_s": 0.3, "end_s": 0.5, "reps": 0},
        {"action": "squat", "start_s": 0.6, "end_s": 0.6, "reps": 0},
    ]


def test_a_rep_belongs_to_the_newest_segment_of_its_action() -> None:
    one, two = (Rep("squat", 0.0, t, t + 0.1, 1.0, False) for t in (1.0, 2.0))
    content = report_of(
        reading(0.0), reading(1.1, new_reps=(one,), reps={"squat": 1}), reading(1.5, "stand", reps={"squat": 1}),
        reading(2.1, "stand", new_reps=(two,), reps={"squat": 2}),
    )  # fmt: skip
    assert [(s["action"], s["reps"]) for s in content["segments"]] == [("squat", 2), ("stand", 0)]
    assert content["totals"] == {"squat": 2}
    assert content["reps"] == [
        {"action": "squat", "start_s": 0.0, "end_s": 1.0, "counted_at_s": 1.1},
        {"action": "squat", "start_s": 0.0, "end_s": 2.0, "counted_at_s": 2.1},
    ]


def test_holds_and_totals_leave_out_what_was_not_done() -> None:
    content = report_of(reading(5.0, "plank", reps={"squat": 0}, holds_s={"plank": 3.456, "wall_sit": 0.0}))
    assert content["totals"] == {}
    assert content["holds"] == {"plank": 3.46}


def test_frames_count_pictures_and_not_the_time_without_a_camera() -> None:
    lost = Reading(2.0, None, None, 0.0, "camera lost")
    content = report_of(reading(0.0), reading(1.0), lost, lost, reading(3.0))
    assert content["frames"] == 3
    assert content["duration_s"] == 3.0


def test_latencies_are_percentiles_by_stage() -> None:
    content = report_of(*(reading(i / 10, stage_ms={"pose": float(i), "chain": 2.0 * i}) for i in range(101)))
    assert content["latency_ms"] == {
        "pose": {"p50": 50.0, "p90": 90.0, "p99": 99.0},
        "chain": {"p50": 100.0, "p90": 180.0, "p99": 198.0},
    }
    assert set(content["latency_ms"]) <= set(STAGES)


def test_a_long_session_takes_no_more_memory_and_tells_the_newest_latencies() -> None:
    report = Report("demo")
    slow = replace(reading(0.0), stage_ms={"pose": 100.0})
    for i in range(500):
        report.add(replace(slow, time_s=float(i)))
    tracemalloc.start()
    for i in range(500, KEPT + 500):
        report.add(replace(slow, time_s=float(i), stage_ms={"pose": 1.0}))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.frames == KEPT + 500
    assert report.content()["latency_ms"]["pose"] == {"p50": 1.0, "p90": 1.0, "p99": 1.0}
    assert grown < 10_000, "bytes"


def test_a_run_without_a_frame_still_has_a_report() -> None:
    content = report_of()
    assert content == {
        "source": "demo", "frames": 0, "duration_s": 0.0, "fps": 0.0,
        "models": {"pose": {"path": "p"}, "head": {"path": "h"}},
        "totals": {}, "holds": {}, "segments": [], "reps": [], "latency_ms": {}, "looks": {}, "steps": [],
    }  # fmt: skip


def test_the_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    Report("demo").write(path)
    assert json.loads(path.read_text())["source"] == "demo"
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RepSightError, match="No space left") as caught:
        Report("demo").write(path)
    assert caught.value.exit_code == 1
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.parametrize("bad", ["missing/out.json", ".", "/dev/null"])
def test_a_place_that_cannot_hold_the_report_is_told_before_the_start(tmp_path: Path, bad: str) -> None:
    with pytest.raises(InputError, match="--json"):
        check_writable(tmp_path / bad, "--json")


def test_looking_whether_a_file_can_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("old")
    check_writable(tmp_path / "out.json", "--json")
    check_writable(tmp_path / "new.json", "--json")
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]
