"""The levels of a pose head: each finds people of one size, on a grid of its own; a level that finds nobody can go."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import nn

from compression.pose_head import head_of
from keypoints.errors import InputError


def drop_levels(network: Any, strides: Collection[int]) -> None:
    """Take the levels with these strides, px, from the head of a pose network, in place; its neck stays as it is.

    A nano model at 256 px finds next to nobody on its finest grid, which takes a fifth of the time: people so small
    have no joints that could be told apart. Raises InputError for a stride that it does not have, and for all of them.
    """
    head = head_of(network)
    there = [int(stride) for stride in head.stride.tolist()]
    unknown = sorted(set(strides) - set(there))
    if unknown or set(strides) >= set(there):
        raise InputError("no such level" if unknown else "a head needs a level", field="levels.drop",
                         expected=f"some of {there}, not all", found=list(strides))  # fmt: skip
    kept = [i for i, stride in enumerate(there) if stride not in strides]
    for name, branches in list(head.named_children()):
        if isinstance(branches, nn.ModuleList) and len(branches) == len(there):
            setattr(head, name, nn.ModuleList(branches[i] for i in kept))
    head.f = [head.f[i] for i in kept]
    head.nl = len(kept)
    head.stride = network.stride = head.stride[kept]
    head.shape = None  # its grid of anchors is made anew
