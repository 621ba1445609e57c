"""The schema of configs/strings: what the screens and the voice say, one file a language."""

from __future__ import annotations

from pydantic import Field

from configs.schema import Schema


class Said(Schema):
    """A headline, what to do about it, and what the voice says of it, if anything."""

    headline: str
    advice: str
    said: str = ""


class Remarks(Schema):
    """On what was just done, or is to be done."""

    hold_soon: Said
    shallow: Said
    further: Said
    slower: Said
    finished: Said
    next: Said
    go: Said
    not_now: Said
    get_ready: Said
    recording: Said
    done: Said


class Labels(Schema):
    """Small words beside numbers, and what keys do."""

    rep: str
    reps: str
    seconds: str
    seconds_of: str
    of_goal: str
    set_of: str
    seconds_left: str
    sets_done: str
    until_it_begins: str
    tempo: str
    set: str
    rest: str
    quit: str
    full_screen: str
    reset: str
    skip: str
    space: str
    today: str


class Spoken(Schema):
    """What is heard and never shown."""

    seconds: str
    hold: str
    rest: str


class Strings(Schema):
    """configs/strings/en.yaml and its sisters. `{name}` in a string is filled in."""

    name: str
    voice: str = Field(description="espeak-ng's name of the language")
    decimal: str = Field(min_length=1, max_length=1)
    plural: str = Field(description="what makes more than one of an exercise that is not listed; empty for nothing")
    states: dict[str, Said] = Field(description="what the user is told, by the states of a reading")
    remarks: Remarks
    screen: Labels
    spoken: Spoken
    actions: dict[str, tuple[str, str]] = Field(description="one of an exercise, and several")
