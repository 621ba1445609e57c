"""Synthetic sequences: the same for the same seed, labelled as they move, plausible as a detector's output."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from configs.loader import load, load_actions
from configs.schema import Synthesize
from data.synthetic import make, non_exercise, sequences
from keypoints.errors import ConfigError, InputError
from keypoints.types import KeypointSequence

ACTIONS = load_actions()


@pytest.fixture(scope="module")
def many() -> list[KeypointSequence]:
    return list(sequences(seed=2, count=60))


def _same(a: KeypointSequence, b: KeypointSequence) -> bool:
    arrays = ("keypoints", "time_s", "reps_s", "holds_s", "phase")
    texts = ("action", "size", "subject", "source")
    return all(np.array_equal(getattr(a, f), getattr(b, f)) for f in arrays) and all(
        getattr(a, f) == getattr(b, f) for f in texts
    )


def test_a_sequence_depends_on_its_seed_and_number_alone(many: list[KeypointSequence]) -> None:
    assert _same(make(7, 2, Synthesize()), many[7])
    assert _same(next(iter(sequences(seed=2, count=1, first=11))), many[11])
    assert not _same(make(7, 3, Synthesize()), many[7])


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(many: list[KeypointSequence]) -> None:
    for one, other in zip(sequences(seed=2, count=12, workers=2), many, strict=False):
        assert _same(one, other)


def test_every_action_is_there_and_no_other(many: list[KeypointSequence]) -> None:
    seconds = dict.fromkeys(ACTIONS.names, 0.0)
    for sequence in many:
        assert sequence.actions is not None
        for name, length in zip(sequence.actions, np.gradient(sequence.time_s), strict=True):
            seconds[name] += length
    total = sum(seconds.values())
    assert all(length / total > 0.01 for length in seconds.values()), seconds
    assert 0.12 < (seconds["stand"] + seconds["other"]) / total < 0.42
    changes = np.mean([len(set(sequence.actions or ())) > 1 for sequence in many])
    assert 0.25 < changes < 0.7


def test_reps_lie_within_the_frames_of_an_action_that_has_reps(many: list[KeypointSequence]) -> None:
    for sequence in many:
        assert sequence.reps_s is not None and sequence.phase is not None and sequence.actions is not None
        names = np.asarray(sequence.actions)
        for begin, end in sequence.reps_s:
            assert -1e-6 <= begin < end <= sequence.time_s[-1] + 1e-6
            inside = (sequence.time_s > begin + 0.1) & (sequence.time_s < end - 0.1)
            if not inside.any():
                continue
            (name,) = set(names[inside]) - {"stand", "plank"}
            assert ACTIONS.actions[name].kind == "reps"
            lowest, highest = sequence.phase[inside, 0].max(), sequence.phase[inside, 0].min()
            assert highest < 0.5 and lowest > highest  # at least 30 % of a full rep: cos phi below 0.4
        for (_, end), (begin, _) in itertools.pairwise(sequence.reps_s):
            assert begin >= end - 1e-6


def test_without_a_rep_in_progress_the_phase_is_zero(many: list[KeypointSequence]) -> None:
    for sequence in many:
        assert sequence.phase is not None and sequence.actions is not None
        assert np.allclose((sequence.phase**2).sum(1), 1, atol=1e-5)
        resting = np.isin(sequence.actions, ["stand", "other", "plank"])
        assert np.allclose(sequence.phase[resting], [1, 0])


def test_holds_are_planks_of_two_seconds_and_more(many: list[KeypointSequence]) -> None:
    seen = 0
    for sequence in many:
        assert sequence.holds_s is not None
        for begin, end in sequence.holds_s:
            seen += 1
            assert end - begin >= 2.0
            late = (sequence.time_s > begin + 2.05) & (sequence.time_s < end - 0.3)
            assert set(np.asarray(sequence.actions)[late]) <= {"plank"}
    assert seen


def test_keypoints_look_like_a_detectors(many: list[KeypointSequence]) -> None:
    confidence = np.concatenate([sequence.keypoints[..., 2].ravel() for sequence in many])
    assert 0 <= confidence.min() and confidence.max() <= 1
    assert 0.7 < np.median(confidence) < 0.995
    for sequence in many:
        points = sequence.keypoints
        missing = points[..., 2] == 0
        assert (points[missing] == 0).all()
        x, y = points[~missing][:, 0], points[~missing][:, 1]
        width, height = sequence.size
        assert x.min() >= -0.05 * width and x.max() <= 1.05 * width
        assert y.min() >= -0.05 * height and y.max() <= 1.05 * height
        assert 1 < len(sequence) / max(sequence.time_s[-1], 0.1) < 40
    lost = np.mean([(sequence.keypoints[..., 2] == 0).all(1).mean() for sequence in many])
    assert 0.002 < lost < 0.12


def test_an_action_can_be_made_more_frequent_or_left_out() -> None:
    config = Synthesize(weights={"push_up": 50, "stand": 0, "other": 0}, transitions=0)
    shown = [set(sequence.actions or ()) for sequence in sequences(config, seed=5, count=12)]
    assert sum("push_up" in one for one in shown) >= 8 and not any({"stand"} == one for one in shown)
    with pytest.raises(InputError, match=r"no such action.*juggling"):
        next(sequences(Synthesize(weights={"juggling": 2}), count=1))


def test_people_who_do_nothing_have_no_reps() -> None:
    rest = list(non_exercise(1.0, seed=5))
    assert sum(sequence.time_s[-1] for sequence in rest) == pytest.approx(60, abs=3)
    for sequence in rest:
        assert sequence.reps_s is not None and len(sequence.reps_s) == 0
        assert set(sequence.actions or ()) <= {"stand", "other"}


def test_a_sequence_survives_the_disk(many: list[KeypointSequence], tmp_path: Path) -> None:
    many[0].save(tmp_path / "one.npz")
    assert _same(KeypointSequence.load(tmp_path / "one.npz"), many[0])


def test_the_shipped_settings_are_the_defaults() -> None:
    assert load(Synthesize, "synthesize.yaml") == Synthesize()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("kinds=demo", "did you mean 'kind'"),
        ("count=0", "count"),
        ("rate_hz=[30, 10]", "lowest first"),
        ("transitions=2", "transitions"),
        ("kind=movie", "kind"),
    ],
)
def test_a_wrong_setting_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(Synthesize, "synthesize.yaml", [override])
