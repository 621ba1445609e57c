"""What is known of a recorded sequence: the labels that training reads and evaluation measures against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keypoints.errors import InputError
from keypoints.types import KeypointSequence

#: How a line begins that tells of a recording which is not used; other lines tell what is odd.
LEFT_OUT = "left out: "
#: Such lines that are shown before the rest is counted.
_SHOWN = 10


def shortened(told: Sequence[str]) -> list[str]:
    """The first lines of what was told while a set was read, and how many more there are."""
    more = len(told) - _SHOWN
    return [*told[:_SHOWN], *([f"and {more} more like {'these' if more > 1 else 'it'}"] if more > 0 else [])]


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A video or picture that nobody looked at yet, and what it shows. name: unique in its set. group: whose it is, or
    what film it is of: files of one group are not independent of each other."""

    path: Path
    label: str
    name: str
    group: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One label over a stretch of time. action: the source's own word, not folded onto ours."""

    action: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """A keypoint sequence and what is known of it; what is not known is None, and is left out of what is measured.

    name: unique in its set. sequence: the keypoints; its `reps_s`, `subject`, `source` and `phase` count as labels
    where they are set. exercise: the source's own word for what is shown, not folded. segments: what is shown when;
    moments in none of them are unlabelled. reps: the true number of reps of `exercise`; 0 says that nothing in it
    is a rep of any action. mixed: it may hold reps of ours that nobody labelled (burpees hold squats), so what is
    counted in it is no ghost. duration_s: of the recording; that of the sequence when it is None.
    """

    name: str
    sequence: KeypointSequence
    exercise: str | None = None
    segments: tuple[Segment, ...] | None = None
    reps: int | None = None
    mixed: bool = False
    duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.reps is not None and self.reps < 0:
            raise InputError("not a number of reps", field="reps", expected="0 or more", found=self.reps)
        for segment in self.segments or ():
            if segment.end_s < segment.start_s:
                raise InputError("ends before it starts", field="segments", expected=f"at least {segment.start_s} s",
                                 found=f"{segment.end_s} s")  # fmt: skip

    @property
    def seconds(self) -> float:
        """How long the recording lasts, s."""
        if self.duration_s is not None:
            return self.duration_s
        times = self.sequence.time_s
        return float(times[-1] - times[0])

    @property
    def group(self) -> str:
        """Whose recording it is: sequences of one group are not independent of each other."""
        return self.sequence.subject or self.sequence.source or self.name

    @classmethod
    def of(cls, name: str, sequence: KeypointSequence) -> Labelled:
        """What a sequence says of itself: per-frame or single action, and the number of its rep intervals."""
        labels = sequence.actions
        if labels is None:
            return cls(name, sequence)
        segments: list[Segment] = []
        times = [float(t) for t in sequence.time_s]
        ends = [*times[1:], times[-1]]
        for action, start_s, end_s in zip(labels, times, ends, strict=True):
            if segments and segments[-1].action == action:
                segments[-1] = Segment(action, segments[-1].start_s, end_s)
            else:
                segments.append(Segment(action, start_s, end_s))
        exercise = sequence.action if isinstance(sequence.action, str) else None
        reps = None if sequence.reps_s is None else len(sequence.reps_s)
        return cls(name, sequence, exercise=exercise, segments=tuple(segments), reps=reps)
