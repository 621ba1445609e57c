"""Checkpoints of heads: a head between two steps of a plan, with its card and its masks."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch

from classifier.head import OnnxHead
from classifier.heads import HeadModel, bodies
from classifier.restore import PREFIX, architecture, load_head
from compression.masks import carry, masks_of
from keypoints.card import KEY, HeadCard, read_card
from keypoints.errors import InputError, ModelError

#: The newest format of a head's checkpoint that this version reads.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Head:
    """model: with float weights and its masks. card: of the file that it was read from."""

    model: HeadModel
    card: HeadCard

    @property
    def name(self) -> str:
        """Which head it is, by its name in the registry."""
        return architecture(self.card)

    @property
    def hidden(self) -> int:
        """The units of its summary."""
        return int(self.model.phase.in_features)


def read_head(path: Path) -> Head:
    """A head's checkpoint (.pt), or a head file (.onnx) back into the model that it was exported from.

    Raises InputError when there is no such file, ModelError for another kind of file or a head that has no gradient.
    """
    if not path.is_file():
        raise InputError("no such head", file=path)
    if path.suffix == ".onnx":
        return Head(load_head(path), OnnxHead(path).card)
    try:
        content = torch.load(path, weights_only=True)
        known = content["format"] == FORMAT and content["kind"] == "head"
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, OSError):
        known = False
    if not known:
        raise ModelError("not a head", file=path, expected="a head file (.onnx), or a checkpoint that `compress` wrote")
    card = read_card(HeadCard, {KEY: content["card"]}, path)
    model = blank(card, content["hidden"])
    model.load_state_dict(content["state"])
    if content["masks"]:
        carry(model, content["masks"])
    return Head(model, card)


def write_head(head: Head, path: Path) -> None:
    """Write a head's checkpoint."""
    torch.save({
        "format": FORMAT, "kind": "head", "card": head.card.to_json(), "hidden": head.hidden,
        "state": head.model.state_dict(), "masks": masks_of(head.model),
    }, path)  # fmt: skip


def blank(card: HeadCard, hidden: int) -> HeadModel:
    """An untrained head of a card's architecture, with `hidden` units. Raises ModelError for one without gradient."""
    name = architecture(card)
    if name not in bodies():
        raise ModelError("can't be trained further", field="name", expected=" or ".join(PREFIX + n for n in bodies()),
                         found=card.name)  # fmt: skip
    return HeadModel(name, hidden, len(card.actions), card.window, card.rate_hz).eval()
