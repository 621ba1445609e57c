"""Recording reps: the countdown, the keys, what is kept, and what is said when there is nothing to keep."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from configs.schema import Run
from edge.reading import Reading, State
from edge.record import Recorder, record
from keypoints.errors import InputError
from keypoints.types import KeypointSequence, Pose

POSE = Pose(np.ones((17, 3), np.float32), np.array([0, 0, 1, 1], np.float32), 1.0)


def reading(time_s: float, pose: Pose | None = POSE, state: State = "ready") -> Reading:
    return Reading(time_s=time_s, pose=pose, action=None, confidence=0.0, state=state)


def test_a_file_is_recorded_whole_and_its_reps_are_found(squats: Callable[[int], Path], tmp_path: Path) -> None:
    out = tmp_path / "squats.npz"
    made = record("squat", Run(source=str(squats(4)), screen="none"), out)
    assert (made.reps, made.trouble) == (4, None)
    sequence, source = KeypointSequence.load(out), KeypointSequence.load(squats(4))
    assert sequence.action == "squat" and sequence.size == source.size
    assert sequence.reps_s is not None and len(sequence.reps_s) == 4 and sequence.phase is not None
    assert np.array_equal(sequence.keypoints, source.keypoints)


def test_the_countdown_waits_for_somebody_and_is_not_recorded() -> None:
    recorder = Recorder("step_up", countdown_s=3, seconds=10)
    boards = [recorder.update(reading(t, None, "no person")) for t in (0.0, 5.0)]
    assert [b.number for b in boards] == ["3", "3"] and boards[0].headline == "Nobody in view"
    numbers = [recorder.update(reading(t)).number for t in (6.0, 7.5, 8.5, 9.5)]
    assert numbers == ["3", "2", "1", "10"], "three seconds from the first sight, then the time that is left"
    assert recorder.times == [9.5]
    recorder.update(reading(20))
    assert recorder.done


def test_a_key_begins_and_ends_it() -> None:
    recorder = Recorder("step_up", countdown_s=30, seconds=30)
    recorder.update(reading(0))
    recorder.press("x")
    assert recorder.update(reading(1)).headline == "Get ready"
    recorder.press(" ")
    assert recorder.update(reading(2)).headline == "Recording"
    recorder.press("\n")
    assert recorder.update(reading(3)).headline == "Done" and recorder.done
    assert recorder.times == [2]


def test_a_frame_without_the_person_stays_in_as_missing() -> None:
    recorder = Recorder("step_up", countdown_s=0, seconds=30)
    for one in (reading(0), reading(1, None), reading(2, None, "camera lost"), reading(3)):
        recorder.update(one)
    assert recorder.times == [0, 1, 3] and not recorder.poses[1].any()


def test_without_a_rep_the_recording_is_kept_and_the_trouble_is_told(
    squats: Callable[[int], Path], tmp_path: Path
) -> None:
    whole = KeypointSequence.load(squats(1))
    still = tmp_path / "still.npz"
    KeypointSequence(np.repeat(whole.keypoints[:1], 30, 0), whole.time_s[:30], whole.size).save(still)
    made = record("squat", Run(source=str(still), screen="none"), tmp_path / "out.npz")
    assert made.reps == 0 and made.trouble is not None and "nobody moves" in made.trouble
    assert (tmp_path / "out.npz").exists()


def test_a_recording_that_became_as_long_as_it_may_says_so(
    repsight: Callable[..., subprocess.CompletedProcess[str]], squats: Callable[[int], Path]
) -> None:
    done = repsight("record", "squat", squats(3), "--out", "mine.npz", "--screen", "none", "--seconds", "3")
    assert done.returncode == 0, done.stderr
    assert "wrote mine.npz: 1 rep in 2.9 s" in done.stdout
    assert "it ends after 3 s, also if the source goes on; --seconds takes more" in done.stdout


def test_nobody_in_view_is_one_clear_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.npz"
    KeypointSequence(np.zeros((30, 17, 3), np.float32), np.arange(30) / 10, (64, 48)).save(empty)
    with pytest.raises(InputError, match="nothing was recorded"):
        record("squat", Run(source=str(empty), screen="none"), tmp_path / "out.npz")


def test_the_command_says_what_it_wrote_and_what_is_wrong(
    repsight: Callable[..., subprocess.CompletedProcess[str]], squats: Callable[[int], Path], tmp_path: Path
) -> None:
    done = repsight("record", "squat", squats(3), "--out", "mine.npz", "--screen", "none")
    assert done.returncode == 0 and "wrote mine.npz: 3 reps in 6.9 s" in done.stdout
    assert "it ends after" not in done.stdout
    for name, out in (("My Squat", "x.npz"), ("squat", "x.txt")):
        failed = repsight("record", name, squats(3), "--out", out, "--screen", "none")
        assert failed.returncode == 2 and failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
