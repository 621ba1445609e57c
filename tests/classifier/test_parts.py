"""Who a head is validated on: a draw of people that has every action on both sides, wherever it can."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.examples import Examples
from classifier.parts import not_validated, split_by_subject
from keypoints.errors import InputError


def shown(*people: str) -> tuple[Examples, list[str]]:
    """Examples of one sample, each person in a sequence for each letter: `aab` shows action a twice and b once."""
    shows = [(number, ord(letter) - ord("a")) for number, letters in enumerate(people) for letter in letters]
    count = len(shows)
    empty = np.zeros((count, 17, 3), np.float32)
    labels = np.array([action for _, action in shows])
    examples = Examples(empty, labels, np.zeros((count, 2), np.float32), np.arange(count), np.arange(count), 1)
    return examples, [f"person {number}" for number, _ in shows]


def drawn(examples: Examples, subjects: list[str], share: float, seed: int) -> tuple[set[int], set[int], set[str]]:
    """The actions that are trained on and that are validated on, and who is validated on."""
    training, validation = split_by_subject(examples, subjects, share, seed)
    assert sorted([*training, *validation]) == list(range(len(examples)))
    held_out = {subjects[i] for i in validation}
    assert not held_out & {subjects[i] for i in training}
    return set(examples.action[training].tolist()), set(examples.action[validation].tolist()), held_out


@pytest.mark.parametrize(
    ("people", "validated", "count"),
    [
        (["a", "a", "b", "b", "c", "c"], {0, 1, 2}, 3),
        (["a", "a", "a", "a", "b", "b", "c"], {0, 1}, 2),
        (["ab", "a", "b", "c", "c"], {0, 1, 2}, None),
        (["abc", "abc"], {0, 1, 2}, 1),
        (["abc", "a", "b"], {0, 1}, 2),  # who alone shows c stays
        (["ab", "b", "a", *["ab"] * 17], {0, 1}, None),
    ],
)
def test_every_action_of_two_people_is_trained_on_and_validated_on(
    people: list[str], validated: set[int], count: int | None
) -> None:
    examples, subjects = shown(*people)
    for seed in range(20):
        trained_on, validated_on, held_out = drawn(examples, subjects, 0.1, seed)
        assert trained_on == {ord(letter) - ord("a") for letter in "".join(people)}
        assert validated_on == validated and count in (None, len(held_out))


def test_a_draw_that_has_every_action_on_both_sides_is_the_plain_one() -> None:
    examples, subjects = shown(*["abc"] * 40)
    names = np.unique(subjects)
    for seed in range(5):
        plain = np.random.default_rng(seed).permutation(names)[:4]
        assert drawn(examples, subjects, 0.1, seed)[2] == set(plain)


def test_more_people_are_drawn_where_the_share_asks_for_them() -> None:
    examples, subjects = shown(*["a"] * 10, *["b"] * 2)
    for seed in range(10):
        assert len(drawn(examples, subjects, 0.25, seed)[2]) == 3


def test_actions_that_one_person_alone_shows_are_named() -> None:
    assert not_validated(*shown("a", "ab", "c", "c")) == [1]
    assert not_validated(*shown("a", "a")) == []


def test_actions_of_one_person_each_can_not_be_split() -> None:
    with pytest.raises(InputError, match=r"subject: can't be split \(expected an action that two subjects show"):
        split_by_subject(*shown("a", "b", "c"), 0.1, 0)
    with pytest.raises(InputError, match=r"subject: can't be split \(expected two subjects"):
        split_by_subject(*shown("abc"), 0.1, 0)
