"""Every figure against a value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.evaluation import counts, events, labels
from classifier.evaluation.bootstrap import Draws
from classifier.evaluation.counts import Item
from classifier.evaluation.labels import Moments
from classifier.evaluation.truth import Event, Truth
from keypoints.labels import Segment
from keypoints.types import KeypointSequence
from tests.classifier.evaluation.conftest import played, rep

GROUPS = ["a", "a", "b", "c"]


def draws(groups: list[str] = GROUPS, seed: int = 0) -> Draws:
    return Draws(groups, 500, seed)


def truth(kind: str, allowed: set[str] = frozenset(), reps: dict[str, int] | None = None, **more: object) -> Truth:  # type: ignore[assignment]
    fields = {"segments": (), "events": None, **more}
    return Truth(kind=kind, reps=reps, allowed=frozenset(allowed), **fields)  # type: ignore[arg-type]


def test_counts_are_exact_off_by_one_and_off_by_a_share() -> None:
    items = [Item(0, "squat", 4, 4), Item(1, "squat", 10, 9), Item(2, "squat", 2, 5), Item(3, "lunge", 5, 0)]
    score = counts.score(items, draws(), 4)
    assert score is not None
    assert (score.items, score.true, score.counted) == (4, 21, 18)
    assert score.exact.value == 1 / 4
    assert score.obo.value == 2 / 4
    assert score.mae.value == pytest.approx((0 + 1 / 10 + 3 / 2 + 5 / 5) / 4)
    by_action = counts.by_action(items, draws(), 4)
    assert [(name, each.items, each.exact.value) for name, each in by_action.items()] == [
        ("lunge", 1, 0.0),
        ("squat", 3, pytest.approx(1 / 3)),
    ]


def test_the_oracle_takes_every_rep_of_a_sequence_for_the_right_one() -> None:
    items = [Item(0, "squat", 4, 1), Item(1, "squat", 2, 2), Item(1, "lunge", 1, 1)]
    told = counts.told(items, [{"squat": 1, "lunge": 3}, {"squat": 2, "lunge": 1}])
    assert told == [Item(0, "squat", 4, 4)], "where two actions are to be counted there is none to tell"


def test_only_sequences_of_a_known_number_of_reps_of_the_wanted_actions_are_counted() -> None:
    known = truth("reps", {"squat", "lunge"}, {"squat": 3, "lunge": 2})
    assert counts.items_of(7, known, {"squat": 2}, frozenset({"squat"})) == [Item(7, "squat", 3, 2)]
    assert counts.items_of(7, truth("unnamed", set(), {}), {"squat": 2}, frozenset({"squat"})) == []


def test_ghosts_are_reps_of_what_is_not_shown_per_minute() -> None:
    truths = [truth("reps", {"squat"}), truth("none"), truth("unknown"), truth("unnamed")]
    totals = [{"squat": 5, "lunge": 1}, {"squat": 2}, {"squat": 9}, {"push_up": 4}]
    seconds = [60.0, 30.0, 600.0, 120.0]
    found = counts.ghosts(truths, totals, seconds, draws(), frozenset({"reps", "none"}))
    assert found is not None
    assert (found.reps, found.minutes, found.per_min.value) == (3, 1.5, 2.0)
    unnamed = counts.ghosts(truths, totals, seconds, draws(), frozenset({"unnamed"}))
    assert unnamed is not None
    assert (unnamed.reps, unnamed.per_min.value) == (4, 2.0)
    assert counts.ghosts([truth("unknown")], [{}], [9.0], draws(["a"]), frozenset({"none"})) is None


def test_precision_recall_and_f1_are_those_of_the_confusion() -> None:
    true = ["squat"] * 6 + ["lunge"] * 3 + ["stand"]
    said = ["squat"] * 4 + ["lunge", "none"] + ["lunge", "lunge", "squat"] + ["plank"]
    moments = Moments(tuple(true), tuple(said), (1.0,) * 10)
    score = labels.score([moments, Moments((), (), ()), Moments((), (), ()), Moments((), (), ())], draws())
    assert score is not None
    assert score.names == ("lunge", "plank", "squat", "stand", "none")
    assert score.confusion == ((2, 0, 1, 0, 0), (0, 0, 0, 0, 0), (1, 0, 4, 0, 1), (0, 1, 0, 0, 0), (0, 0, 0, 0, 0))
    assert score.accuracy.value == 0.6
    squat, lunge, stand = (score.classes[name] for name in ("squat", "lunge", "stand"))
    assert (squat.precision, squat.recall, squat.f1, squat.support) == (4 / 5, 4 / 6, pytest.approx(8 / 11), 6)
    assert (lunge.precision, lunge.recall, lunge.f1) == (2 / 3, 2 / 3, pytest.approx(2 / 3))
    assert (stand.precision, stand.recall, stand.f1) == (0, 0, 0)
    assert set(score.classes) == {"squat", "lunge", "stand"}, "an action without labels has no figures of its own"
    assert score.macro.f1 == pytest.approx((8 / 11 + 2 / 3 + 0) / 3)
    assert score.weighted.f1 == pytest.approx((6 * 8 / 11 + 3 * 2 / 3) / 10)
    assert score.weighted.recall == pytest.approx(score.accuracy.value)


def test_confidence_is_compared_with_how_often_it_is_right() -> None:
    # Two bins of fifteenths: three windows at 0.5, one of them right; one at 1.0, right.
    moments = Moments(("a", "a", "a", "a"), ("a", "b", "b", "a"), (0.5, 0.5, 0.5, 1.0))
    found = labels.calibration([moments])
    assert found is not None
    assert found.expected_error == pytest.approx(3 / 4 * (0.5 - 1 / 3) + 1 / 4 * 0)
    assert [(i, b.windows, round(b.accuracy, 3)) for i, b in enumerate(found.bins) if b.windows] == [
        (7, 3, 0.333),
        (14, 1, 1.0),
    ]


def test_a_second_is_judged_by_what_the_screen_showed_and_not_right_after_a_change() -> None:
    said = played(1, 2, (Segment("squat", 0.4, 2.5), Segment("stand", 3.2, 9.0)))
    known = truth("reps", segments=(Segment("squat", 0.0, 3.5), Segment("stand", 3.5, 6.0)))
    moments = labels.seconds_shown(known, said)
    assert list(zip(moments.true, moments.said, strict=True)) == [
        ("squat", "squat"), ("squat", "squat"), ("squat", "none"), ("stand", "stand"), ("stand", "stand"),
    ]  # fmt: skip


def test_a_window_is_judged_by_the_newest_answer_and_only_once() -> None:
    times = np.arange(31) / 10
    sequence = KeypointSequence(np.ones((31, 17, 3), np.float32), times, (64, 48))
    answers = played(31, 2)
    answers.probabilities[10] = [0.9, 0.1]  # at 1.0 s, and the newest one at 1.25 s as well: too old there
    answers.probabilities[14] = [0.3, 0.7]
    known = truth("reps", segments=(Segment("squat", 0.0, 3.0),))
    moments = labels.windows_judged(known, answers, sequence, ["squat", "stand"], 0.25)
    assert moments == Moments(("squat", "squat"), ("squat", "stand"), (np.float32(0.9), np.float32(0.7)))


def test_a_counted_rep_is_the_labelled_one_that_it_follows() -> None:
    known = [Event("squat", 0, 2), Event("squat", 2, 4), Event("squat", 4, 6), Event("lunge", 6, 8)]
    said = [
        rep("squat", 0, 1.8, 1.9),  # before its end: a delay below 0
        rep("squat", 2, 2.6, 2.7),  # before the middle of the second, 0.7 s after the first, which is taken
        rep("squat", 4, 6.0, 6.4),
        rep("squat", 6, 8.0, 8.0),  # another action
        rep("lunge", 6, 9.0, 9.2),  # later than the tolerance
    ]
    found = events.match(known, said, tolerance_s=1.0)
    assert found.pairs == ((0, 0), (2, 2))
    assert found.delays_s == pytest.approx((-0.1, 0.4))
    score = events.score([found], 1.0, draws(["a"]))
    assert score is not None
    assert score.precision is not None and score.recall is not None and score.f1 is not None
    assert (score.precision.value, score.recall.value) == (2 / 5, 2 / 4)
    assert score.f1.value == pytest.approx(4 / 9)
    assert score.delay_median_s == pytest.approx(0.15)
    assert events.score([events.match([], said, 1.0)], 1.0, draws(["a"])) is None


def test_a_missed_rep_does_not_shift_those_that_follow() -> None:
    known = [Event("squat", i, i + 1) for i in range(5)]
    said = [rep("squat", i, i + 1, i + 1.05) for i in (0, 2, 3, 4)]  # the second was missed
    found = events.match(known, said, 1.5)
    assert found.pairs == ((0, 0), (2, 1), (3, 2), (4, 3))
    assert found.delays_s == pytest.approx((0.05,) * 4)


def test_an_interval_comes_from_whole_groups_and_is_the_same_for_the_same_seed() -> None:
    above, below = np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4)
    first, again = draws().ratio(above, below), draws().ratio(above, below)
    assert first == again
    assert first is not None
    assert first.value == 0.5
    assert (first.low, first.high) == (0.0, 1.0), "two of the three groups are all right or all wrong"
    assert draws(seed=1).ratio(above, below) is not None
    alone = draws(["a"] * 4).ratio(above, below)
    assert alone is not None
    assert (alone.value, alone.low, alone.high) == (0.5, None, None), "one subject tells nothing of others"
    assert draws().ratio(above, np.zeros(4)) is None
