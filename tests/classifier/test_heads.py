"""Every head: trained, exported, run; the contract of the head file; wrong files refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from classifier.head import SHIPPED, OnnxHead
from configs.loader import load_actions
from configs.schema import TrainHead
from keypoints import skeleton
from keypoints.errors import InputError, ModelError
from keypoints.types import FloatArray, KeypointSequence

torch = pytest.importorskip("torch", reason="heads are trained with the extra [train]")

from classifier.heads import HeadModel, bodies, names, registry  # noqa: E402
from classifier.heads.registry import FEW_SHOT, classic  # noqa: E402
from classifier.job import train_head  # noqa: E402

ACTIONS = load_actions()
TINY = TrainHead(hidden=8, window=12, rate_hz=6, epochs=2, batch=16, threads=1)


def person(seed: int, action: str, seconds: float = 6.0) -> KeypointSequence:
    """A stick figure whose height goes up and down once in two seconds while it squats, and not while it stands."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(0, seconds, 0.1)
    share = (1 - np.cos(np.pi * time_s)) / 2 * (action == "squat")
    keypoints = np.ones((len(time_s), 17, 3), np.float32)
    figure = rng.normal(0, 3, (17, 2)) + np.linspace([40, 10], [60, 110], 17)
    keypoints[..., :2] = figure[None] * np.stack([np.ones_like(share), 1 - 0.5 * share], -1)[:, None]
    phase = np.stack([1 - 2 * share, np.sign(np.sin(np.pi * time_s)) * np.sqrt(1 - (1 - 2 * share) ** 2)], -1)
    return KeypointSequence(keypoints, time_s, (100, 200), action, phase=phase.astype(np.float32), subject=str(seed))


PEOPLE = [person(i, action) for i, action in enumerate(["squat", "stand", "other", "squat"] * 3)]


@pytest.fixture(scope="module")
def head_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("head") / "gru.onnx"
    train_head(PEOPLE, ACTIONS, TINY, out, trained_on=["a stick figure"], command="a test")
    return out


def windows(count: int) -> FloatArray:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 400, (count, TINY.window, 17, 3)).astype(np.float32)
    points[..., 2] = rng.uniform(0.1, 1, points.shape[:3])
    return points


@pytest.mark.parametrize("name", bodies())
def test_a_mirrored_person_gets_the_same_answer(name: str) -> None:
    torch.manual_seed(0)
    model = HeadModel(name, hidden=8, classes=3, window=12, rate_hz=6).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    seen = torch.from_numpy(windows(4))
    seen[:, :, 3, :] = 0
    mirrored = seen[:, :, skeleton.MIRROR] * torch.tensor([-1.0, 1.0, 1.0]) + torch.tensor([400.0, 0.0, 0.0])
    mirrored[:, :, skeleton.MIRROR[3], :] = 0
    with torch.no_grad():
        for answer, of_mirrored in zip(model(seen), model(mirrored), strict=True):
            assert torch.allclose(answer, of_mirrored, atol=1e-3)
        alone, of_mirrored = model.history(seen)[0], model.history(mirrored)[0]
        assert not torch.allclose(alone, of_mirrored, atol=1e-2), "each of the two alone says something else"


@pytest.mark.parametrize(("samples", "width"), [((), 8), ((7,), 8), ((1,), 9)], ids=["no samples", "seven", "too wide"])
def test_a_body_with_another_output_is_one_clear_line(
    samples: tuple[int, ...], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(torch.nn.Module):
        width = 8

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(features), *samples, width)

    monkeypatch.setitem(registry._BUILDERS, "odd", lambda *_: Odd())
    with pytest.raises(InputError, match=r"head odd .*\(expected \(batch, 1 or 12, 8\), found \(2, "):
        HeadModel("odd", hidden=8, classes=3, window=12, rate_hz=6)


@pytest.mark.parametrize("name", names())
def test_every_head_trains_and_its_file_runs_by_the_contract(name: str, head_file: Path, tmp_path: Path) -> None:
    out = tmp_path / f"{name}.onnx"
    base = str(head_file) if name == FEW_SHOT else None
    config = TINY.model_copy(update={"head": name, "base": base})
    card = train_head(PEOPLE, ACTIONS, config, out, trained_on=["x"], command="a test")
    head = OnnxHead(out)
    assert head.card == card
    assert [a.name for a in head.card.actions] == list(ACTIONS.names)
    prediction = head(windows(1)[0])
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    if classic(name) is None:
        assert prediction.phase is not None and np.abs(prediction.phase).max() <= 1
    assert np.isfinite(head(np.zeros((TINY.window, 17, 3), np.float32)).probabilities).all()
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{name}{end}" for end in (".onnx", ".config.yaml", ".classes.json", ".curve.json", ".curve.png")
    }


def test_the_place_and_the_size_of_the_person_change_nothing(head_file: Path) -> None:
    head, plain = OnnxHead(head_file), windows(1)[0]
    moved = plain * np.float32([2.5, 2.5, 1]) + np.float32([300, -40, 0])
    for name in ("probabilities", "phase"):
        assert np.allclose(getattr(head(plain), name), getattr(head(moved), name), atol=1e-3)


def test_where_a_missing_joint_would_be_changes_nothing(head_file: Path) -> None:
    head, one = OnnxHead(head_file), windows(1)[0]
    one[:, 9, 2] = 0
    other = one.copy()
    other[:, 9, :2] = 999
    assert np.array_equal(head(one).probabilities, head(other).probabilities)


def test_a_window_without_anybody_gives_finite_answers(head_file: Path) -> None:
    prediction = OnnxHead(head_file)(np.zeros((TINY.window, 17, 3), np.float32))
    assert np.isfinite(prediction.probabilities).all()
    assert prediction.phase is not None and np.isfinite(prediction.phase).all()


def test_a_killed_training_goes_on_to_the_same_result(tmp_path: Path, head_file: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(metrics: dict[str, float]) -> None:
        if metrics["epoch"] == 2:
            raise KilledError

    out = tmp_path / "gru.onnx"
    config = TINY.model_copy(update={"epochs": 3})
    whole = tmp_path / "whole.onnx"
    train_head(PEOPLE, ACTIONS, config, whole, trained_on=["x"], command="a test")
    with pytest.raises(KilledError):
        train_head(PEOPLE, ACTIONS, config, out, trained_on=["x"], command="a test", on_epoch=kill)
    assert not out.exists() and out.with_suffix(".checkpoint").exists()
    train_head(PEOPLE, ACTIONS, config, out, trained_on=["x"], command="a test", resume=True)
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ([person(0, "squat"), person(1, "moonwalk")], "moonwalk"),
        ([person(0, "squat"), person(0, "stand")], "two subjects"),
        ([], "no example"),
    ],
)
def test_labels_that_cannot_be_trained_on_are_refused(
    people: list[KeypointSequence], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train_head(people, ACTIONS, TINY, tmp_path / "head.onnx", trained_on=["x"], command="a test")


def test_the_name_of_an_unknown_head_is_said_with_the_known_ones(tmp_path: Path) -> None:
    config = TINY.model_copy(update={"head": "oracle"})
    with pytest.raises(InputError, match=r"expected .*gru.* found oracle"):
        train_head(PEOPLE, ACTIONS, config, tmp_path / "head.onnx", trained_on=["x"], command="a test")


def rewritten(source: Path, target: Path, **changes: object) -> Path:
    """A copy of a head file whose card has other values."""
    model = onnx.load(source)
    card = json.loads(model.metadata_props[0].value) | changes
    onnx.helper.set_model_props(model, {"repsight": json.dumps(card)})
    onnx.save(model, target)
    return target


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 99}, r"keypoints: does not fit the model card \(expected float \('batch', 99, 17, 3\)"),
        ({"actions": [{"name": "squat", "kind": "reps"}]}, "action: does not fit the model card"),
        ({"format": 7}, "format: unknown format of the model card"),
        ({"kind": "pose"}, "kind: another kind of model"),
        ({"rate_hz": -1}, "rate_hz: "),
    ],
)
def test_a_head_whose_card_does_not_fit_is_refused_by_field(
    head_file: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        OnnxHead(rewritten(head_file, tmp_path / "wrong.onnx", **changes))
    assert "wrong.onnx" in str(caught.value)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.onnx"
    text.write_text("not a model")
    with pytest.raises(ModelError, match=r"notes\.onnx"):
        OnnxHead(text)
    with pytest.raises(ModelError, match=r"nowhere\.onnx: no such file"):
        OnnxHead(tmp_path / "nowhere.onnx")


def test_the_shipped_head_names_every_action_and_what_it_was_trained_on() -> None:
    card = OnnxHead(SHIPPED).card
    assert [a.name for a in card.actions] == list(ACTIONS.names)
    assert card.trained_on and card.licence
