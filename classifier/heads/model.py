"""A whole head: normalisation, a body from the registry, and the two outputs of the contract."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from classifier.heads.normalize import FEATURES, Normalize
from classifier.heads.registry import build
from keypoints.errors import InputError


class HeadModel(nn.Module):
    """Windows (B, T, 17, 3) to action logits (B, C) and phase (B, 2).

    The phase is not forced onto the unit circle: trained on squared error, its length falls where the model is
    unsure, and 1 - 2 * (share of the range of motion) is what its cosine then still estimates best.

    The answer is the mean of two, for the window and for its mirror image: the same whichever side people turn to
    the camera, and the errors of one are not those of the other.
    """

    def __init__(self, head: str, hidden: int, classes: int, window: int, rate_hz: float, dropout: float = 0.1) -> None:
        super().__init__()
        self.normalize = Normalize(rate_hz, window)
        self.body = build(head, FEATURES, hidden, window)
        width = int(self.body.width)  # type: ignore[arg-type]
        _check_body(self.body, head, window, width)
        self.dropout = nn.Dropout(dropout)
        self.action = nn.Linear(width, classes)
        self.phase = nn.Linear(width, 2)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        action, phase = self._outputs(self.body(self.normalize.both_ways(keypoints))[:, -1])
        return action.view(2, -1, self.action.out_features).mean(0), phase.view(2, -1, 2).mean(0)

    def history(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """What the model makes of the windows alone, without their mirror images, at each sample: logits (B, P, C)
        and phases (B, P, 2) of the newest P samples; P is 1 for bodies that read the window as a whole."""
        return self._outputs(self.body(self.normalize(keypoints)))

    def _outputs(self, summary: Tensor) -> tuple[Tensor, Tensor]:
        summary = self.dropout(summary)
        return self.action(summary), self.phase(summary).tanh()


def _check_body(body: nn.Module, head: str, window: int, width: int) -> None:
    """Raises InputError when its summaries are not what `HeadModel` makes its outputs from."""
    training = body.training
    with torch.no_grad():
        found = tuple(body.eval()(torch.zeros(2, window, FEATURES)).shape)
    body.train(training)
    if found not in ((2, 1, width), (2, window, width)):
        raise InputError(f"the body of the head {head} has another output", field="head",
                         expected=f"(batch, 1 or {window}, {width})", found=f"({', '.join(map(str, found))})",
                         hint="its `width` is the last of these, see docs/extend/add-a-head.md")  # fmt: skip
