"""The words of screens and voice, by language; and in English those of summaries and tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, get_args

from configs.language import Labels, Remarks, Said, Spoken, Strings
from configs.loader import FOLDER, load
from edge.reading import State

#: How urgent a state is: everything runs, a hold runs, nothing to do, the user must act, the machine must be mended.
Tone = Literal["good", "hold", "calm", "warn", "alarm"]

Language = Literal["en", "de"]

_TONES: Final[Mapping[State, Tone]] = {
    "camera lost": "alarm", "no person": "warn", "step back": "warn", "turn to the side": "warn",
    "ready": "calm", "counting": "good", "hold": "hold", "rest": "calm",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that is said in one language: configs/strings."""

    language: Language
    strings: Strings

    @property
    def screen(self) -> Labels:
        """Small words beside numbers, and what keys do."""
        return self.strings.screen

    @property
    def remarks(self) -> Remarks:
        """On what was just done, or is to be done."""
        return self.strings.remarks

    @property
    def spoken(self) -> Spoken:
        """What is heard and never shown."""
        return self.strings.spoken

    def state(self, state: State) -> tuple[str, str, Tone]:
        """A state as headline, what to do, and how urgent that is."""
        said = self.strings.states[state]
        return said.headline, said.advice, _TONES[state]

    def name(self, action: str) -> str:
        """An action as a person writes it: `push_up` is `push-up`; one that nobody listed loses its underscores."""
        known = self.strings.actions.get(action)
        return known[0] if known else action.replace("_", " ")

    def plural(self, action: str) -> str:
        """More than one of an action."""
        known = self.strings.actions.get(action)
        if known:
            return known[1]
        name, ending = self.name(action), self.strings.plural
        return name + ("e" if ending and name.endswith(("s", "x", "ch", "sh")) else "") + ending

    def title(self, action: str) -> str:
        """An action with a capital letter, for a heading."""
        return capital(self.name(action))

    def count(self, action: str, count: int) -> str:
        """`1 squat`, `4 push-ups`."""
        return f"{count} {self.name(action) if count == 1 else self.plural(action)}"

    def number(self, value: float) -> str:
        """With one decimal: `1.4`, `1,4`."""
        return f"{value:.1f}".replace(".", self.strings.decimal)

    def totals(self, reps: Mapping[str, int], holds_s: Mapping[str, float], *, exact: bool = True) -> str:
        """`5 squats, 4 push-ups, plank 5.1 s`; nothing when there is nothing.

        Not exact: whole seconds that are over, as a board counts them."""
        parts = [self.count(action, count) for action, count in reps.items() if count]
        parts += [f"{self.name(action)} {self.number(seconds) if exact else int(seconds)} s"
                  for action, seconds in holds_s.items() if seconds > 0]  # fmt: skip
        return ", ".join(parts)


def language_of(setting: str, environment: Mapping[str, str] | None = None) -> Language:
    """`en` or `de` as they are; `auto` is what the environment says, as POSIX orders it, and English otherwise."""
    environment = os.environ if environment is None else environment
    locale = next((environment[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(key)), "")
    wanted = locale[:2].lower() if setting == "auto" else setting
    return next((language for language in get_args(Language) if language == wanted), "en")


@cache
def words_in(language: Language = "en") -> Words:
    """The words of a language. Raises ConfigError when its file does not fit."""
    return Words(language, load(Strings, FOLDER / "strings" / f"{language}.yaml"))


def filled(said: Said, **values: str) -> Said:
    """What is said, with its `{names}` filled in."""
    return Said(headline=said.headline.format(**values), advice=said.advice.format(**values),
                said=said.said.format(**values))  # fmt: skip


def capital(text: str) -> str:
    """The text with a capital letter first."""
    return text[:1].upper() + text[1:]


def name_of(action: str) -> str:
    """An action as a person writes it in English; so do the next three."""
    return words_in().name(action)


def title_of(action: str) -> str:
    """The same with a capital letter, for a heading."""
    return words_in().title(action)


def plural_of(action: str) -> str:
    """More than one of an action."""
    return words_in().plural(action)


def reps_in_words(action: str, count: int) -> str:
    """`1 squat`, `4 push-ups`."""
    return words_in().count(action, count)


def clock(seconds: float) -> str:
    """`0:42`, `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def totals_in_words(reps: Mapping[str, int], holds_s: Mapping[str, float]) -> str:
    """`5 squats, 4 push-ups, plank 5.1 s`, or `nothing counted`."""
    return words_in().totals(reps, holds_s) or "nothing counted"
