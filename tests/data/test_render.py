"""Rendered people: the picture shows the keypoints where the truth says they are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from configs.loader import load, load_actions
from configs.schema import Synthesize
from data import demo
from data.body import Body
from data.camera import Camera, look_at
from data.draft import Beat
from data.kinematics import vec
from data.motion_stand import stand
from data.posture import Solved, keypoints, solve
from data.render import Renderer, frame_with_truth
from data.skin import Look
from data.synthesize import kept, synthesize, yolo_label
from keypoints.errors import ConfigError, InputError
from keypoints.types import KeypointSequence

pytest.importorskip("pyvista")

SIZE = (320, 240)


@pytest.fixture(scope="module")
def standing(body: Body) -> Solved:
    return solve(body, stand(np.random.default_rng(0), body, True).posture(Beat.still(np.zeros(1))))


def _camera(size: tuple[int, int] = SIZE) -> Camera:
    place = vec(2.6, 0.9, 1.2)[None]
    return Camera(place, look_at(place, vec(0, 0, 0.9)[None]), 300.0, size, np.asarray(size) / 2 + [20, -5])


def test_the_person_is_where_the_truth_says(body: Body, standing: Solved) -> None:
    look = Look(skin=(1, 0, 1), shirt=(1, 0, 1), trousers=(1, 0, 1), shoes=(1, 0, 1), hair=(1, 0, 1),
                floor=(0, 1, 0), wall=(0, 1, 0))  # fmt: skip
    with Renderer(SIZE, look) as renderer:
        image, points, box = frame_with_truth(renderer, body, standing, 0, _camera())
    assert image.shape == (240, 320, 3) and image.dtype == np.uint8
    person = (image[..., 0].astype(int) > image[..., 1]) & (image[..., 2].astype(int) > image[..., 1])
    rows, columns = np.nonzero(person)
    assert box == pytest.approx([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], abs=2.5)
    assert (points[:, 2] == 1).all()
    x, y = points[:, 0].astype(int), points[:, 1].astype(int)
    assert person[y, x].mean() > 0.9


def test_a_keypoint_outside_of_the_picture_is_missing(body: Body, standing: Solved) -> None:
    place = vec(1.2, 0, 1.5)[None]
    near = Camera(place, look_at(place, vec(0, 0, 1.5)[None]), 300.0, SIZE, np.array([160.0, 120.0]))
    with Renderer(SIZE) as renderer:
        _, points, box = frame_with_truth(renderer, body, standing, 0, near)
    exact = near.project(keypoints(body, standing))[0]
    below = exact[:, 1] > 240
    assert below.any() and (points[below] == 0).all() and box[3] == 240


def test_one_renderer_draws_each_frame_anew(body: Body, standing: Solved) -> None:
    moved = Solved(standing.turns, standing.shifts + [0.4, 0, 0], standing.joints + [0.4, 0, 0])
    with Renderer(SIZE) as renderer:
        first = renderer.draw(body, standing, 0, _camera())
        second = renderer.draw(body, moved, 0, _camera())
        third = renderer.draw(body, standing, 0, _camera())
    assert np.abs(first.astype(int) - second).max() > 50
    assert np.abs(first.astype(int) - third).max() <= 2


def test_sequences_are_written_one_file_each(tmp_path: Path) -> None:
    seen = []
    out = tmp_path / "a" / "b"
    paths = synthesize(Synthesize(count=3, seed=4), out, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert [path.name for path in paths] == ["000000.npz", "000001.npz", "000002.npz"]
    assert all(KeypointSequence.load(path).source == f"synthetic-4-{i:06d}" for i, path in enumerate(paths))


def test_a_folder_keeps_to_the_settings_that_made_what_is_in_it(tmp_path: Path) -> None:
    out = tmp_path / "people"
    config = Synthesize(count=1, seed=4, longest_s=2)
    (first,) = synthesize(config, out)
    before = first.stat().st_mtime_ns
    more = config.model_copy(update={"count": 2, "workers": 1})
    assert (kept(config, out), kept(more, out)) == (1, 1)
    assert len(synthesize(more, out)) == 2 and first.stat().st_mtime_ns == before
    assert kept(more, out) == 2
    for changes, line in (
        ({"seed": 5}, r"people: holds what other settings made \(expected seed=5, found seed=4\); give another --out"),
        ({"kind": "rest"}, "expected kind=rest, found kind=sequences"),
        ({"longest_s": 3.0}, "expected longest_s=3.0, found longest_s=2.0"),
    ):
        with pytest.raises(InputError, match=line):
            synthesize(config.model_copy(update=changes), out)
    (out / "config.yaml").unlink()  # as an earlier version left it: the sequences themselves tell
    with pytest.raises(InputError, match="expected seed=5, found seed=4"):
        synthesize(config.model_copy(update={"seed": 5}), out)
    assert len(synthesize(more, out)) == 2


def test_the_command_says_what_it_kept_and_what_it_wrote(tmp_path: Path) -> None:
    given = ["synthesize", "--out", str(tmp_path / "p"), "longest_s=2"]
    first, second = (CliRunner().invoke(cli.cli, [*given, f"count={count}"]).output for count in (1, 1))
    assert "wrote" in first and "kept" not in first
    assert "kept 1 that were there already" in second and "wrote" not in second
    third = CliRunner().invoke(cli.cli, [*given, "seed=1", "count=1"])
    assert third.exit_code == 2 and len(third.output.splitlines()) == 1 and "give another --out" in third.output


@pytest.mark.parametrize(
    ("override", "message"), [("minutes=1", "minutes is for kind=rest; kind=sequences takes count"),
                              ("script=[[squat, 2]]", "script is for kind=clip")],
)  # fmt: skip
def test_a_setting_of_another_kind_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"on the command line: {message}"):
        load(Synthesize, "synthesize.yaml", [override])


def test_frames_come_with_labels_that_fit(tmp_path: Path) -> None:
    (yaml,) = synthesize(Synthesize(kind="frames", count=2, size=SIZE), tmp_path)
    assert "kpt_shape: [17, 3]" in yaml.read_text()
    names = sorted(path.stem for path in (tmp_path / "images").glob("*.jpg"))
    assert [name.partition("-")[0] for name in names] == ["000000", "000001"]
    assert {name.partition("-")[2] for name in names} <= set(load_actions().names)
    for name in names:
        image = cv2.imread(str(tmp_path / "images" / f"{name}.jpg"))
        assert image is not None and image.shape == (240, 320, 3)
        values = np.array((tmp_path / "labels" / f"{name}.txt").read_text().split(), float)
        assert len(values) == 1 + 4 + 17 * 3
        assert ((values[1:5] >= 0) & (values[1:5] <= 1)).all()
        assert set(values[7::3]) <= {0.0, 1.0, 2.0}


def test_a_label_is_in_shares_of_the_picture() -> None:
    points = np.zeros((17, 3))
    points[0] = (32, 48, 2)
    text = yolo_label(points, np.array([0, 0, 160, 120]), SIZE).split()
    assert text[:8] == ["0", "0.250000", "0.250000", "0.500000", "0.500000", "0.100000", "0.200000", "2"]
    assert set(text[8:]) <= {"0.000000", "0"}


def test_a_clip_tells_its_truth(tmp_path: Path) -> None:
    config = Synthesize(kind="clip", size=(160, 120), rate_hz=(10, 10), script=(("stand", 1.0), ("jumping_jack", 2)))
    video, truth = synthesize(config, tmp_path)
    told = json.loads(truth.read_text())
    assert told["totals"] == {"jumping_jack": 2}
    assert told["segments"][0][0] == "stand"
    capture = cv2.VideoCapture(str(video))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (160, 120)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == pytest.approx(10 * told["segments"][-1][2], abs=2)


@pytest.mark.parametrize(("script", "message"), [((), "empty"), ((("burpee", 3),), "unknown action.*squat.*'burpee'")])
def test_a_wrong_script_is_named(script: tuple[tuple[str, float], ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        synthesize(Synthesize(kind="clip", script=script), tmp_path)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("here")
    with pytest.raises(InputError, match="out: can't be written"):
        synthesize(Synthesize(count=1), tmp_path / "out")


def test_the_demo_shows_five_squats_four_push_ups_and_a_plank_of_five_seconds() -> None:
    shown = demo.scene()
    names = [name for i, name in enumerate(shown.action) if i == 0 or name != shown.action[i - 1]]
    assert names == ["stand", "squat", "stand", "other", "push_up", "other", "plank"]
    middles = shown.reps_s.mean(1)
    assert [shown.action[int(t * demo.FPS)] for t in middles] == ["squat"] * 5 + ["push_up"] * 4
    ((begin, end),) = shown.holds_s
    assert end - begin == pytest.approx(5.0, abs=0.1)
    seen = demo.camera(len(shown.time_s))
    pixels = seen.project(keypoints(shown.body, shown.solved))[..., :2]
    assert (pixels > 0).all() and (pixels < demo.SIZE).all()


def test_the_shipped_clip_is_small_and_plays(root: Path) -> None:
    path = root / "edge" / "demo.mp4"
    assert path.stat().st_size <= 1_500_000
    capture = cv2.VideoCapture(str(path))
    assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == demo.SIZE
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(demo.FPS)
    shown = demo.scene()
    count = 0
    while capture.grab():
        count += 1
    assert count == len(shown.time_s)
