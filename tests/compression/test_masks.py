"""Masked weights are exactly zero and stay it; heads are masked and pruned like pose networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from classifier.heads import HeadModel
from compression.head_pruning import prune_head
from compression.heads import Head, read_head, write_head
from compression.masks import carry, hold, maskable, masks_of, require_masked, smallest
from compression.plan import Artefact, run_plan
from configs.compression import MaskStep, Plan, PruneStep, ReapplyStep
from keypoints.card import CardAction, HeadCard
from keypoints.errors import InputError, ModelError, RepSightError

WINDOW, HIDDEN = 12, 20


def head(name: str = "gru", hidden: int = HIDDEN) -> Head:
    torch.manual_seed(0)
    actions = (CardAction(name="squat", kind="reps"), CardAction(name="other", kind="rest"))
    card = HeadCard(name=f"repsight-{name}", version="1", licence="-", trained_on=("nothing",), actions=actions,
                    window=WINDOW, rate_hz=12.0)  # fmt: skip
    return Head(HeadModel(name, hidden, len(actions), WINDOW, 12.0).eval(), card)


def windows() -> Any:
    return torch.rand(2, WINDOW, 17, 3, generator=torch.Generator().manual_seed(1)) * 300


@pytest.mark.parametrize(
    ("scope", "ratio"), [("layer", 0.1), ("layer", 0.5), ("layer", 0.9), ("global", 0.1), ("global", 0.5)]
)
def test_exactly_the_share_asked_for_is_masked(scope: Any, ratio: float) -> None:
    model = head().model
    carry(model, smallest(model, ratio, scope))
    shares = require_masked(model, ratio, scope)
    assert shares["masked_share"] == pytest.approx(ratio, abs=1e-3)
    assert shares["zero_share"] == shares["masked_share"]


def test_masks_are_held_through_training_and_files(tmp_path: Path) -> None:
    one = head()
    carry(one.model, smallest(one.model, 0.5, "layer"))
    write_head(one, tmp_path / "head.pt")
    two = read_head(tmp_path / "head.pt")
    optimizer = torch.optim.AdamW(two.model.parameters(), 0.01)
    for _ in range(3):
        logits, phase = two.model(windows())
        optimizer.zero_grad()
        (logits.square().sum() + phase.square().sum()).backward()
        optimizer.step()
        hold(two.model)
    shares = require_masked(two.model, 0.5)
    assert shares["zero_share"] == shares["masked_share"], "no other weight became zero"
    assert masks_of(two.model).keys() == maskable(two.model).keys()


def test_a_masked_weight_that_is_not_zero_is_found() -> None:
    model = head().model
    carry(model, smallest(model, 0.5, "layer"))
    with torch.no_grad():
        model.phase.weight.fill_(1.0)
    with pytest.raises(RepSightError, match=r"phase.weight: 20 weights that are masked are not zero"):
        require_masked(model)


def test_another_share_than_asked_for_is_found() -> None:
    model = head().model
    carry(model, smallest(model, 0.3, "layer"))
    with pytest.raises(RepSightError, match=r"weights are masked \(expected"):
        require_masked(model, 0.5)


def test_a_ratio_that_would_empty_a_layer_is_refused() -> None:
    with pytest.raises(InputError, match="would empty a layer"):
        smallest(nn.Sequential(nn.Linear(2, 2)), 0.9, "layer")


def test_a_mask_of_another_shape_is_refused() -> None:
    masks = smallest(head().model, 0.5, "layer")
    with pytest.raises(InputError, match="of a network of another shape"):
        carry(head(hidden=8).model, masks)


@pytest.mark.parametrize("name", ["gru", "mlp", "tcn"])
def test_a_pruned_head_gives_what_the_whole_gives_with_those_units_silent(name: str, tmp_path: Path) -> None:
    whole = head(name)
    pruned = prune_head(whole, 0.5)
    assert pruned.hidden == HIDDEN // 2
    write_head(pruned, tmp_path / "head.pt")
    read = read_head(tmp_path / "head.pt")
    assert sum(p.numel() for p in read.model.parameters()) < sum(p.numel() for p in whole.model.parameters())
    grown = head(name)
    regrow(read, grown)
    for a, b in zip(grown.model(windows()), read.model(windows()), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def regrow(pruned: Head, grown: Head) -> None:
    """Give `grown` the weights of `pruned` at the first units, and none at the others."""
    state = {}
    for key, value in grown.model.state_dict().items():
        part = pruned.model.state_dict()[key]
        if part.shape == value.shape:
            state[key] = part
            continue
        full = torch.zeros_like(value)
        source = part
        # Gates lie one after the other: each is padded for itself.
        times = 3 if ".gru." in key and value.shape[0] == 3 * HIDDEN else 1
        for gate in range(times):
            rows = source.chunk(times)[gate]
            place = [slice(0, size) for size in rows.shape]
            place[0] = slice(gate * (value.shape[0] // times), gate * (value.shape[0] // times) + rows.shape[0])
            full[tuple(place)] = rows
        state[key] = full
    grown.model.load_state_dict(state)


@pytest.mark.parametrize(
    ("name", "ratio", "message"),
    [
        ("transformer", 0.5, "its units can't be pruned .*gru or mlp or tcn"),
        ("gru", 0.99, "would empty a layer"),
    ],
)
def test_what_can_not_be_pruned_is_told_in_one_line(name: str, ratio: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prune_head(head(name), ratio)


def test_a_file_that_is_no_head_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a head"):
        read_head(path)


def test_a_plan_prunes_masks_and_reapplies_on_a_head(tmp_path: Path) -> None:
    write_head(head(), tmp_path / "head.pt")
    steps = (PruneStep(ratio=0.5, round_to=1), MaskStep(ratio=0.5), ReapplyStep(start="prune"))
    made = run_plan(Artefact(tmp_path / "head.pt", "head"), Plan(steps=steps), tmp_path / "out")
    before, after = made.records[0].metrics["hidden_before"], made.records[0].metrics["hidden"]
    assert after == round(before / 2)
    assert require_masked(read_head(made.artefact.path).model, 0.5)["masked_share"] == pytest.approx(0.5, abs=1e-3)
