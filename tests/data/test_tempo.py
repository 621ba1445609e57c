"""Sets of reps: phases follow the excursion, and what counts is what the rules say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.motion import Move
from data.tempo import COUNTED, Track, even_set, make_set, seen_reps

seeds = st.integers(0, 10_000)


def _move(action: str = "squat") -> Move:
    return Move(action, lambda beat: None)  # type: ignore[arg-type,return-value]  # a set asks for no postures


def test_the_phase_is_the_excursion_and_its_direction() -> None:
    track = even_set(2, there_s=1.0, back_s=1.0, turn_s=0.5, rest_s=0.5)
    phase = track.phase(np.array([0.0, 0.5, 1.2, 2.0, 2.7]))
    assert phase[:, 0] == pytest.approx([1, 0, -1, 0, 1], abs=1e-9)
    assert phase[1, 1] == pytest.approx(1)
    assert phase[3, 1] == pytest.approx(-1)
    assert seen_reps(track, 0, 10, at_turn=False) == [(0.0, 2.5), (3.0, 5.5)]


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1, 8))
def test_cosine_of_the_phase_is_one_minus_twice_the_excursion(seed: int, count: int) -> None:
    track = make_set(np.random.default_rng(seed), _move(), count, 0.5, 0.5)
    time_s = np.linspace(0, track.end_s, 300)
    phase, e = track.phase(time_s), np.clip(track.beat(time_s).excursion, 0, 1)
    assert np.allclose(phase[:, 0], 1 - 2 * e)
    assert np.allclose((phase**2).sum(1), 1)
    assert len(track.reps) == count


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1, 8))
def test_reps_that_count_reach_the_range_and_lie_one_after_the_other(seed: int, count: int) -> None:
    track = make_set(np.random.default_rng(seed), _move(), count)
    reps = seen_reps(track, 0.0, track.end_s, at_turn=False)
    assert len(reps) == sum(mark.range >= COUNTED for mark in track.reps)
    assert all(end <= later for (_, end), (later, _) in itertools.pairwise(reps))
    for begin, end in reps:
        assert begin < end
        peak = track.beat(np.linspace(begin, end, 200)).excursion.max()
        assert peak >= COUNTED - 0.02


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        (0.0, 2.5, 1),  # all of it
        (0.5, 2.5, 1),  # began before the camera did
        (1.2, 2.5, 1),  # from the turning point
        (1.8, 2.5, 0),  # only the way back
        (0.0, 2.25, 1),  # four fifths of the way back and more
        (0.0, 2.05, 0),  # less than that
        (0.0, 1.2, 0),  # no way back
    ],
)
def test_a_cut_rep_counts_when_its_turn_and_most_of_its_way_back_are_seen(begin: float, end: float, count: int) -> None:
    track = even_set(1, there_s=1.0, back_s=1.0, turn_s=0.5, rest_s=0.5)
    assert len(seen_reps(track, begin, end, at_turn=False)) == count


def test_a_deadlift_counts_at_lock_out() -> None:
    track = even_set(2, there_s=1.0, back_s=1.0, turn_s=0.5, rest_s=0.5)
    assert seen_reps(track, 0.0, 1.1, at_turn=True) == [(0.0, 1.0)]
    assert len(seen_reps(track, 0.9, 2.0, at_turn=True)) == 0  # hardly any of the pull was seen


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_deadlift_sets_pull_from_low_to_lock_out_but_for_a_few_that_fail(seed: int) -> None:
    move = Move("deadlift", lambda beat: None, lowest=0.1)  # type: ignore[arg-type,return-value]
    track: Track = make_set(np.random.default_rng(seed), move, 3)
    assert len(track.reps) in (3, 4)
    done = [mark for mark in track.reps if mark.range >= COUNTED]
    assert all(mark.peak > 0.4 and mark.base < 0.5 for mark in done)
    assert all(mark.peak < 0.8 for mark in track.reps if mark not in done)
    assert len(seen_reps(track, 0.0, track.end_s, at_turn=True)) == len(done)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_jumps_go_beyond_the_start_posture_and_land_before_a_rest(seed: int) -> None:
    move = Move("squat", lambda beat: None, beyond=0.25)  # type: ignore[arg-type,return-value]
    track = make_set(np.random.default_rng(seed), move, 4, 0.5, 0.5)
    assert track.values.min() < -0.1 or max(mark.peak for mark in track.reps) < 0.3
    still = np.diff(track.values) == 0
    assert (track.values[:-1][still] > -1e-9).all()
    assert track.values[-1] == pytest.approx(0, abs=0.2)
    counted = seen_reps(track, 0.0, track.end_s, at_turn=False)
    assert len(counted) == sum(mark.range >= COUNTED for mark in track.reps)
