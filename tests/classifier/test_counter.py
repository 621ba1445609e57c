"""What a rep is: the counter against signals whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.counter import Count, RepCounter
from classifier.head import Prediction
from configs.loader import load_actions
from keypoints import skeleton
from keypoints.card import CardAction
from keypoints.errors import ModelError

ACTIONS = load_actions()
CARD = tuple(CardAction(name=n, kind=a.kind) for n, a in ACTIONS.actions.items())
SEEN = np.ones((17, 3), np.float32)
HIDDEN = SEEN * [1, 1, 0]


def says(action: str, share: float, direction: float = 1.0, sure: float = 0.9) -> Prediction:
    """A head that names `action` and a share of the range of motion."""
    probabilities = np.full(len(CARD), (1 - sure) / (len(CARD) - 1), np.float32)
    probabilities[ACTIONS.names.index(action)] = sure
    cosine = 1 - 2 * np.clip(share, 0, 1)
    return Prediction(probabilities, np.array([cosine, direction * np.sqrt(1 - cosine**2)], np.float32))


def cycles(count: float, seconds: float, depth: float = 1.0, start: float = 0.0) -> list[tuple[float, float]]:
    """(time, share) at 1 kHz: `count` smooth excursions of `seconds` each, from cycle `start` on."""
    t = np.arange(0, count * seconds, 0.001)
    return list(zip(t, depth * (1 - np.cos(2 * np.pi * (t / seconds + start))) / 2, strict=True))


def play(
    signal: list[tuple[float, float]], action: str, fps: float = 25.0, hold_s: float = 1.0,
    counter: RepCounter | None = None, at_s: float = 0.0, pose: np.ndarray = SEEN,
) -> tuple[RepCounter, list[Count]]:  # fmt: skip
    """Sample the signal at `fps`, then keep its last value for `hold_s`."""
    counter = counter or RepCounter(CARD, ACTIONS)
    times, shares = np.array(signal).T
    grid = np.arange(0, times[-1] + hold_s, 1 / fps)
    values = np.interp(grid, times, shares)
    directions = np.where(np.gradient(values) >= 0, 1.0, -1.0)
    return counter, [
        counter.update(at_s + float(t), pose, says(action, float(v), float(d)))
        for t, v, d in zip(grid, values, directions, strict=True)
    ]


def test_a_head_that_knows_no_exercise_counts_nothing() -> None:
    """However surely it names a class of its own, and whatever it says of the phase."""
    card = (CardAction(name="stand", kind="rest"), CardAction(name="plank", kind="hold"))
    counter = RepCounter(card, ACTIONS)
    for time_s, share in cycles(3, 2.0)[::40]:
        cosine = 1 - 2 * share
        phase = np.array([cosine, np.sqrt(max(0.0, 1 - cosine**2))], np.float32)
        counter.update(time_s, SEEN, Prediction(np.array([0.95, 0.05], np.float32), phase))
    assert counter.reps == {}


REP_ACTIONS = [n for n, a in ACTIONS.actions.items() if a.kind == "reps" and a.counted_at == "start"]


@pytest.mark.parametrize("action", REP_ACTIONS)
def test_each_full_cycle_counts_once_under_its_action(action: str) -> None:
    counter, _ = play(cycles(5, 2.0), action)
    assert counter.reps == {action: 5}


@settings(max_examples=60, deadline=None)
@given(
    fps=st.floats(8, 60), seconds=st.floats(1.0, 10), reps=st.integers(1, 8), depth=st.floats(0.45, 1.0),
    sure=st.floats(0.7, 1.0),
)  # fmt: skip
def test_the_count_does_not_depend_on_frame_rate_tempo_or_depth(
    fps: float, seconds: float, reps: int, depth: float, sure: float
) -> None:
    counter, _ = play(cycles(reps, seconds, depth), "squat", fps)
    assert counter.reps == {"squat": reps}


@pytest.mark.parametrize(
    ("depth", "reps", "shallow"), [(0.2, 0, None), (0.5, 3, True), (0.65, 3, True), (0.8, 3, False), (1.0, 3, False)]
)
def test_range_of_motion_decides_by_the_table(depth: float, reps: int, shallow: bool | None) -> None:
    _, counts = play(cycles(3, 2.0, depth), "squat", fps=50)
    new = [rep for count in counts for rep in count.new_reps]
    assert len(new) == reps
    assert all(rep.shallow is shallow for rep in new)


@pytest.mark.parametrize("action", ["squat", "deadlift"])
def test_a_rep_knows_when_it_turned(action: str) -> None:
    # Down in one second and up in two, from the posture that the action is counted at.
    time_s = np.arange(0, 9, 0.001)
    within = time_s % 3
    share = np.where(within < 1, 1 - np.cos(np.pi * within), 1 + np.cos(np.pi * (within - 1) / 2)) / 2
    _, counts = play(list(zip(time_s, 1 - share if action == "deadlift" else share, strict=True)), action, fps=50)
    turned_s = [rep.turned_s for count in counts for rep in count.new_reps]
    assert turned_s[-2:] == pytest.approx([4, 7], abs=0.15)


@settings(max_examples=40, deadline=None)
@given(start=st.floats(0.05, 0.5))
def test_a_cycle_that_began_before_the_camera_counts_by_the_same_rule(start: float) -> None:
    # From `start` of the first cycle on, its turning point is still to come: it counts, as do the next two.
    counter, _ = play(cycles(3 - start, 2.0, start=start), "squat")
    assert counter.reps == {"squat": 3}


@pytest.mark.parametrize(("end", "reps"), [(0.60, 0), (0.75, 0), (0.95, 1), (1.0, 1)])
def test_at_the_end_of_the_source_most_of_the_way_back_is_needed(end: float, reps: int) -> None:
    counter, _ = play(cycles(end, 2.0), "squat", hold_s=0.0)
    assert counter.reps.get("squat", 0) == reps


def test_a_deadlift_counts_at_lock_out() -> None:
    # From the floor to lock-out, and never back down.
    counter, counts = play(cycles(0.5, 3.0), "deadlift")
    assert counter.reps == {"deadlift": 1}
    rep = next(rep for count in counts for rep in count.new_reps)
    assert rep.counted_at_s < 1.5


def test_standing_at_lock_out_and_lowering_the_bar_is_no_deadlift() -> None:
    counter, _ = play(cycles(0.5, 3.0, start=0.5), "deadlift")
    assert counter.reps == {}


def test_chatter_around_any_level_counts_nothing() -> None:
    rng = np.random.default_rng(3)
    for level in np.linspace(0, 1, 11):
        noise = [(t / 25, float(np.clip(level + rng.normal(0, 0.05), 0, 1))) for t in range(500)]
        counter, _ = play(noise, "squat")
        # A start in mid-course may complete the cycle that it was in.
        assert counter.reps.get("squat", 0) == 0, level


def test_a_change_of_action_drops_the_rep_in_progress_and_keeps_counts() -> None:
    counter, _ = play(cycles(2, 2.0), "squat")
    play(cycles(0.5, 2.0), "squat", hold_s=0, counter=counter, at_s=10)
    play(cycles(0.5, 2.0, start=0.5), "push_up", counter=counter, at_s=11)
    assert counter.reps == {"squat": 2}


def test_a_lost_person_drops_the_rep_in_progress_and_keeps_counts() -> None:
    counter, _ = play(cycles(2, 2.0), "squat")
    play(cycles(0.5, 2.0), "squat", hold_s=0, counter=counter, at_s=10)
    counter.lose_person()
    play([(0, 0.0), (2, 0.0)], "squat", counter=counter, at_s=20)
    assert counter.reps == {"squat": 2}


def test_a_body_half_out_of_the_picture_never_makes_a_rep() -> None:
    counter, counts = play(cycles(4, 2.0), "squat", pose=HIDDEN)
    assert counter.reps == {}
    assert [count.visible for count in counts] == [i < 25 for i in range(len(counts))], "said after one second"


def standing(counter: RepCounter, hidden: str, at_s: float = 0.0, seconds: float = 2.0) -> Count:
    """The last of what is said of somebody who stands, with a joint hidden on both sides."""
    pose = SEEN.copy()
    if hidden:
        pose[[skeleton.INDEX[f"{side}_{hidden}"] for side in ("left", "right")], 2] = 0.1
    return [counter.update(at_s + t, pose, says("stand", 0)) for t in np.arange(0, seconds, 0.04)][-1]


@pytest.mark.parametrize(("hidden", "visible"), [("", True), ("wrist", True), ("knee", False), ("hip", False)])
def test_who_has_done_nothing_yet_is_to_be_seen_from_shoulders_to_knees(hidden: str, visible: bool) -> None:
    assert standing(RepCounter(CARD, ACTIONS), hidden).visible is visible


@pytest.mark.parametrize(("action", "visible"), [("squat", False), ("biceps_curl", True)])
def test_who_rests_is_to_be_seen_as_the_last_exercise_needs(action: str, visible: bool) -> None:
    counter, _ = play(cycles(2, 2.0), action)
    assert standing(counter, "knee", at_s=6.0).visible is visible


def test_joints_that_flicker_at_the_border_are_not_remarked_on() -> None:
    counter = RepCounter(CARD, ACTIONS)
    assert all(standing(counter, hidden, 0.5 * turn, 0.5).visible for turn, hidden in enumerate(["", "knee"] * 4))


@pytest.mark.parametrize(("length", "countable"), [(1.0, True), (0.6, True), (0.3, False)])
def test_a_head_that_is_unsure_of_the_phase_for_seconds_asks_for_another_view(length: float, countable: bool) -> None:
    counter = RepCounter(CARD, ACTIONS)
    sure = says("push_up", 0.5)
    assert sure.phase is not None
    unsure = Prediction(sure.probabilities, length * sure.phase)
    counts = [counter.update(t, SEEN, unsure) for t in np.arange(0, 6, 0.04)]
    assert counts[20].countable, "a moment says nothing"
    assert counts[-1].countable is countable


def test_a_share_that_falls_without_a_way_back_makes_no_rep() -> None:
    # From the way down straight into something that reads 0, as from a push-up into a forearm plank.
    counter = RepCounter(CARD, ACTIONS)
    for t in np.arange(0, 3, 0.04):
        counter.update(float(t), SEEN, says("push_up", 0.6 * t if t < 1 else 0.0, direction=1.0))
    assert counter.reps == {}


def test_an_unclear_action_makes_no_rep() -> None:
    counter = RepCounter(CARD, ACTIONS)
    for t, share in cycles(4, 2.0)[::40]:
        counter.update(t, SEEN, says("squat", share, -1.0 if t % 2 > 1 else 1.0, sure=0.3))
    assert counter.reps == {}


@pytest.mark.parametrize("action", [n for n, a in ACTIONS.actions.items() if a.kind != "reps"])
def test_rest_and_holds_never_count_reps(action: str) -> None:
    counter, _ = play(cycles(5, 2.0), action)
    assert counter.reps == {}


def test_a_plank_is_a_hold_after_two_seconds_and_its_first_seconds_count() -> None:
    counter, counts = play([(0, 0.0), (7, 0.0)], "plank", hold_s=0.001)
    assert counter.holds_s["plank"] == pytest.approx(7.0, abs=0.1)
    assert [count.holding for count in counts].index(True) == pytest.approx(50, abs=1)


def test_a_pause_between_push_ups_is_no_plank() -> None:
    counter, _ = play(cycles(2, 2.0), "push_up", hold_s=0)
    play([(0, 0.0), (1.5, 0.0)], "plank", hold_s=0, counter=counter, at_s=4)
    play(cycles(2, 2.0), "push_up", counter=counter, at_s=5.6)
    assert counter.reps["push_up"] == 4
    assert counter.holds_s == {}


def test_a_head_with_an_action_that_the_settings_lack_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="moonwalk"):
        RepCounter([CardAction(name="moonwalk", kind="reps")], ACTIONS)


@pytest.mark.parametrize(("back_to", "reps"), [(0.35, 2), (0.2, 3)])
def test_a_rep_that_turns_round_before_it_is_back_never_takes_the_next_ones_with_it(back_to: float, reps: int) -> None:
    # Down, half way up, and from then on whole reps between there and the turning point. Three quarters of the way back
    # are enough for the first when the next one is under way.
    shares = [0, 1, back_to, 1, back_to, 1, back_to]
    times = np.arange(0, len(shares) - 1, 0.001)
    value = np.interp(times, np.arange(len(shares)), shares)
    counter, counts = play(list(zip(times, value, strict=True)), "squat")
    assert counter.reps == {"squat": reps}
    last = [rep for count in counts for rep in count.new_reps][-1]
    assert last.start_s == pytest.approx(4.0, abs=0.25)
    assert last.range_of_motion == pytest.approx(1 - back_to, abs=0.1), "its range begins where it began"
