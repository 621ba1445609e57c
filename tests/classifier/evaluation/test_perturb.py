"""Worse recordings are worse in the one way that their name says, and the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classifier.evaluation.measure import truths_of
from classifier.evaluation.perturb import OCCLUSION_S, PERTURBATIONS, perturb, torso
from classifier.evaluation.robustness import Case, without
from configs.loader import load_actions
from keypoints import skeleton
from keypoints.card import CardAction
from keypoints.labels import Labelled
from keypoints.types import KeypointSequence
from tests.classifier.evaluation.conftest import Squats, played, rep
from tests.keypoints.people import person


@pytest.fixture(scope="module")
def stander() -> KeypointSequence:
    """Somebody who stands for ten seconds in the middle of the picture, 25 frames a second; an ankle is never seen."""
    keypoints = np.stack([person(320, 240, 300).keypoints] * 251)
    keypoints[:, skeleton.L_ANKLE] = 0
    return KeypointSequence(keypoints, np.arange(251) / 25, (640, 480))


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_is_repeatable_and_keeps_missing_joints_and_labels(name: str, stander: KeypointSequence) -> None:
    given = replace(stander, reps_s=np.array([[1.0, 2.0]]), source="a")
    one, two, other = (perturb(name, given, key, 0) for key in ("clip", "clip", "another"))
    assert (one.sequence.keypoints == two.sequence.keypoints).all()
    assert one.hidden_s == two.hidden_s
    if name in {"20 % of frames dropped", "5 % keypoint noise", "2 s of occlusion"}:
        assert one.sequence.keypoints.tobytes() != other.sequence.keypoints.tobytes(), "each recording has its own"
    gone = one.sequence.keypoints[..., 2] == 0
    assert (one.sequence.keypoints[gone] == 0).all()
    ankle = skeleton.MIRROR[skeleton.L_ANKLE] if name == "mirrored" else skeleton.L_ANKLE
    assert gone[:, ankle].mean() > 0.9, "what was not seen is not made up, but for who passes by"
    assert one.sequence.source == "a" and one.sequence.reps_s is not None
    assert given.keypoints[..., 2].mean() == pytest.approx(0.9 * 16 / 17), "the given sequence is left as it is"


def test_other_frame_rates_are_the_rates_they_say(stander: KeypointSequence) -> None:
    slow = perturb("10 frames a second", stander, "a", 0).sequence
    fast = perturb("30 frames a second", stander, "a", 0).sequence
    assert len(slow) == 101 and set(slow.time_s) <= set(stander.time_s), "a slow camera leaves frames out"
    assert len(fast) == 301
    assert np.diff(fast.time_s) == pytest.approx(1 / 30)


def test_between_two_frames_a_joint_is_between_its_places(stander: KeypointSequence) -> None:
    moving = stander.keypoints.copy()
    moving[:, skeleton.NOSE, 0] = 100 * stander.time_s
    fast = perturb("30 frames a second", replace(stander, keypoints=moving), "a", 0).sequence
    assert fast.keypoints[:, skeleton.NOSE, 0] == pytest.approx(100 * fast.time_s, abs=1e-3)


def test_shares_and_sizes_are_as_the_names_say(stander: KeypointSequence) -> None:
    assert len(perturb("20 % of frames dropped", stander, "a", 0).sequence) / 251 == pytest.approx(0.8, abs=0.06)
    seen = stander.keypoints[..., 2] > 0
    fewer = perturb("15 % of joints missing", stander, "a", 0).sequence.keypoints[..., 2] > 0
    assert fewer.sum() / seen.sum() == pytest.approx(0.85, abs=0.02)
    same = perturb("15 % of joints missing, always the same", stander, "a", 0).sequence.keypoints[..., 2] > 0
    assert (same.any(0) == same.all(0)).all() and 2 <= (seen & ~same).any(0).sum() <= 3
    noisy = perturb("5 % keypoint noise", stander, "a", 0).sequence.keypoints
    off = (noisy - stander.keypoints)[..., :2][seen]
    assert off.std() == pytest.approx(0.05 * torso(stander), rel=0.05)


def test_a_torso_is_measured_from_shoulders_to_hips(stander: KeypointSequence) -> None:
    assert torso(stander) == pytest.approx(0.32 * 300, rel=1e-3)
    hidden = stander.keypoints.copy()
    hidden[:, skeleton.L_HIP] = 0
    assert torso(replace(stander, keypoints=hidden)) == pytest.approx(0.92 * 300 / 3, rel=0.01)
    assert torso(replace(stander, keypoints=np.zeros_like(hidden))) == 0


def test_a_mirror_swaps_the_sides_and_a_roll_turns_the_body(stander: KeypointSequence) -> None:
    flipped = perturb("mirrored", stander, "a", 0).sequence.keypoints[0]
    right = stander.keypoints[0, skeleton.R_WRIST]
    assert flipped[skeleton.L_WRIST] == pytest.approx([639 - right[0], right[1], right[2]])
    rolled = perturb("rolled by +15°", stander, "a", 0).sequence.keypoints[0]
    spine = rolled[skeleton.NOSE, :2] - rolled[skeleton.R_ANKLE, :2]
    straight = stander.keypoints[0, skeleton.NOSE, :2] - stander.keypoints[0, skeleton.R_ANKLE, :2]
    turned = np.degrees(np.arctan2(straight[1], straight[0]) - np.arctan2(spine[1], spine[0]))
    assert turned == pytest.approx(15, abs=0.01), "counter-clockwise, as it is seen"


def test_a_passer_by_hides_the_subject_at_most_for_a_moment(stander: KeypointSequence) -> None:
    shares = []
    for key in "abcdefgh":
        seen = perturb("a passer-by", stander, key, 0).sequence.keypoints
        whole = seen[..., 2] > 0
        moved = np.linalg.norm(seen[:, skeleton.NOSE, :2] - stander.keypoints[:, skeleton.NOSE, :2], axis=-1)
        assert (moved[whole[:, skeleton.NOSE]] < 1).mean() > 0.95, "the tracker stays with the subject"
        shares.append(1 - whole[:, skeleton.L_HIP].mean())
    assert min(shares) == 0 and 0.02 < max(shares) < 0.3, "some pass behind, some in front"


def test_an_occlusion_hides_two_seconds(stander: KeypointSequence) -> None:
    changed = perturb("2 s of occlusion", stander, "a", 0)
    assert changed.hidden_s is not None
    begin, end = changed.hidden_s
    assert end - begin == OCCLUSION_S
    hidden = ~(changed.sequence.keypoints[..., 2] > 0).any(1)
    assert hidden.sum() == pytest.approx(OCCLUSION_S * 25, abs=1)
    assert ((stander.time_s >= begin) & (stander.time_s < end) == hidden).all()


OWN = [CardAction(name="squat", kind="reps"), CardAction(name="stand", kind="rest")]


@pytest.mark.parametrize("with_intervals", [True, False])
def test_reps_that_reach_into_an_occlusion_are_left_out_of_truth_and_counts(
    labelled: Squats, with_intervals: bool
) -> None:
    record = labelled("five", 5)  # squats of two seconds, one after the other
    if not with_intervals:
        record = Labelled("five", replace(record.sequence, reps_s=None), "squats", record.segments, 5)
    before = played(1, 2, reps=tuple(rep("squat", 2 * i, 2 * i + 1.9) for i in range(5)))
    # The occlusion from 3 to 5 s reaches into the second and the third; what is seen of the third is counted.
    after = played(
        1, 2, reps=(rep("squat", 0, 1.9), rep("squat", 5.1, 5.9), rep("squat", 6, 7.9), rep("squat", 8, 9.9))
    )
    (truth,) = truths_of([record], OWN, load_actions())
    left, whole, counted = without(Case(0, record, truth, before), after, (3.0, 5.0))
    assert left.reps == {"squat": 3}
    assert (whole, counted) == ({"squat": 3}, {"squat": 3})
