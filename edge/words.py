"""The words that screens, summary and tables share: names of actions, states and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from edge.reading import State

#: How urgent a state is: everything runs, a hold runs, nothing to do, the user must act, the machine must be mended.
Tone = Literal["good", "hold", "calm", "warn", "alarm"]

#: State to (headline, what to do, tone).
STATES: Final[Mapping[State, tuple[str, str, Tone]]] = {
    "camera lost": ("Camera lost", "Check the cable, trying again", "alarm"),
    "no person": ("Nobody in view", "Step in front of the camera", "warn"),
    "step back": ("Step back", "Show your whole body", "warn"),
    "turn to the side": ("Turn to the side", "So that your joints can be seen", "warn"),
    "ready": ("Ready", "Start when you like", "calm"),
    "counting": ("Counting", "Keep going", "good"),
    "hold": ("Hold it", "Stay as you are", "hold"),
    "rest": ("Rest", "Start when you like", "calm"),
}

#: Where an underscore is not simply a space.
_NAMES: Final = {"push_up": "push-up", "sit_up": "sit-up", "pull_up": "pull-up", "stand": "standing"}


def name_of(action: str) -> str:
    """An action as a person writes it: `push_up` is `push-up`."""
    return _NAMES.get(action, action.replace("_", " "))


def title_of(action: str) -> str:
    """The same with a capital letter, for a heading."""
    name = name_of(action)
    return name[:1].upper() + name[1:]


def plural_of(action: str) -> str:
    """More than one of an action."""
    name = name_of(action)
    return name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")


def reps_in_words(action: str, count: int) -> str:
    """`1 squat`, `4 push-ups`."""
    return f"{count} {name_of(action) if count == 1 else plural_of(action)}"


def clock(seconds: float) -> str:
    """`0:42`, `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def totals_in_words(reps: Mapping[str, int], holds_s: Mapping[str, float]) -> str:
    """`5 squats, 4 push-ups, plank 5.1 s`, or `nothing counted`."""
    parts = [reps_in_words(action, count) for action, count in reps.items() if count]
    parts += [f"{name_of(action)} {seconds:.1f} s" for action, seconds in holds_s.items() if seconds > 0]
    return ", ".join(parts) or "nothing counted"
