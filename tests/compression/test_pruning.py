"""Channels leave as asked, the rest of the network is what it was, and nothing is asked for that can't be."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compression import pruning
from compression.blocks import rewrite
from compression.checkpoint import load_network, save_network
from compression.steps.rewrite import TOLERANCE, difference, raw_outputs
from keypoints.errors import InputError, ModelError, RepSightError


def network(name: str) -> Any:
    """A pose network of Ultralytics with random weights whose batch norms do something."""
    from ultralytics.nn.tasks import PoseModel

    torch.manual_seed(0)
    model = PoseModel(name, nc=1, verbose=False).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return model


@pytest.fixture(scope="module")
def rewritten() -> Any:
    model = network("yolo11n-pose.yaml")
    rewrite(model)
    return model


@pytest.fixture(scope="module")
def groups(rewritten: Any) -> list[pruning.Channels]:
    return pruning.prunable(rewritten)


@pytest.mark.parametrize(
    "name",
    [
        "yolov8n-pose",
        "yolo26n-pose",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("yolov8s-pose", "yolo11s-pose", "yolo26s-pose")),
    ],
)
def test_the_rewrite_changes_no_result(name: str) -> None:
    original = network(f"{name}.yaml")
    model = copy.deepcopy(original)
    assert rewrite(model) >= 8
    assert difference(original, model) <= TOLERANCE


def test_the_rewrite_changes_no_result_of_real_weights(shared: Path, tmp_path: Path) -> None:
    weights = shared / "weights" / "yolo11n-pose.pt"
    if not weights.is_file():
        pytest.skip(f"no {weights.name}")
    original = load_network(weights)
    model = copy.deepcopy(original)
    assert rewrite(model) == 9
    save_network(model, tmp_path / "rewritten.pt")
    assert difference(original, load_network(tmp_path / "rewritten.pt")) <= TOLERANCE


def test_folded_batch_norms_are_refused() -> None:
    model = network("yolov8n-pose.yaml")
    model.fuse(verbose=False)
    with pytest.raises(ModelError, match="batch norms are folded"):
        rewrite(model)


def test_a_network_that_is_not_rewritten_is_refused() -> None:
    with pytest.raises(ModelError, match="a step `rewrite` before"):
        pruning.prunable(network("yolov8n-pose.yaml"))


def test_a_pruned_network_gives_what_the_whole_gives_with_those_channels_silent(
    rewritten: Any, groups: list[pruning.Channels]
) -> None:
    asked = pruning.ask(groups, 0.5, {})
    silent, pruned = copy.deepcopy(rewritten), copy.deepcopy(rewritten)
    modules = dict(silent.named_modules())
    for part in asked:
        gone = torch.zeros(part.channels.count, dtype=torch.bool)
        gone[part.channels.importance.argsort()[: part.channels.count - part.keep]] = True
        for cut in part.channels.cuts:
            if isinstance(modules[cut.layer], nn.BatchNorm2d):
                for values in (modules[cut.layer].weight, modules[cut.layer].bias):
                    values.data[cut.channels[gone[cut.leaves_with]]] = 0  # SiLU(0) is 0, and nothing goes on
    pruning.prune(pruned, asked)
    picture = torch.rand(1, 3, 64, 64)
    feats = [(a, b) for a, b in zip(raw_outputs(silent, picture), raw_outputs(pruned, picture), strict=True)
             if a.shape == b.shape]  # fmt: skip
    assert len(feats) == 3, "boxes, scores and keypoints; the features are narrower"
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in feats)


@pytest.mark.parametrize(("scope", "round_to"), [("layer", 8), ("global", 8), ("layer", 1)])
def test_the_channels_asked_for_are_gone_after_saving_and_loading(
    rewritten: Any, groups: list[pruning.Channels], scope: Any, round_to: int, tmp_path: Path
) -> None:
    asked = pruning.ask(groups, 0.4, {}, scope=scope, round_to=round_to)
    model = copy.deepcopy(rewritten)
    pruning.prune(model, asked)
    save_network(model, tmp_path / "pruned.pt")
    loaded = load_network(tmp_path / "pruned.pt")
    shares = pruning.require_sparsity(loaded, asked, scope=scope, round_to=round_to, tolerance=0.05)
    assert abs(shares["channels_gone"] - 0.4) < 0.05
    assert all(part.keep % round_to == 0 or part.keep == part.channels.count for part in asked)


def test_only_the_blocks_asked_for_are_pruned(groups: list[pruning.Channels]) -> None:
    asked = pruning.ask(groups, None, {"model.23.cv4": 0.5})
    shares = pruning.shares(asked)
    assert shares.pop("model.23.cv4") > 0.4
    assert set(shares.values()) == {0.0}


def test_outputs_of_the_head_are_never_pruned(rewritten: Any, groups: list[pruning.Channels]) -> None:
    layers = {layer for group in groups for layer in group.layers}
    assert any(layer.startswith("model.23.cv4") for layer in layers)
    assert not any(layer in layers for layer in ("model.23.cv2.0.2", "model.23.cv3.1.2", "model.23.cv4.2.2"))


def test_a_check_that_finds_other_channels_than_asked_for_fails(rewritten: Any, groups: list[pruning.Channels]) -> None:
    asked = pruning.ask(groups, 0.5, {})
    with pytest.raises(RepSightError, match=r"has \d+ channels after pruning \(expected \d+\)"):
        pruning.require_sparsity(rewritten, asked, scope="layer", round_to=8, tolerance=0.05)


def test_a_share_that_rounding_can_not_reach_fails(rewritten: Any, groups: list[pruning.Channels]) -> None:
    asked = pruning.ask(groups, 0.9, {}, round_to=32)
    model = copy.deepcopy(rewritten)
    pruning.prune(model, asked)
    with pytest.raises(RepSightError, match="a smaller round_to than 32 comes nearer"):
        pruning.require_sparsity(model, asked, scope="layer", round_to=32, tolerance=0.05)


@pytest.mark.parametrize(
    ("ratio", "ratios", "message"),
    [
        (0.99, {}, "would empty a layer .*found 0.99 of 16 channels"),
        (None, {"model.44": 0.5}, "no such block .*did you mean 'model.4'"),
    ],
)
def test_what_can_not_be_pruned_is_told_in_one_line(
    groups: list[pruning.Channels], ratio: float | None, ratios: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        pruning.ask(groups, ratio, ratios)
