"""The keypoint error model: what hides joints, what is seen of them, and how its constants are fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.schema import Synthesize
from data import arms as hold
from data import fit_noise, noise
from data.body import Body
from data.draft import Beat, Draft
from data.kinematics import vec
from data.occlusion import behind_plates, facing
from data.posture import Solved, keypoints, solve
from keypoints import skeleton as sk


@pytest.fixture(scope="module")
def lifter(body: Body) -> Solved:
    """A person with a bar on the shoulders."""
    draft = Draft(body, 1)
    hold.barbell(np.random.default_rng(0))(draft, Beat.still(np.zeros(1)))
    return solve(body, draft.done())


def _eye(yaw: float, height: float = 1.3) -> np.ndarray:
    return (4 * vec(np.cos(yaw), np.sin(yaw), 0) + [0, 0, height])[None]


def test_plates_hide_the_shoulders_from_the_side_and_nothing_from_the_front(body: Body, lifter: Solved) -> None:
    points, plates = keypoints(body, lifter), np.array([[0.225, 0.65]])
    side = behind_plates(lifter, points, _eye(np.pi / 2), plates)[0]
    assert side[sk.L_SHOULDER] > 0.9 and side[sk.L_ANKLE] == 0 and side[sk.L_KNEE] == 0
    assert behind_plates(lifter, points, _eye(0.0), plates).max() == 0
    assert behind_plates(lifter, points, _eye(np.pi / 2), np.zeros((1, 2))).max() == 0


def test_a_chest_faces_the_camera_in_front_of_it(lifter: Solved) -> None:
    seen = [float(facing(lifter, _eye(yaw))[0]) for yaw in (0.0, np.pi / 2, np.pi)]
    assert seen == pytest.approx([1, 0, -1], abs=0.2)


def _many(cover: float, shift: float = 0.0, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """What is seen of a person who stands still, in `count` clips, and the truth; `shift` px to the right."""
    pixels = np.zeros((30, 17, 2))
    pixels[..., 0] = np.linspace(270, 370, 17) + shift
    pixels[..., 1] = np.linspace(60, 420, 17)
    time_s = np.arange(30) / 15
    seen = [
        noise.observe(np.random.default_rng(i), pixels, np.full((30, 17), cover), (640, 480), time_s, np.ones(30))
        for i in range(count)
    ]
    return np.concatenate(seen), pixels[0]


def test_hidden_joints_are_less_sure_and_further_off() -> None:
    off, sure = [], []
    for cover in (0.0, 1.0):
        seen, exact = _many(cover)
        there = seen[..., 2] > 0
        off.append(np.median(np.linalg.norm(seen[..., :2] - exact, axis=-1)[there]))
        sure.append(np.median(seen[:, sk.L_WRIST, 2]))
    assert off[0] < off[1] < 60 and sure[0] > sure[1] + 0.05
    assert off[0] < 0.1 * float(noise.torso_px(exact[None])[0])


def test_joints_outside_of_the_picture_are_missing_or_unsure() -> None:
    seen, exact = _many(0.0, shift=320)
    outside = exact[:, 0] > 640
    inside = exact[:, 0] < 620
    assert 2 < outside.sum() < 15
    assert np.median(seen[:, outside, 2]) < 0.3 < np.median(seen[:, inside, 2])
    assert (seen[..., 0] <= 1.02 * 640).all()


def test_the_fitted_file_has_every_joint() -> None:
    fit = noise.fitted()
    assert fit.spread.shape == (17,) and 0.005 < fit.spread.min() and fit.spread.max() < 0.2
    assert (fit.hidden >= 1).all() and (fit.confidence > 0).all() and (fit.confidence < 1).all()


def _found(rng: np.random.Generator) -> fit_noise.Found:
    n, shape = fit_noise.CLIP, (fit_noise.CLIP, 17)
    cover = np.repeat((rng.random((1, 17)) < 0.4).astype(float), n, 0)
    stays = rng.normal(0, 0.03, (1, 17, 2))
    error = (stays + rng.normal(0, 0.04, (*shape, 2))) * (1 + cover[..., None])
    beyond = np.repeat((rng.random((1, 17)) < 0.2) * rng.choice([0.02, 0.3], (1, 17)), n, 0)
    logits = np.where(beyond > 0.05, -7.0, np.where(beyond > 0, -1.0, 3.0 - 2 * cover)) + rng.normal(0, 0.5, shape)
    facing = np.full(n, float(rng.choice([-1, 0, 1])))
    swapped = {name: np.repeat(facing[0] < 0 and rng.random() < 0.3, n) for name in ("trunk", "arms", "legs")}
    found = rng.random(n) > 0.1
    return fit_noise.Found(error, logits, cover, beyond, found, swapped, facing, np.full(n, float(rng.random())),
                           np.full(n, 0.8))  # fmt: skip


def test_a_fit_finds_what_was_put_in() -> None:
    rng = np.random.default_rng(1)
    found = fit_noise.summary([_found(rng) for _ in range(150)])
    for joint in found["joints"].values():
        assert joint["spread"] == pytest.approx(0.05, rel=0.15)
        assert joint["hidden"] == pytest.approx(2.0, rel=0.15)
        assert joint["confidence"] == pytest.approx([0.953, 0.731], abs=0.03)
        assert joint["logit"] == pytest.approx([0.5, 0.5], abs=0.08)
    assert found["time"]["stays"] == pytest.approx(0.36, abs=0.08) and found["time"]["white"] > 0.8
    assert found["outside"]["far"][0] > 0.95 and found["outside"]["near"][1] == pytest.approx(0.27, abs=0.03)
    assert found["swaps"]["front"]["trunk"] == 0 and found["swaps"]["back"]["trunk"] == pytest.approx(0.3, abs=0.15)
    assert found["lost"]["upright"] == pytest.approx(0.1, abs=0.03)


@pytest.mark.slow
def test_a_fit_on_rendered_people_is_a_file_that_names_its_command(tmp_path: Path) -> None:
    told: list[int] = []
    config = Synthesize(kind="noise", count=36, seed=1)
    (path,) = fit_noise.fit(config, tmp_path, lambda done, total: told.append(done))
    text = path.read_text("utf-8")
    found = yaml.safe_load(text)
    assert path.name == "keypoint_errors.yaml" and "kind=noise count=36 seed=1" in text
    assert found["frames"] == 36 and told == [12, 24, 36]
    assert found.keys() == yaml.safe_load(Path(noise.__file__).with_name(path.name).read_text("utf-8")).keys()
    assert 0 < found["joints"]["shoulder"]["spread"] < 0.3
