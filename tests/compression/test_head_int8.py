"""A head in eight bits says what it said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from classifier.export import export_head, round_weights
from classifier.heads import HeadModel
from compression.head_agreement import head_agreement, sequences, windows, write_int8
from compression.head_rounding import round_by_answers
from compression.heads import read_head
from compression.step import Artefact, Context, apply
from configs.compression import QuantizeStep
from configs.exporting import Agrees
from configs.measuring import GateStep
from keypoints.card import CardAction, HeadCard
from keypoints.errors import InputError, RepSightError
from keypoints.types import KeypointSequence


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A float head of three actions, as untrained as it was made."""
    torch.manual_seed(1)
    actions = tuple(CardAction(name=name, kind="rest") for name in ("stand", "other", "plank"))
    card = HeadCard(name="repsight-gru", version="1", licence="MIT", trained_on=("nothing",), actions=actions,
                    window=12, rate_hz=12)  # fmt: skip
    export_head(HeadModel("gru", 24, 3, 12, 12.0).eval(), card, tmp_path / "head.onnx")
    return tmp_path / "head.onnx"


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two people who move their joints about."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(2):
        points = 200 + random.normal(0, 40, (1, 17, 3)) + random.normal(0, 3, (120, 17, 3)).cumsum(0)
        points[..., 2] = 0.9
        KeypointSequence(points.astype(np.float32), np.arange(120) / 12, (640, 480)).save(folder / f"{number}.npz")
    return folder


def test_an_int8_head_agrees_with_its_source(head: Path, recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "step").mkdir()
    config = QuantizeStep(windows=(str(recordings),))
    made, metrics = apply(Artefact(head, "head"), config, Context(tmp_path / "step"))
    assert made.path.stat().st_size == metrics["bytes"] < 0.6 * head.stat().st_size
    assert metrics["same_action"] >= 0.995
    assert metrics["windows"] == 40
    gate = GateStep(windows=(str(recordings),), most_bytes=1000)
    with pytest.raises(RepSightError, match=r"does not pass the gate: bytes \d+ \(expected at most 1000\)"):
        apply(made, gate, Context(tmp_path, source=Artefact(head, "head")))


def test_a_head_that_says_something_else_is_refused(
    head: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch import nn

    def spoil(model: nn.Module, windows: object) -> None:
        for weight in model.parameters():
            weight.data.neg_()

    monkeypatch.setattr("compression.head_agreement.round_by_answers", spoil)
    write_int8(head, tmp_path / "spoiled.onnx")
    found = head_agreement(head, tmp_path / "spoiled.onnx", [str(recordings)])
    with pytest.raises(RepSightError, match=r"names the same action as its source in .* of 40 windows"):
        found.require(Agrees().actions, tmp_path / "spoiled.onnx")


def test_folders_without_sequences_are_told(head: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sequences in it"):
        head_agreement(head, head, [str(tmp_path)])


def test_rounding_by_answers_changes_them_less_than_going_to_the_nearest_step(head: Path, recordings: Path) -> None:
    given = list(windows(read_head(head).card, sequences([str(recordings)])))
    shown = torch.from_numpy(np.stack(given))
    plain, solved = (read_head(head).model.eval() for _ in range(2))
    with torch.no_grad():
        answers = plain.history(shown)[0]
        round_weights(plain)
        round_by_answers(solved, given)
        off = [float((model.history(shown)[0] - answers).square().mean()) for model in (plain, solved)]
    assert 0 < off[1] < 0.5 * off[0]
    for weight in map(torch.Tensor.detach, solved.parameters()):
        if weight.dim() == 2 and weight.numel() > 500:
            steps = weight / weight.abs().amax(1, keepdim=True) * 127
            assert float((steps - steps.round()).abs().max()) < 1e-3


def test_weights_that_are_zero_stay_it_when_they_are_rounded(head: Path, recordings: Path) -> None:
    loaded = read_head(head)
    weight = loaded.model.get_parameter("action.weight")
    with torch.no_grad():
        weight[:, ::2] = 0
    round_by_answers(loaded.model, windows(loaded.card, sequences([str(recordings)])))
    assert (weight[:, ::2] == 0).all()
    assert (weight[:, 1::2] != 0).any()
