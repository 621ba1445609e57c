"""Bodies: the folded keypoint regressor is Anny's own, exactly."""

from __future__ import annotations

import numpy as np
import torch

from data.body import PARENT, PART, PARTS, Body, anny_model, make_body, part_of_bones
from data.kinematics import apply, rotation
from data.posture import Posture, keypoints, lowest, solve


def _random_postures(n: int) -> Posture:
    rng = np.random.default_rng(0)

    def points() -> np.ndarray:
        return rng.normal(size=(n, 2, 3))

    return Posture(
        root=rng.normal(size=(n, 3)), pelvis=rotation(*rng.normal(size=(3, n))), spine=0.4 * rng.normal(size=(n, 3)),
        neck=0.3 * rng.normal(size=(n, 3)), wrists=points(), elbows=points(), ankles=points(), knees=points(),
        feet=rotation(*rng.normal(size=(3, n, 2))), fingers=points(), toes=rng.normal(size=(n, 2)),
    )  # fmt: skip


def test_the_folded_keypoints_are_those_that_anny_regresses_from_its_vertices(bodies: list[Body]) -> None:
    model, regressor = anny_model()
    parts = np.asarray(part_of_bones(model.bone_labels))
    for body in bodies:
        solved = solve(body, _random_postures(8))
        with torch.no_grad():
            rest = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**body.shape))
            bones = rest["rest_bone_poses"][0].numpy()
            poses = np.zeros((8, len(parts), 4, 4))
            poses[..., :3, :3] = solved.turns[:, parts] @ bones[:, :3, :3]
            poses[..., :3, 3] = apply(solved.turns[:, parts], bones[:, :3, 3]) + solved.shifts[:, parts]
            poses[..., 3, 3] = 1
            posed = model(torch.tensor(poses), phenotype_kwargs=body.shape, pose_parameterization="world")
            expected = regressor(posed).numpy()
        assert np.abs(keypoints(body, solved) - expected).max() < 1e-4
        floor = posed["vertices"][..., 2].min(1).values.numpy()
        assert np.abs(lowest(body, solved) - floor).max() < 0.05  # a hull of 400 points, not of 13,718


def test_each_part_hangs_from_one_that_comes_before_it() -> None:
    assert PARENT[0] == -1
    assert all(0 <= parent < part for part, parent in enumerate(PARENT) if part)
    assert PARTS[PARENT[PART["hand.R"]]] == "forearm.R"
    assert PARTS[PARENT[PART["girdle.L"]]] == "chest"


def test_a_body_is_the_same_each_time_and_looks_like_an_adult(bodies: list[Body]) -> None:
    again = make_body.__wrapped__(3)
    assert np.array_equal(again.moments, bodies[1].moments)
    for body in bodies:
        assert 1.3 < np.ptp(body.hull[:, 2]) < 2.15
        assert 0.3 < body.torso < 0.7
        assert 0.05 < body.ankle < 0.14
        assert body.head("thigh.L")[0] > 0 > body.head("thigh.R")[0]
