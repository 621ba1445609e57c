"""Channels that are zero change no answer, and make the counts whole multiples."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from compression.align import align
from compression.blocks import rewrite
from compression.cost import costs
from compression.refit import refit
from tests.compression import tiny


@pytest.fixture
def network() -> Any:
    made = tiny.network()
    rewrite(made)
    return made.eval()


def test_the_answers_stay_the_same(network: Any) -> None:
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = network(picture)[0]
        changed = align(network, 16)
        torch.testing.assert_close(network(picture)[0], before, rtol=1e-5, atol=1e-4)
    assert any("cv4" in name for name in changed), "51 hidden channels of the keypoint branch"
    assert all(now % 16 == 0 and now > was for was, now in changed.values())
    widths = {name: m.out_channels for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    assert all(widths[name] == now for name, (_, now) in changed.items()), "each convolution under its own name"


def test_narrow_ones_become_as_wide_as_asked(network: Any) -> None:
    assert min(now for _, now in align(network, 8, least=16).values()) >= 16


def test_what_is_aligned_already_is_left_alone(network: Any) -> None:
    align(network, 16)
    macs = costs(network, 64).macs
    assert align(network, 16) == {}
    assert costs(network, 64).macs == macs


def test_depthwise_convolutions_are_left_alone(network: Any) -> None:
    groups = {name: m.groups for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    align(network, 16)
    assert groups == {name: m.groups for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}


def test_an_aligned_network_is_refitted_like_any_other(network: Any) -> None:
    align(network, 16)
    pictures = [torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))]
    other = copy.deepcopy(network)
    missed = refit(other, network, {}, pictures, counts=lambda name, size: 16 if size > 256 else None)
    assert all(torch.isfinite(p).all() for p in other.parameters())
    assert max(missed.values()) < 1
