"""The pages' words, in every language."""

from __future__ import annotations

import re
from typing import get_args

from edge.web.pages import FOLDER, words_of
from edge.words import Language

#: Put together in the scripts, or given by the server.
_MADE = {"lost", "lost_advice", "ended", "ended_advice", "reps_a_day", "reps_a_week", "minutes_a_day",
         "minutes_a_week", "seconds_a_day", "seconds_a_week", "range_title", "tempo_title", "token_wanted",
         "token_advice", "token_wrong", "token_wrong_advice", "refused", "idle", "idle_advice"}  # fmt: skip
_GIVEN = {"told", "language", "title", "advice", "skip", "reset"}


def test_every_language_says_the_same_things_with_the_same_gaps() -> None:
    gaps = [{key: sorted(re.findall(r"\{\w+\}", text)) for key, text in words_of(language).items()}
            for language in get_args(Language)]  # fmt: skip
    assert all(one == gaps[0] for one in gaps)
    assert all(text.strip() for language in get_args(Language) for text in words_of(language).values())


def test_what_the_pages_say_has_words_and_no_word_is_idle() -> None:
    asked = set(_MADE)
    for file in FOLDER.iterdir():
        if file.suffix == ".html":
            asked |= set(re.findall(r"\[\[(\w+)\]\]", file.read_text())) - _GIVEN
        elif file.suffix == ".js":
            asked |= set(re.findall(r'\b(?:say|head)\("(\w+)"', file.read_text()))
            asked |= set(re.findall(r'\bkey\([^;]*?, "(\w+)"\)', file.read_text()))
            asked |= {word for pair in re.findall(r'\? "(\w+)" : "(\w+)"', file.read_text()) for word in pair
                      if word in words_of("en")}  # fmt: skip
    assert asked == set(words_of("en"))
