"""The words that the user reads and hears, in every language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from configs.language import Strings
from configs.loader import FOLDER, load, load_actions, read
from edge.look import TONES
from edge.paint import draw_text
from edge.reading import State
from edge.words import (
    Language,
    clock,
    language_of,
    name_of,
    plural_of,
    reps_in_words,
    title_of,
    totals_in_words,
    words_in,
)
from keypoints.errors import ConfigError

LANGUAGES = get_args(Language)


@pytest.mark.parametrize(
    ("action", "title", "plural"),
    [
        ("squat", "Squat", "squats"),
        ("push_up", "Push-up", "push-ups"),
        ("biceps_curl", "Biceps curl", "biceps curls"),
        ("shoulder_press", "Shoulder press", "shoulder presses"),
        ("jumping_jack", "Jumping jack", "jumping jacks"),
        ("stand", "Standing", "standing"),
        ("my_own_exercise", "My own exercise", "my own exercises"),
        ("bench_press", "Bench press", "bench presses"),
    ],
)
def test_actions_read_like_english(action: str, title: str, plural: str) -> None:
    assert (title_of(action), plural_of(action)) == (title, plural)


def test_actions_read_like_german() -> None:
    german = words_in("de")
    assert [german.count("push_up", n) for n in (1, 4)] == ["1 Liegestütz", "4 Liegestütze"]
    assert german.count("my_own_exercise", 3) == "3 my own exercise", "nobody knows the plural of a taught one"
    assert german.number(1.44) == "1,4"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_and_every_action_has_words_and_nothing_more(language: Language) -> None:
    words = words_in(language)
    assert set(words.strings.states) == set(get_args(State))
    assert set(words.strings.actions) == set(load_actions().names)
    assert {words.state(state)[2] for state in get_args(State)} == set(TONES)
    assert not any("_" in words.name(action) for action in load_actions().names)


def leaves(tree: Any, at: str = "") -> dict[str, str]:
    """Every string of a file by where it is; a key of no mapping is a number."""
    branches = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return (
        {at: tree} if isinstance(tree, str) else {k: v for n, b in branches for k, v in leaves(b, f"{at}.{n}").items()}
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_in_both_languages_with_the_same_names_to_fill_in(language: Language) -> None:
    ours, english = (leaves(read(FOLDER / "strings" / f"{one}.yaml")) for one in (language, "en"))
    assert ours.keys() == english.keys()
    for key, text in ours.items():
        assert set(re.findall(r"{\w*}", text)) == set(re.findall(r"{\w*}", english[key])), key
        assert text or not english[key] or key == ".plural", f"{key} is empty"


def test_each_language_of_the_folder_can_be_chosen() -> None:
    assert {file.stem for file in (FOLDER / "strings").iterdir()} == set(LANGUAGES)


def test_a_language_with_a_key_missing_is_refused_by_name(tmp_path: Path) -> None:
    text = (FOLDER / "strings" / "de.yaml").read_text("utf-8").replace("  tempo: Tempo\n", "")
    (tmp_path / "de.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"de\.yaml: screen\.tempo: missing"):
        load(Strings, tmp_path / "de.yaml")


def drawn(text: str) -> bytes:
    """Its pixels, in the font of the window."""
    canvas = np.zeros((60, 60, 3), np.uint8)
    draw_text(canvas, text, (10, 45), 40, (255, 255, 255))
    return canvas.tobytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_in_the_font(language: Language) -> None:
    letters = set("".join(leaves(read(FOLDER / "strings" / f"{language}.yaml")).values())) - {" "}
    assert len(letters) > 40
    assert not letters & {letter for letter in letters if drawn(letter) in (drawn("\ue000"), drawn(" "))}


@pytest.mark.parametrize(
    ("setting", "environment", "language"),
    [
        ("auto", {"LANG": "de_DE.UTF-8"}, "de"),
        ("auto", {"LANG": "de"}, "de"),
        ("auto", {"LANG": "en_GB.UTF-8"}, "en"),
        ("auto", {"LANG": "fr_FR.UTF-8"}, "en"),
        ("auto", {"LANG": "C"}, "en"),
        ("auto", {}, "en"),
        ("auto", {"LANG": "de_AT", "LC_ALL": "en_US"}, "en"),
        ("auto", {"LANG": "en_US", "LC_MESSAGES": "de_CH", "LC_ALL": ""}, "de"),
        ("de", {"LANG": "en_US"}, "de"),
        ("en", {"LANG": "de_DE"}, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_that_of_the_machine(
    setting: str, environment: dict[str, str], language: str
) -> None:
    assert language_of(setting, environment) == language


def test_command_line_words_are_english() -> None:
    assert name_of("push_up") == "push-up"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (61, "1:01"), (3723, "1:02:03")])
def test_time_reads_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_summary_names_what_was_done() -> None:
    assert (
        totals_in_words({"squat": 5, "push_up": 4, "lunge": 0}, {"plank": 5.14}) == "5 squats, 4 push-ups, plank 5.1 s"
    )
    assert totals_in_words({}, {"plank": 0.0}) == "nothing counted"
    assert reps_in_words("sit_up", 1) == "1 sit-up"
