"""A head in eight bits says what it said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from classifier.export import export_head
from classifier.heads import HeadModel
from compression.head_agreement import head_agreement, write_int8
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
    torch.manual_seed(0)
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

    def spoil(model: nn.Module) -> None:
        for weight in model.parameters():
            weight.data.neg_()

    monkeypatch.setattr("compression.head_agreement.round_weights", spoil)
    write_int8(head, tmp_path / "spoiled.onnx")
    found = head_agreement(head, tmp_path / "spoiled.onnx", [str(recordings)])
    with pytest.raises(RepSightError, match=r"names the same action as its source in .* of 40 windows"):
        found.require(Agrees().actions, tmp_path / "spoiled.onnx")


def test_folders_without_sequences_are_told(head: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sequences in it"):
        head_agreement(head, head, [str(tmp_path)])
