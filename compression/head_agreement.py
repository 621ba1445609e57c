"""How well two heads agree, and head files in eight bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from classifier.export import Served, export_head
from classifier.head import OnnxHead
from classifier.window import resample
from compression.head_rounding import round_by_answers
from compression.heads import read_head
from keypoints.card import HeadCard
from keypoints.errors import InputError, RepSightError
from keypoints.types import FloatArray, KeypointSequence

#: Seconds between the windows that are compared, and how many synthetic sequences stand in for folders.
EVERY_S, SYNTHETIC = 0.5, 60

#: Synthetic sequences that a head is shown while its weights are rounded: others than those it is compared on.
_SHOWN, _SHOWN_SEED = 12, 5

#: What a head says of one window (T, 17, 3): probabilities (C,) and, if it has one, phase (2,).
Say = Callable[[FloatArray], tuple[NDArray[Any], NDArray[Any] | None]]


@dataclass(frozen=True, slots=True)
class HeadAgreement:
    """windows: compared. same: share of them in which both name the same action. phase: mean angle between the phases
    that both tell, degrees."""

    windows: int
    same: float
    phase_deg: float

    def as_metrics(self) -> dict[str, Any]:
        """For a record or a card."""
        return {"windows": self.windows, "same_action": round(self.same, 5), "phase_deg": round(self.phase_deg, 2)}

    def require(self, least: float, file: Path) -> None:
        """Raise RepSightError when too few windows agree."""
        if self.same < least:
            raise RepSightError(f"{file}: names the same action as its source in {self.same:.2%} of {self.windows} "
                                f"windows (expected {least:.2%})")  # fmt: skip


def head_agreement(source: Path, other: Path, folders: Sequence[str]) -> HeadAgreement:
    """Compare two heads, checkpoints or head files, on windows of the sequences in the folders; synthetic people
    without any. Raises InputError when they do not read the same windows."""
    card, one = opened(source)
    other_card, two = opened(other)
    if (card.window, card.rate_hz, card.actions) != (other_card.window, other_card.rate_hz, other_card.actions):
        raise InputError("reads other windows or knows other actions", file=other, expected=f"as {source}")
    same, angles = [], []
    for window in windows(card, sequences(folders)):
        (said, phase), (also, other_phase) = one(window), two(window)
        same.append(int(said.argmax()) == int(also.argmax()))
        if phase is not None and other_phase is not None:
            lengths = np.linalg.norm(phase) * np.linalg.norm(other_phase)
            if lengths > 0.1:
                angles.append(np.degrees(np.arccos(np.clip(np.dot(phase, other_phase) / lengths, -1, 1))))
    if not same:
        raise InputError("no windows to compare heads on", field="windows", found=list(folders))
    return HeadAgreement(len(same), float(np.mean(same)), float(np.mean(angles)) if angles else 0.0)


def opened(path: Path) -> tuple[HeadCard, Say]:
    """The card of a head, and what it says of a window."""
    if path.suffix == ".onnx":
        head = OnnxHead(path)

        def say(window: FloatArray) -> tuple[NDArray[Any], NDArray[Any] | None]:
            said = head(window)
            return said.probabilities, said.phase

        return head.card, say
    checkpoint = read_head(path)
    served = Served(checkpoint.model, checkpoint.card.temperature).eval()

    @torch.no_grad()
    def say_torch(window: FloatArray) -> tuple[NDArray[Any], NDArray[Any] | None]:
        action, phase = served(torch.from_numpy(window[None]))
        return action[0].numpy(), phase[0].numpy()

    return checkpoint.card, say_torch


def sequences(folders: Sequence[str]) -> Iterable[KeypointSequence]:
    """The sequences in folders of .npz; synthetic ones without any."""
    if not folders:
        from data.synthetic import sequences as synthetic

        yield from synthetic(seed=97, count=SYNTHETIC)
        return
    for folder in map(Path, folders):
        files = sorted(folder.rglob("*.npz")) if folder.is_dir() else []
        if not files:
            raise InputError("no sequences in it", file=folder, field="windows", expected="a folder with .npz files")
        yield from map(KeypointSequence.load, files)


def windows(card: HeadCard, given: Iterable[KeypointSequence]) -> Iterable[FloatArray]:
    """Windows (T, 17, 3) as a head reads them, one each half second; before the first sample it is repeated."""
    step = max(1, round(EVERY_S * card.rate_hz))
    for sequence in given:
        _, points = resample(sequence.time_s, sequence.keypoints, card.rate_hz)
        padded = np.concatenate([np.repeat(points[:1], card.window - 1, 0), points]).astype(np.float32)
        for start in range(0, len(points), step):
            yield padded[start : start + card.window]


def write_int8(source: Path, target: Path, folders: Sequence[str] = ()) -> None:
    """Write a head, a checkpoint or a head file, with every large weight rounded to a byte, as a head file.

    folders: of sequences that it is shown meanwhile, beside synthetic people.
    """
    from data.synthetic import sequences as synthetic

    head = read_head(source)
    shown = chain(synthetic(seed=_SHOWN_SEED, count=_SHOWN), sequences(folders) if folders else ())
    round_by_answers(head.model, windows(head.card, shown))
    export_head(head.model, head.card, target)
