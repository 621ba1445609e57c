"""Structured pruning of a pose network: which channels belong together, how many go, and whether they did.

Which layers lose a channel together is torch-pruning's dependency graph (Fang et al., "DepGraph: Towards Any Structural
Pruning", CVPR 2023); how many each group loses is decided here, so that it can be told before and checked after.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch_pruning as tp
from torch import Tensor, nn
from ultralytics.nn.modules.block import Attention

from compression.blocks import is_rewritten
from compression.pose_head import features_and_outputs, head_of, outputs_of
from keypoints.errors import InputError, ModelError, RepSightError

Criterion = Literal["l1", "l2", "taylor", "bn_scale"]

#: Pictures of this side show how layers hang together; any multiple of 32 would do.
_TRACED_SIDE = 64


@dataclass(frozen=True, slots=True)
class Cut:
    """One place where channels leave: a layer, what takes channels of it away, which channels of the layer these are,
    and by which channel of the group each of them leaves."""

    layer: str
    remove: Callable[[nn.Module, list[int]], nn.Module]
    channels: Tensor
    leaves_with: Tensor


@dataclass(frozen=True, slots=True)
class Channels:
    """Channels that leave together. block: where they are made, as a plan names it (model.4, model.23.cv4). layers: the
    convolutions that make them, by name. importance: of each, with mean 1."""

    block: str
    layers: tuple[str, ...]
    importance: Tensor
    cuts: tuple[Cut, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.importance)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many channels a group is to keep, and what share was asked to go."""

    channels: Channels
    keep: int
    ratio: float


def prunable(network: nn.Module, criterion: Criterion = "l2", head: bool = True) -> list[Channels]:
    """The channels of a rewritten pose network that can be pruned, in groups that leave together.

    Attention stays as wide as it is, and so does what is added to it; the convolutions that give the outputs of the
    head as well, and without `head` all of it. With the criterion taylor the gradients must be there.
    Raises ModelError for a network that is not rewritten.
    """
    if not is_rewritten(network):
        raise ModelError("blocks cut a convolution's output in two", expected="a step `rewrite` before this one")
    last = head_of(network)
    outputs = outputs_of(last) if head else list(last.modules())
    attention = [m for block in network.modules() if isinstance(block, Attention) for m in block.modules()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parameters outside of layers: none of them has channels to lose
        graph = tp.DependencyGraph().build_dependency(
            network.eval().requires_grad_(True),
            torch.zeros(1, 3, _TRACED_SIDE, _TRACED_SIDE),
            forward_fn=features_and_outputs,
        )
    names = {module: name for name, module in network.named_modules()}
    score = _importance(criterion)
    found = [
        _channels(group, names, f"model.{last.i}.", score)
        for group in graph.get_all_groups(ignored_layers=[*outputs, *attention])
    ]
    return sorted(found, key=lambda channels: _in_order(channels.layers[0]))


def blocks(groups: Sequence[Channels]) -> list[str]:
    """Every block that has channels to lose, from the picture to the outputs."""
    return sorted({group.block for group in groups}, key=_in_order)


def prune(network: nn.Module, asked: Sequence[Asked]) -> dict[str, list[int]]:
    """Take the least important channels away, in place; `network` is that of the groups or a copy of it.

    Returns, by the name of each convolution that lost some, which of its output channels are left.
    """
    leaving: dict[tuple[str, Any], list[Tensor]] = {}
    for part in asked:
        gone = torch.zeros(part.channels.count, dtype=torch.bool)
        gone[part.channels.importance.argsort()[: part.channels.count - part.keep]] = True
        for cut in part.channels.cuts:
            leaving.setdefault((cut.layer, cut.remove), []).append(cut.channels[gone[cut.leaves_with]])
    modules = dict(network.named_modules())
    kept: dict[str, list[int]] = {}
    # A layer that reads several groups loses all at once, so that all numbers are those of the whole layer.
    for (layer, remove), channels in leaving.items():
        which = sorted(set(torch.cat(channels).tolist()))
        if which:
            if remove in _MAKERS:
                kept[layer] = sorted(set(range(modules[layer].out_channels)) - set(which))
            remove(modules[layer], which)
    return kept


def ask(
    groups: Sequence[Channels],
    ratio: float | None,
    ratios: Mapping[str, float],
    *,
    scope: Literal["layer", "global"] = "layer",
    round_to: int = 8,
) -> list[Asked]:
    """How many channels each group keeps: `ratios` by block, else `ratio`, of each layer or of all such layers.

    A number of channels is rounded to a multiple of `round_to`, which is also the least that is left. Raises InputError
    for an unknown block, and for a ratio that would empty a layer.
    """
    blocks = {group.block for group in groups}
    for name in ratios:
        if name not in blocks:
            near = difflib.get_close_matches(name, blocks, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"blocks: {', '.join(sorted(blocks, key=_in_order))}"
            raise InputError("no such block", field="ratios", found=name, hint=hint)
    asked = [
        Asked(
            group, _keep(group, ratios.get(group.block, ratio or 0.0), round_to), ratios.get(group.block, ratio or 0.0)
        )
        for group in groups
    ]
    if scope == "layer" or not ratio:
        return asked
    free = [part.channels for part in asked if part.channels.block not in ratios]
    kept = dict(zip(map(id, free), _ranked(free, ratio, round_to), strict=True))
    return [Asked(p.channels, kept[id(p.channels)], p.ratio) if id(p.channels) in kept else p for p in asked]


def require_sparsity(
    network: nn.Module, asked: Sequence[Asked], *, scope: str, round_to: int, tolerance: float
) -> dict[str, float]:
    """Raise RepSightError when `network` has not the channels that were asked for, in a layer or in all.

    With the scope `layer` each layer must be within rounding of its own ratio; in all, the share of channels that are
    gone must be within `tolerance` of what was asked for. Returns both shares.
    """
    modules = dict(network.named_modules())
    for part in asked:
        for layer in part.channels.layers:
            found = modules[layer].out_channels
            if found != part.keep:
                raise RepSightError(f"{layer} has {found} channels after pruning (expected {part.keep})")
        count = part.channels.count
        off = abs(part.keep - count * (1 - part.ratio))
        if scope == "layer" and off > max(round_to / 2, 0.5) and part.keep != min(count, round_to):
            raise RepSightError(f"{part.channels.layers[0]} keeps {part.keep} of {count} channels, "
                                f"not {1 - part.ratio:.0%}")  # fmt: skip
    before = sum(part.channels.count for part in asked)
    wanted = sum(part.channels.count * part.ratio for part in asked) / before
    gone = 1 - sum(part.keep for part in asked) / before
    if abs(gone - wanted) > tolerance:
        raise RepSightError(
            f"{gone:.1%} of the channels would be gone, not the {wanted:.1%} asked for (tolerance {tolerance:.0%}); "
            f"a smaller round_to than {round_to} comes nearer"
        )
    return {"channels_asked": round(wanted, 4), "channels_gone": round(gone, 4)}


def shares(asked: Sequence[Asked]) -> dict[str, float]:
    """The share of each block's channels that go."""
    names = blocks([part.channels for part in asked])
    count = {name: sum(p.channels.count for p in asked if p.channels.block == name) for name in names}
    keep = {name: sum(p.keep for p in asked if p.channels.block == name) for name in names}
    return {name: round(1 - keep[name] / count[name], 4) for name in names}


def _keep(group: Channels, ratio: float, round_to: int) -> int:
    """How many channels of a group are left."""
    if not ratio:
        return group.count
    wanted = group.count * (1 - ratio)
    if round(wanted) < 1:
        raise InputError("would empty a layer", field=group.layers[0], expected="a smaller ratio for this block",
                         found=f"{ratio} of {group.count} channels")  # fmt: skip
    return _rounded(wanted, group.count, round_to)


def _ranked(groups: Sequence[Channels], ratio: float, round_to: int) -> list[int]:
    """How many channels each group keeps when the least important of all groups go.

    Rounding changes how many go, so the number is searched for whose rounded result is nearest to the ratio.
    """
    owner = torch.cat([torch.full((group.count,), i) for i, group in enumerate(groups)])
    owner = owner[torch.cat([group.importance for group in groups]).argsort(stable=True)]
    target = ratio * len(owner)

    def kept(gone: int) -> list[int]:
        left = torch.bincount(owner[gone:], minlength=len(groups)).tolist()
        return [_rounded(n, group.count, round_to) for group, n in zip(groups, left, strict=True)]

    low, high = 0, len(owner)
    while low < high:
        middle = (low + high) // 2
        gone = len(owner) - sum(kept(middle))
        low, high = (middle + 1, high) if gone < target else (low, middle)
    nearest = (kept(max(0, low - 1)), kept(low))
    return min(nearest, key=lambda left: abs(len(owner) - sum(left) - target))


def _rounded(wanted: float, count: int, round_to: int) -> int:
    """The nearest multiple of `round_to` that there is, at least one."""
    return min(count, max(1, round(wanted / round_to)) * round_to)


def _channels(group: Any, names: Mapping[nn.Module, str], head: str, score: Callable[[Any], Tensor]) -> Channels:
    """A group of the dependency graph as a plan sees it."""
    cuts = tuple(
        Cut(names[item.dep.target.module], item.dep.handler, torch.tensor(item.idxs), torch.tensor(item.root_idxs))
        for item in group
        if item.dep.target.module in names  # the others are sums and joins, which have no weights
    )
    modules = {name: module for module, name in names.items()}
    layers = sorted({cut.layer for cut in cuts if cut.remove in _MAKERS}, key=_in_order)
    # A depthwise convolution passes channels on: what makes them is a full one.
    parts = next(name for name in layers if modules[name].groups == 1).split(".")
    block = ".".join(parts[: 3 if layers[0].startswith(head) else 2])
    return Channels(block, tuple(layers), score(group).detach(), cuts)


_MAKERS = (tp.prune_conv_out_channels, tp.prune_depthwise_conv_out_channels)


def _importance(criterion: Criterion) -> Callable[[Any], Tensor]:
    """L1 and L2 norm of all weights of a channel, scale of its batch norms, or first-order Taylor expansion of the loss
    (Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019), each with mean 1 in a group."""
    made: Callable[[Any], Tensor] = {
        "l1": lambda: tp.importance.GroupMagnitudeImportance(p=1),
        "l2": lambda: tp.importance.GroupMagnitudeImportance(p=2),
        "taylor": lambda: tp.importance.GroupTaylorImportance(),
        "bn_scale": lambda: tp.importance.BNScaleImportance(),
    }[criterion]()
    return made


def _in_order(name: str) -> list[tuple[int, str]]:
    """Names in the order of their numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
