"""Splits keep people and sources on one side and every class on all; the check refuses a split that does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.loader import load_actions
from data import split
from data.sets import Options
from data.split import Item
from keypoints.errors import InputError
from keypoints.types import KeypointSequence

ACTIONS = load_actions()
CLASSES = ("squat", "plank", "stand")


def items(groups: int = 12, each: int = 3) -> list[Item]:
    """Recordings of `groups` people, every one of whom does one of three things."""
    return [
        Item(f"{group}-{i}", frozenset({f"subject {group}"}), frozenset({CLASSES[group % 3]}))
        for group in range(groups)
        for i in range(each)
    ]


def part_of(made: split.Split) -> dict[str, str]:
    return {name: part for part, names in made.items() for name in names}


def test_a_split_is_the_same_for_a_seed_and_near_to_the_shares_that_are_wanted() -> None:
    made = split.make(items(60), seed=3)
    assert made == split.make(items(60), seed=3) != split.make(items(60), seed=4)
    shares = np.array([len(made[part]) for part in split.PARTS]) / 180
    np.testing.assert_allclose(shares, split.SHARES, atol=0.05)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14), st.sampled_from(CLASSES)), max_size=40),
       st.integers(0, 3))  # fmt: skip
def test_nobody_is_on_two_sides_and_no_class_is_missing_or_it_is_said(
    drawn: list[tuple[int, int, str]], seed: int
) -> None:
    found = [
        Item(f"r{i}", frozenset({f"source {source}", f"subject {subject}"}), frozenset({label}))
        for i, (source, subject, label) in enumerate(drawn)
    ]
    try:
        made = split.make(found, seed)
    except InputError as error:
        assert "missing" in str(error) or "can't be in every part" in str(error) or "no recordings" in str(error)
        return
    side = part_of(made)
    assert len(side) == len(found)
    for one in found:
        for other in found:
            assert side[one.name] == side[other.name] or not one.origins & other.origins
    for part in split.PARTS:
        assert {label for item in found if side[item.name] == part for label in item.classes} == {
            label for item in found for label in item.classes
        }


def test_a_source_joins_people_who_never_met() -> None:
    chain = [Item("a", frozenset({"source 1", "subject x"}), frozenset({"squat"})),
             Item("b", frozenset({"source 2", "subject x"}), frozenset({"squat"})),
             Item("c", frozenset({"source 2", "subject y"}), frozenset({"squat"}))]  # fmt: skip
    side = part_of(split.make([*items(), *chain]))
    assert side["a"] == side["b"] == side["c"]


def test_a_class_of_too_few_sources_is_named_and_can_be_left_out() -> None:
    rare = [*items(), Item("rare", frozenset({"subject z"}), frozenset({"lunge"}))]
    line = r"the class lunge can't be in every part .* found lunge: examples 1, sources 1\); .*--without lunge"
    with pytest.raises(InputError, match=line):
        split.make(rare)
    assert "rare" not in part_of(split.make(split.without(rare, ["lunge"])))
    both = [*rare, *(Item(f"up {i}", frozenset({f"subject {i}"}), frozenset({"pull_up"})) for i in range(2))]
    with pytest.raises(InputError, match=r"classes lunge, pull_up .*--without lunge --without pull_up$"):
        split.make(both)
    with pytest.raises(InputError, match="no recordings"):
        split.make([])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda parts: parts["test"].append("0-0"), "0-0: is in train and in test"),
        (lambda parts: parts["train"].append("0-0"), "0-0: is there twice"),
        (lambda parts: parts["test"].append(parts["train"].pop()), "subject 8: is on both sides: in train and in"),
        (lambda parts: parts["test"].clear(), "test: has no recordings"),
        (lambda parts: parts["test"].append("nobody"), "test: nobody: is not in the set"),
        (lambda parts: parts.update(test=["9-0", "10-0"]), "test: the class stand is missing"),
    ],
)  # fmt: skip
def test_a_split_that_can_not_be_trusted_is_refused_by_one_line(change: object, line: str, tmp_path: Path) -> None:
    def names(groups: Sequence[int]) -> list[str]:
        return [item.name for item in items() if int(item.name.partition("-")[0]) in groups]

    parts = {"train": names(range(9)), "test": names((9, 10, 11))}
    split.check(parts, items())
    change(parts)  # type: ignore[operator]
    file = tmp_path / "split.json"
    file.write_text(json.dumps(parts))
    with pytest.raises(InputError, match=line) as caught:
        split.check(split.load(file), items(), file)
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


def test_a_published_split_is_kept_to_and_validation_comes_out_of_its_training_part() -> None:
    found = items(30, 1)
    parts = {item.name: "test" if i >= 24 else "train" for i, item in enumerate(found)}
    made = split.make(found, fixed=parts)
    assert set(made["test"]) == {name for name, part in parts.items() if part == "test"}
    assert len(made["validation"]) >= 3
    with pytest.raises(InputError, match="both sides of the published split"):
        split.make(items(30, 2), fixed={"0-0": "train", "0-1": "test"})


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_split_of_a_set_is_written_and_read_and_selects(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(9):
        KeypointSequence(
            np.ones((5, 17, 3), np.float32), np.arange(5) / 10, (640, 480), CLASSES[i % 3], subject=f"p{i}"
        ).save(folder / f"{i}.npz")
    (folder / "bad.npz").write_bytes(b"")
    told: list[str] = []
    options = Options(problem=told.append)
    made = split.of_set(folder, ACTIONS, options, seed=1)
    assert len(told) == 1 and "bad.npz" in told[0]
    file = tmp_path / f"split{suffix}"
    split.write(made, file, "set", 1)
    assert split.load(file) == made
    assert split.check_file(file, folder, ACTIONS, options) == made
    recordings = list(split.read(folder, ACTIONS, options))
    chosen = list(split.select(recordings, made, "test"))
    assert [one.name for one in split.read_part(folder, ACTIONS, Options(), file, "test")] == list(made["test"])
    assert tuple(one.name for one in chosen) == made["test"]
    with pytest.raises(InputError, match="no such part"):
        split.select(recordings, made, "dev")
    with pytest.raises(InputError, match=r"split\.\w+: dev: no such part \(expected train, validation, test\)"):
        split.read_part(folder, ACTIONS, Options(), file, "dev")


@pytest.mark.parametrize("content", ["", "- a", "parts: 3", "{", "train: a"])
def test_a_file_that_is_no_split_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "split.yaml").write_text(content)
    with pytest.raises(InputError, match=r"split\.yaml: not a split"):
        split.load(tmp_path / "split.yaml")
