"""Penn Action's label files become sequences, and its single reps become sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.loader import load_actions
from data.collect import PENN_ACTION, collect
from data.penn_action import read, sets
from keypoints import skeleton
from keypoints.errors import InputError

scipy_io = pytest.importorskip("scipy.io", reason="label files are read with the extra [train]")

ACTIONS = load_actions()


def write(folder: Path, name: str, label: str, frames: int = 40) -> None:
    """A label file of a body that bends its knees once, head 10 px lower for each share of the way."""
    share = (1 - np.cos(2 * np.pi * np.arange(frames) / frames)) / 2
    x, y = np.full((frames, 13), 200.0), np.tile(np.linspace(50, 290, 13), (frames, 1))
    y[:, :9] += 60 * share[:, None]
    x[:, 9:11] += 50 * share[:, None]
    x[:, 1] = 1.0
    y[:, 1] = 1.0
    visible = np.ones((frames, 13))
    visible[:, 12] = 0
    (folder / "labels").mkdir(exist_ok=True)
    scipy_io.savemat(folder / "labels" / f"{name}.mat", {
        "action": [label], "x": x, "y": y, "visibility": visible, "dimensions": [[360, 480, frames]],
    })  # fmt: skip


def test_labels_become_coco_keypoints_under_our_names(tmp_path: Path) -> None:
    write(tmp_path, "0001", "squat")
    write(tmp_path, "0002", "tennis_serve")
    write(tmp_path, "0003", "clean_and_jerk")
    squat, other = read(tmp_path, ACTIONS)
    assert (squat.action, other.action) == ("squat", "other")
    assert squat.size == (480, 360)
    assert squat.subject != other.subject
    assert (squat.keypoints[:, [1, 2, 3, 4]] == 0).all(), "Penn Action has no eyes and ears"
    assert (squat.keypoints[:, skeleton.R_SHOULDER] == 0).all(), "the corner stands for a missing joint"
    assert (squat.keypoints[:, skeleton.NOSE, 2] == 1).all()
    assert 0 < squat.keypoints[0, skeleton.L_ANKLE, 2] < 1, "a guessed joint is less sure than a seen one"


def test_single_reps_become_sets_of_whole_reps(tmp_path: Path) -> None:
    for i in range(8):
        write(tmp_path, f"{i:04d}", "squat")
    made = list(sets(read(tmp_path, ACTIONS), ACTIONS, seed=1))
    lengths = {len(sequence) for sequence in made}
    assert len(lengths) > 3
    assert [len(s) for s in made] == [len(s) for s in sets(read(tmp_path, ACTIONS), ACTIONS, seed=1)]
    for sequence in made:
        assert sequence.phase is not None
        share = (1 - sequence.phase[:, 0]) / 2
        assert share[0] < 0.2 and share[-1] < 0.2 and share.max() > 0.9


def test_other_recordings_keep_their_length_and_are_at_phase_zero(tmp_path: Path) -> None:
    write(tmp_path, "0001", "bowl")
    (made,) = sets(read(tmp_path, ACTIONS), ACTIONS)
    assert len(made) == 40
    assert made.phase is not None and (made.phase == [1, 0]).all()


def test_folders_of_both_kinds_are_collected_and_named_for_the_model_card(tmp_path: Path) -> None:
    penn, own = tmp_path / "penn", tmp_path / "own"
    penn.mkdir()
    own.mkdir()
    write(penn, "0001", "squat")
    next(read(penn, ACTIONS)).save(own / "one.npz")
    sequences, said = collect([penn, own], ACTIONS)
    assert len(sequences) == 5, "four sets of reps of the one, and the other as it is"
    assert said == [PENN_ACTION, "keypoint sequences of own"]


@pytest.mark.parametrize(
    ("files", "message"),
    [({}, "no sequences"), ({"labels/0001.mat": b"text"}, "not a Penn Action label"), (None, "no such folder")],
)
def test_a_folder_without_sequences_is_refused(files: dict[str, bytes] | None, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        collect([folder], ACTIONS)
