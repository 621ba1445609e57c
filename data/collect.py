"""Folders of labelled sequences, of whichever kind, as one list to train on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from configs.schema import Actions
from data import penn_action
from keypoints.errors import InputError
from keypoints.types import KeypointSequence

PENN_ACTION = "Penn Action's labels (Zhang, Zhu and Derpanis, ICCV 2013)"
SYNTHETIC = "synthetic people: parametric exercises on Anny bodies (Apache-2.0), seen by a random camera"


def collect(
    folders: Sequence[str | Path],
    actions: Actions,
    seed: int = 0,
    progress: Callable[[str], None] = lambda said: None,
) -> tuple[list[KeypointSequence], list[str]]:
    """The sequences of all folders, and what a model card says that they are.

    A folder holds keypoint sequences (`*.npz`), or it is Penn Action's (`labels/*.mat`), whose single reps are made
    into sets by `seed`. Raises InputError for a folder that is missing or neither.
    """
    sequences: list[KeypointSequence] = []
    said: list[str] = []
    for folder in map(Path, folders):
        progress(f"reading {folder}")
        if not folder.is_dir():
            raise InputError("no such folder", file=folder, expected="keypoint sequences (.npz) or Penn Action")
        if (folder / "labels").is_dir():
            found = list(penn_action.sets(penn_action.read(folder, actions), actions, seed))
            said.append(PENN_ACTION)
        else:
            found = [KeypointSequence.load(file) for file in sorted(folder.glob("*.npz"))]
            if not found:
                raise InputError("no sequences", file=folder, expected="*.npz, or labels/*.mat of Penn Action")
            synthetic = all((s.source or "").startswith("synthetic") for s in found)
            said.append(SYNTHETIC if synthetic else f"keypoint sequences of {folder.name}")
        sequences += found
    return sequences, list(dict.fromkeys(said))
