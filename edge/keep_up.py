"""Keeps a slow or hot machine at its promise: fewer pictures a second, then a smaller pose model; and back again.

Time is real time: what is left out changes how finely a rep is seen, and not how many there are.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal, Self

from configs.keep_up import KeepUp
from edge.machine import throttle_reasons, throttled

#: One step down when the median over so long, s, and of so many frames at the least, is above the target.
LOOK_S: Final = 2.0
LEAST_FRAMES: Final = 5

#: One step up after so long, s, in which no such median was above this share of the target, and the machine was not
#: hot. Each time that this proves too early the wait doubles, up to the longest.
CALM_S: Final = 10.0
CALM_SHARE: Final = 0.7
LONGEST_CALM_S: Final = 300.0

#: Seconds between two questions to the machine, and what of its answers is the heat's: an under-voltage alone is a
#: matter of the power supply.
ASK_S: Final = 5.0
_HOT: Final = frozenset({"frequency capped", "throttled", "soft temperature limit"})

Why = Literal["slow", "hot", "calm"]


@dataclass(frozen=True, slots=True)
class Step:
    """How much is done. fps: pictures a second that are looked at, None for all. small: with the smaller pose model."""

    fps: float | None = None
    small: bool = False

    def in_words(self, input_size: tuple[int, int]) -> str:
        """`10 fps 192 px`, without words of any language; nothing when all is done. input_size: of the model in use."""
        parts = [f"{self.fps:g} fps"] if self.fps is not None else []
        return " ".join([*parts, f"{max(input_size)} px"] if self.small else parts)


@dataclass(frozen=True, slots=True)
class Change:
    """A step that was taken. at_s: of the source. median_ms: what a frame took, from decoded to drawn, before it."""

    at_s: float
    why: Why
    step: Step
    median_ms: float

    def in_words(self, input_size: tuple[int, int]) -> str:
        """One line for the user."""
        why = {"slow": "this machine is too slow", "hot": "this machine slows itself down for its heat",
               "calm": "this machine keeps up again"}[self.why]  # fmt: skip
        return (
            f"{why} ({self.median_ms:.0f} ms a picture): it looks at {self.step.in_words(input_size) or 'all of them'}"
        )

    def described(self) -> dict[str, object]:
        """As the report's JSON holds it."""
        return {"at_s": round(self.at_s, 3), "why": self.why, "fps": self.step.fps, "small_pose": self.step.small,
                "median_ms": round(self.median_ms, 1)}  # fmt: skip


class Heat:
    """Whether a Raspberry Pi slows itself down, asked now and then without making a frame wait."""

    def __init__(self, ask: Callable[[], str | None] = throttled) -> None:
        """ask: gives what `vcgencmd get_throttled` says, None where there is none; then it is not asked again."""
        self._ask = ask
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heat")
        self._answer: Future[str | None] | None = None
        self._asked_s = -ASK_S
        self._hot = self._silent = False

    def __call__(self, time_s: float) -> bool:
        """By the newest answer; time_s: now, never falling."""
        if self._answer is not None and self._answer.done():
            answer, self._answer = self._answer.result(), None
            self._silent = answer is None
            self._hot = answer is not None and _is_hot(answer)
        if self._answer is None and not self._silent and time_s - self._asked_s >= ASK_S:
            self._asked_s, self._answer = time_s, self._thread.submit(self._ask)
        return self._hot

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()


def _is_hot(answer: str) -> bool:
    if re.fullmatch(r"throttled=0x[0-9a-fA-F]+", answer) is None:
        return False
    return bool(_HOT & set(throttle_reasons(answer)[0]))


class Keeper:
    """Decides, frame by frame, how much is done.

    The steps are those of the settings in their order: each rate of `fps`, then the smaller pose model. One step down
    when frames take longer than the target, or the machine is hot; one step up when that has been over for a while.
    """

    def __init__(self, settings: KeepUp, hot: Callable[[float], bool] = lambda time_s: False) -> None:
        """hot: whether the machine slows itself down, by the time of the source."""
        self._target_ms, self._hot = settings.target_ms, hot
        rates = sorted(settings.fps, reverse=True)
        self._steps = [Step(), *(Step(fps) for fps in rates)]
        if settings.pose is not None:
            self._steps.append(Step(rates[-1] if rates else None, small=True))
        self._level = 0
        self._calm_s = CALM_S
        self._up_s = -LONGEST_CALM_S
        self._begin(0.0)
        self._calm_since_s = 0.0

    @property
    def step(self) -> Step:
        """What is done now."""
        return self._steps[self._level]

    def add(self, time_s: float, taken_ms: float) -> Change | None:
        """One frame was drawn. time_s: of the source. taken_ms: from decoded to drawn. A change holds from now on."""
        self._taken_ms.append(taken_ms)
        hot = self._hot(time_s)
        if time_s - self._since_s < LOOK_S or len(self._taken_ms) < LEAST_FRAMES:
            return None
        median_ms = statistics.median(self._taken_ms)
        self._begin(time_s)
        target_ms = self._target_ms or float("inf")
        slow = median_ms > target_ms
        if slow or hot or median_ms > CALM_SHARE * target_ms:
            self._calm_since_s = time_s
        if (slow or hot) and self._level + 1 < len(self._steps):
            if time_s - self._up_s < 2 * CALM_S:  # the last step up was too early
                self._calm_s = min(2 * self._calm_s, LONGEST_CALM_S)
            return self._go(1, time_s, "slow" if slow else "hot", median_ms)
        if self._level and time_s - self._calm_since_s >= self._calm_s:
            self._up_s = time_s
            return self._go(-1, time_s, "calm", median_ms)
        return None

    def lost(self, time_s: float) -> None:
        """No frames come: what was measured before is of another time."""
        self._begin(time_s)

    def _go(self, by: int, time_s: float, why: Why, median_ms: float) -> Change:
        self._level += by
        self._calm_since_s = time_s
        return Change(time_s, why, self.step, median_ms)

    def _begin(self, time_s: float) -> None:
        self._since_s = time_s
        self._taken_ms: list[float] = []
