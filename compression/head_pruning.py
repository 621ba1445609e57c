"""Structured pruning of heads: hidden units leave, and what is left is the same head with fewer of them.

The layers of a head are few and known, so where a unit has its weights is written down here; torch-pruning does not
follow the three gates of a recurrent unit.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from compression.heads import Head, blank
from keypoints.errors import InputError, RepSightError


class _Place(NamedTuple):
    """Where units have weights: a parameter, its axis, and how many times all units lie along it, one after another."""

    parameter: str
    axis: int
    times: int = 1


#: Units that leave together; every set is `hidden` large.
_Units = list[_Place]

_OUTPUTS = [_Place("action.weight", 1), _Place("phase.weight", 1)]


def _layer(name: str) -> list[_Place]:
    """What a layer gives."""
    return [_Place(f"{name}.weight", 0), _Place(f"{name}.bias", 0)]


def _gru(head: Head) -> list[_Units]:
    gates = [_Place(f"body.gru.{part}_{of}_l0", 0, 3) for part in ("weight", "bias") for of in ("ih", "hh")]
    return [
        [*_layer("body.narrow.0"), _Place("body.gru.weight_ih_l0", 1)],
        [*gates, _Place("body.gru.weight_hh_l0", 1), *_OUTPUTS],
    ]


def _mlp(head: Head) -> list[_Units]:
    return [
        [*_layer("body.read.1"), _Place("body.read.3.weight", 1)],
        [*_layer("body.read.3"), *_OUTPUTS],
    ]


def _tcn(head: Head) -> list[_Units]:
    blocks = [f"body.blocks.{i}" for i in range(len(head.model.body.blocks))]  # type: ignore[arg-type]
    stream = [*_layer("body.narrow"), *_OUTPUTS]
    for block in blocks:
        stream += [_Place(f"{block}.taps", 1), _Place(f"{block}.bias", 0)]
        stream += [_Place(f"{block}.mix.0.weight", 1), *_layer(f"{block}.mix.2")]
    return [stream, *([*_layer(f"{block}.mix.0"), _Place(f"{block}.mix.2.weight", 1)] for block in blocks)]


_UNITS = {"gru": _gru, "mlp": _mlp, "tcn": _tcn}


def prune_head(head: Head, ratio: float, criterion: Literal["l1", "l2"] = "l2", round_to: int = 1) -> Head:
    """The head without the share `ratio` of its hidden units, the least important of each layer.

    A unit counts as much as all its weights together, by L1 or squared L2 norm. Raises InputError for a head whose
    units can't be told apart, and for a ratio that leaves none.
    """
    if head.name not in _UNITS:
        raise InputError("its units can't be pruned", field="head", expected=" or ".join(_UNITS), found=head.name,
                         hint="a step `mask` takes single weights of any head")  # fmt: skip
    hidden = head.hidden
    if round(hidden * (1 - ratio)) < 1:
        raise InputError("would empty a layer", field="ratio", expected="a smaller one", found=f"{ratio} of {hidden}")
    keep = min(hidden, max(1, round(hidden * (1 - ratio) / round_to)) * round_to)
    state = {name: value.detach().clone() for name, value in head.model.state_dict().items()}
    whole = dict(state)
    for units in _UNITS[head.name](head):
        importance = torch.stack([_norms(whole[place.parameter], place, hidden, criterion) for place in units]).sum(0)
        kept = importance.argsort(descending=True)[:keep].sort().values
        for name, axis, times in units:
            rows = torch.cat([kept + i * hidden for i in range(times)])
            state[name] = state[name].index_select(axis, rows)
            hidden_after = state[name].shape[axis] // times
            if hidden_after != keep:
                raise RepSightError(f"{name} has {hidden_after} units after pruning (expected {keep})")
    model = blank(head.card, keep)
    model.load_state_dict(state)
    return Head(model, head.card)


def _norms(values: Tensor, place: _Place, hidden: int, criterion: str) -> Tensor:
    """Each unit's share in the norm of a parameter."""
    by_unit = values.movedim(place.axis, 0).reshape(place.times, hidden, -1)
    return (by_unit.abs() if criterion == "l1" else by_unit.square()).sum((0, 2))
