"""A pruned network, solved layer by layer, is nearer to what it was; so is one with another activation."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compression import pruning
from compression.blocks import rewrite
from compression.boxes import Expectation
from compression.checkpoint import load_network, save_network
from compression.plan import run_plan
from compression.refit import refit
from compression.step import Artefact
from compression.steps.refit import rectify
from configs.compression import Plan
from keypoints.errors import InputError
from tests.compression import tiny


@pytest.fixture
def source() -> Any:
    """A tiny rewritten network whose batch norms know their inputs, as after training."""
    network = tiny.network(0.125)
    rewrite(network)
    network.train()
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = None  # the mean over all batches
    with torch.no_grad():
        for batch in pictures(6, seed=9):
            network(batch)
    return network.eval()


def pictures(count: int, seed: int = 0) -> list[torch.Tensor]:
    """Batches of smooth colours, in which neighbours hang together as in photographs."""
    random = torch.Generator().manual_seed(seed)
    coarse = [torch.rand(8, 3, 6, 6, generator=random) for _ in range(count)]
    return [nn.functional.interpolate(values, (64, 64), mode="bicubic").clamp(0, 1) for values in coarse]


def features(network: Any, batch: torch.Tensor) -> torch.Tensor:
    """What the fifth block of a network gives, before its activation."""
    found: list[torch.Tensor] = []
    hook = network.model[4].cv2.bn.register_forward_hook(lambda m, x, y: found.append(y))
    with torch.no_grad():
        network(batch)
    hook.remove()
    return found[0]


def off(network: Any, source: Any, kept: dict[str, torch.Tensor]) -> float:
    """The mean square difference of features on pictures never seen, as a share of their variance."""
    batch = pictures(1, seed=77)[0]
    wanted = features(source, batch)
    wanted = wanted[:, kept.get("model.4.cv2.conv", torch.arange(wanted.shape[1]))]
    return float(
        ((features(network, batch) - wanted) ** 2).mean() / (wanted - wanted.mean((0, 2, 3), True)).square().mean()
    )


def pruned(source: Any, ratio: float) -> tuple[Any, dict[str, torch.Tensor]]:
    network = copy.deepcopy(source)
    asked = pruning.ask(pruning.prunable(copy.deepcopy(source)), ratio, {}, round_to=1)
    kept = pruning.prune(network, asked)
    return network.eval(), {name: torch.tensor(left) for name, left in kept.items()}


def test_an_unchanged_network_stays_as_it_is(source: Any) -> None:
    network = copy.deepcopy(source)
    missed = refit(network, source, {}, pictures(2))
    assert max(missed.values()) < 1e-3
    assert off(network, source, {}) < 1e-3


def test_what_is_left_of_the_channels_is_told(source: Any) -> None:
    network, kept = pruned(source, 0.5)
    convolutions = {name: m for name, m in source.named_modules() if isinstance(m, nn.Conv2d)}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            left = kept.get(name, torch.arange(convolutions[name].out_channels))
            assert len(left) == module.out_channels, name
    first = convolutions["model.0.conv"].weight[kept["model.0.conv"]]
    assert torch.equal(network.model[0].conv.weight, first), "the channels that are named are those that stayed"


def test_a_pruned_network_comes_nearer_to_the_whole_one_on_pictures_never_seen(source: Any) -> None:
    network, kept = pruned(source, 0.3)
    before = off(network, source, kept)
    told: list[str] = []
    refit(network, source, kept, pictures(8), told.append)
    assert off(network, source, kept) < 0.75 * before  # much of a random network can't be told from the rest
    assert told[-1].endswith("refitted")


def test_relu_comes_near_to_silu(source: Any) -> None:
    network = copy.deepcopy(source)
    rectify(network, ["all"])
    assert not any(isinstance(m, nn.SiLU) for m in network.modules())
    before = off(network, source, {})
    refit(network, source, {}, pictures(8))
    assert off(network, source, {}) < 0.5 * before


def plan(folder: Path, like: str) -> Plan:
    return Plan.model_validate({"steps": [
        {"step": "rewrite"},
        {"step": "prune", "ratio": 0.4, "round_to": 1},
        {"step": "refit", "like": like, "relu": ["all"], "side": 64, "batches": 1,
         "images": {"pictures": [{"folder": str(folder)}]}},
    ]})  # fmt: skip


def test_a_plan_prunes_and_refits(tmp_path: Path) -> None:
    save_network(tiny.network(0.125), tmp_path / "pose.pt")
    folder = tiny.folder(tmp_path / "people")
    made = run_plan(Artefact(tmp_path / "pose.pt", "pose"), plan(folder, "source"), tmp_path / "out")
    network = load_network(made.artefact.path)
    assert any(isinstance(m, nn.ReLU) for m in network.modules())
    assert not any(isinstance(m, nn.SiLU) for m in network.modules())
    assert 0 <= made.records[2].metrics["missed_mean"] <= 1
    again = plan(folder, "rewrite")
    assert run_plan(Artefact(tmp_path / "pose.pt", "pose"), again, tmp_path / "again").artefact.path.is_file()


def test_another_network_than_it_was_pruned_from_is_refused(tmp_path: Path) -> None:
    save_network(tiny.network(0.125), tmp_path / "pose.pt")
    save_network(tiny.network(0.25), tmp_path / "other.pt")
    folder = tiny.folder(tmp_path / "people")
    with pytest.raises(InputError, match=r"refit.like.*is not what this model was pruned from .expected model"):
        run_plan(Artefact(tmp_path / "pose.pt", "pose"), plan(folder, str(tmp_path / "other.pt")), tmp_path / "out")


def test_boxes_are_decoded_as_ultralytics_does() -> None:
    from ultralytics.nn.modules.block import DFL

    scores = 8 * torch.randn(2, 64, 21, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(Expectation(16)(scores), DFL(16)(scores), rtol=1e-5, atol=1e-5)
    assert torch.isfinite(Expectation(16)(scores + 500)).all()
