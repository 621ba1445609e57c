"""A head that is taught an action from a recording: it knows one more, says so itself, and forgets nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.head import OnnxHead
from classifier.reader import ActionReader
from configs.loader import load_actions
from configs.schema import Practice, Teach, TrainHead
from keypoints.errors import InputError, ModelError
from keypoints.types import KeypointSequence

torch = pytest.importorskip("torch", reason="heads are trained with the extra [train]")

from classifier.job import teach_head, train_head  # noqa: E402
from classifier.practice import define, lesson, read_lesson  # noqa: E402

ACTIONS = load_actions()
SETTINGS = TrainHead(
    hidden=16, window=12, rate_hz=6, epochs=6, batch=32, threads=1, every_s=0.2,
    teach=Teach(steps=120, batch=48, learning_rate=0.005, practice=Practice(sets=24)),
)  # fmt: skip


def person(seed: int, action: str, seconds: float = 8.0) -> KeypointSequence:
    """A figure that goes down and up in two seconds when it squats, lifts its arms likewise when it hops, or stands."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(0, seconds, 0.1)
    share = (1 - np.cos(np.pi * time_s)) / 2
    keypoints = np.ones((len(time_s), 17, 3), np.float32)
    keypoints[:, :, 0] = np.array([50, 48, 52, 46, 54, 40, 60, 36, 64, 34, 66, 43, 57, 43, 57, 43, 57])
    keypoints[:, :, 1] = np.array([10, 8, 8, 9, 9, 25, 25, 45, 45, 62, 62, 65, 65, 90, 90, 115, 115])
    if action == "squat":
        keypoints[:, :13, 1] += 25 * share[:, None]
    if action == "hop":
        keypoints[:, 7:11, 1] -= np.array([40, 40, 75, 75]) * share[:, None]
        keypoints[:, 15:, 0] += np.array([-15, 15]) * share[:, None]
    keypoints[..., :2] += rng.normal(0, 1.0, (1, 17, 2)) + rng.normal(0, 0.3, (len(time_s), 17, 2))
    phase = np.stack([1 - 2 * share, np.sign(np.sin(np.pi * time_s)) * np.sqrt(1 - (1 - 2 * share) ** 2)], -1)
    known = phase.astype(np.float32) if action == "squat" else None
    return KeypointSequence(keypoints, time_s, (100, 200), action, phase=known, subject=str(seed))


OTHERS = [person(i, action) for i, action in enumerate(["squat", "stand", "other"] * 4)]
#: Of an action that no configuration knows: four reps without a label but their name.
RECORDING = replace(person(99, "hop"), subject=None)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("base") / "base.onnx"
    train_head(OTHERS, ACTIONS, SETTINGS, out, trained_on=["x"], command="a test")
    return out


@pytest.fixture(scope="module")
def taught(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("taught") / "taught.onnx"
    settings = SETTINGS.model_copy(update={"base": str(base)})
    teach_head("hop", [RECORDING], OTHERS, ACTIONS, settings, out, trained_on=["x"], command="a test")
    return out


def answers(file: Path, sequence: KeypointSequence) -> np.ndarray:  # type: ignore[type-arg]
    """The mean probability of each action over a sequence, after its first window."""
    from classifier.window import Window

    head, found = OnnxHead(file), []
    window = Window(head.card.window, head.card.rate_hz)
    for time_s, keypoints in zip(sequence.time_s, sequence.keypoints, strict=True):
        found += [head(sample).probabilities for _, sample in window.push(float(time_s), keypoints) if time_s > 2]
    return np.mean(found, 0)


def test_the_file_defines_the_new_action_and_the_reader_takes_it_from_there(taught: Path) -> None:
    head = OnnxHead(taught)
    entry = head.card.actions[-1]
    assert entry.name == "hop" and entry.kind == "reps" and entry.definition is not None
    assert entry.definition["full"]["angle"] in ("shoulder", "elbow") and entry.definition["needs"]
    reader = ActionReader(head)
    for time_s, keypoints in zip(RECORDING.time_s, RECORDING.keypoints, strict=True):
        reader.update(float(time_s), keypoints)


def test_it_knows_the_new_action_on_somebody_else(taught: Path) -> None:
    names = [a.name for a in OnnxHead(taught).card.actions]
    assert names[int(answers(taught, person(50, "hop")).argmax())] == "hop"


def test_it_answers_everything_else_as_before(base: Path, taught: Path) -> None:
    for action in ("squat", "stand"):
        before, after = (answers(file, person(60, action)) for file in (base, taught))
        assert len(after) == len(before) + 1 and after[-1] < 0.2
        assert np.abs(after[:-1] - before).max() < 0.25


def test_what_may_be_the_new_action_or_an_old_one_is_less_often_taken_for_it_the_rarer_it_is(
    base: Path, tmp_path: Path
) -> None:
    hop, stand = person(60, "hop"), person(60, "stand")
    between = replace(hop, keypoints=np.float32(1 / 3) * (hop.keypoints + 2 * stand.keypoints))
    found = []
    for prior in (0.3, 0.003):
        how = SETTINGS.teach.model_copy(update={"prior": prior})
        settings = SETTINGS.model_copy(update={"base": str(base), "teach": how})
        out = tmp_path / f"{prior}.onnx"
        teach_head("hop", [RECORDING], OTHERS, ACTIONS, settings, out, trained_on=["x"], command="a test")
        found.append(answers(out, between)[-1])
    assert found[1] < 0.7 * found[0]


def test_an_action_that_the_head_has_is_learnt_further_without_a_new_output(base: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"base": str(base), "teach": SETTINGS.teach.model_copy(update={"steps": 2})})
    out = tmp_path / "more.onnx"
    card = teach_head("squat", [person(7, "squat")], OTHERS, ACTIONS, settings, out, trained_on=[], command="a test")
    assert [a.name for a in card.actions] == list(ACTIONS.names)


def test_an_action_is_defined_by_the_angle_that_moves_most() -> None:
    found = define([lesson(RECORDING)])
    assert found.kind == "reps" and found.full is not None
    assert abs(found.full.turn_deg - found.full.start_deg) > 20
    assert len(lesson(RECORDING).reps_s) == 4


@pytest.mark.parametrize(
    ("name", "recordings", "message"),
    [
        ("stand", [RECORDING], "has no reps"),
        ("hop", [person(1, "stand")], "nobody moves|no rep is found"),
        ("hop", [], "nothing to learn from"),
    ],
)
def test_what_cannot_be_taught_is_said(
    name: str, recordings: list[KeypointSequence], message: str, base: Path, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"base": str(base)})
    with pytest.raises(InputError, match=message):
        teach_head(name, recordings, OTHERS, ACTIONS, settings, tmp_path / "x.onnx", trained_on=[], command="a test")


@pytest.mark.parametrize("text", ["hop", "hop=", "Hop=a.npz", "hop=a.npz,", "=a.npz"])
def test_a_lesson_that_is_misspelt_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"NAME|--add"):
        read_lesson(text)


def test_a_definition_that_is_none_is_refused_by_its_action(taught: Path) -> None:
    from classifier.taught import with_taught

    card = OnnxHead(taught).card
    wrong = card.actions[-1].model_copy(update={"definition": {"kind": "reps"}})
    with pytest.raises(ModelError, match=r"actions\.hop\.definition"):
        with_taught(ACTIONS, [wrong])
