"""Which windows a head is trained on, and which it is validated on: nobody is in both, every action is if it can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifier.examples import Examples
from keypoints.errors import InputError

Indices = NDArray[np.int64]


def split_by_subject(examples: Examples, subjects: Sequence[str], share: float, seed: int) -> tuple[Indices, Indices]:
    """Indices of the training and the validation windows: as the examples say, else by a draw of subjects.

    subjects: who each sequence shows, by sequence number; nobody who is drawn is in both. An action that two subjects
    show is in both, for which more than `share` of them may be drawn; who alone shows an action stays in training.
    Raises InputError when one of the two would be empty.
    """
    if examples.held_out:
        held_out = np.isin(examples.sequence, list(examples.held_out))
        if held_out.all() or not held_out.any():
            raise InputError("nothing can be cut out of it", field="train" if held_out.all() else "validation",
                             expected="longer sequences, with somebody in them")  # fmt: skip
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    people, who, shows = _shown(examples, subjects)
    if len(people) < 2:
        raise InputError("can't be split", field="subject", expected="two subjects at least", found=len(people),
                         hint="give more recordings: some are held back, to validate on")  # fmt: skip
    count = min(max(1, round(share * len(people))), len(people) - 1)
    order = np.random.default_rng(seed).permutation(len(people))
    drawn = _drawn(shows[order], count)
    if not drawn:
        raise InputError("can't be split", field="subject", expected="an action that two subjects show",
                         found=f"{len(people)} subjects, each the only one to show an action",
                         hint="record each action twice at least, or by two people")  # fmt: skip
    held_out = np.isin(who, order[drawn])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def not_validated(examples: Examples, subjects: Sequence[str]) -> list[int]:
    """The actions, by number, that a draw leaves out of the validation, since one subject alone shows each."""
    if examples.held_out:
        return []
    return [int(number) for number in np.flatnonzero(_shown(examples, subjects)[2].sum(0) == 1)]


def _shown(examples: Examples, subjects: Sequence[str]) -> tuple[NDArray[np.str_], Indices, NDArray[np.bool_]]:
    """All people (P,), who each window shows (M,), and who shows which action (P, actions)."""
    people, who = np.unique(np.array(subjects)[examples.sequence], return_inverse=True)
    shows = np.zeros((len(people), int(examples.action.max()) + 1), bool)
    shows[who, examples.action] = True
    return people, who, shows


def _drawn(shows: NDArray[np.bool_], count: int) -> list[int]:
    """Which rows of `shows` (people in the order of the draw, actions) are held out: the first `count`, if no action
    misses on a side; else one for each action, the rarest first, and then as many as may go."""
    several = shows.sum(0) > 1
    if shows[:count, several].any(0).all() and shows[count:, shows.any(0)].any(0).all():
        return list(range(count))
    drawn: list[int] = []

    def draw(candidates: Indices) -> None:
        for one in candidates:
            left: NDArray[np.bool_] = np.any(np.delete(shows, [*drawn, one], 0), axis=0)
            if one not in drawn and left[shows[one]].all():
                drawn.append(int(one))
                return

    for action in np.argsort(shows.sum(0), kind="stable"):
        if several[action] and not shows[drawn, action].any():
            draw(np.flatnonzero(shows[:, action]))
    for one in range(len(shows)):
        if len(drawn) < count:
            draw(np.array([one]))
    return drawn
