"""From the items of a source to what stage 1 sees in them: one after the other, or several stages at a time.

A film: the next frames are decoded, and looked at where the subject is expected, while this one is followed and drawn;
every frame comes, in its order, as if they had been read one after the other. A camera: the newest frame is looked at
while the one before is drawn.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from edge.ahead import Ahead, Scout
from edge.pipeline import Pipeline
from edge.sources import Item, Source
from keypoints.clock import Stopwatch
from keypoints.subject import Sight
from keypoints.types import Frame

#: Frames of a film that are on their way take this much memory at most, bytes, as long as those are enough: of a film
#: in 4K the next frame is decoded meanwhile, and none is looked at ahead of its time.
_ON_THE_WAY: Final = 72 * 2**20

#: Beside those that are looked at, and as many that are decoded ahead: the next to be looked at, the one that has been,
#: and the one before, which is shown until then.
_OTHERS: Final = 3


@dataclass(slots=True)
class Seen:
    """An item of a source on its way. sight: of stage 1, for a frame. clock: its stages so far. began_s: when it was
    decoded, by `time.perf_counter`. notice: of the source by then."""

    item: Item
    began_s: float
    notice: str | None
    clock: Stopwatch = field(default_factory=Stopwatch)
    sight: Sight | None = None


def in_turn(items: Iterable[Item], source: Source, pipeline: Pipeline) -> Generator[Seen, None, None]:
    """One item after the other, each when it is asked for. items: those of the source, or some of them."""
    return _seen(_decoded(items, source), pipeline)


def overlapped(items: Iterable[Item], source: Source, pipeline: Pipeline, workers: int) -> Generator[Seen, None, None]:
    """The same, in threads. workers: frames of a film that are looked at at the same time."""
    if pipeline.watcher is None:  # a keypoint sequence: nothing takes long
        yield from in_turn(items, source, pipeline)
        return
    if source.live:
        with Ahead(in_turn(items, source, pipeline), 1, "eyes") as seen:
            yield from seen
        return
    # As many are decoded ahead as are looked at: the next ones are there when a look ends.
    looks = min(workers, (_ON_THE_WAY // (3 * source.size[0] * source.size[1]) - _OTHERS) // 2)
    with Ahead(_decoded(items, source), max(1, looks), "decode") as decoded:
        if looks < 1:
            yield from _seen(decoded, pipeline)
            return
        with Scout(pipeline.watcher.estimator, looks) as scout:
            yield from _scouted(decoded, pipeline, scout)


def _seen(decoded: Iterable[Seen], pipeline: Pipeline) -> Generator[Seen, None, None]:
    for seen in decoded:
        if isinstance(seen.item, Frame):
            seen.sight = pipeline.see(seen.item, seen.clock)
        yield seen


def _decoded(items: Iterable[Item], source: Source) -> Iterator[Seen]:
    for item in items:
        seen = Seen(item, time.perf_counter(), source.notice)
        seen.clock.stage_ms["decode"] = source.decode_ms
        yield seen


def _scouted(decoded: Ahead[Seen], pipeline: Pipeline, scout: Scout) -> Iterator[Seen]:
    """The frames in their order; while one is shown, the next ones are looked at where the subject is expected."""
    watcher = pipeline.watcher
    assert watcher is not None
    coming: deque[Seen] = deque()
    while seen := coming.popleft() if coming else next(decoded, None):
        frame = _frame(seen)
        region = watcher.look(frame)  # not timed: the frame may be looked at already, and no moment counts twice
        people, stage_ms = scout.look(frame, region)
        for stage, milliseconds in stage_ms.items():
            seen.clock.stage_ms[stage] = seen.clock.stage_ms.get(stage, 0.0) + milliseconds
        seen.sight = watcher.take(frame, people, seen.clock)
        # One more than there are workers, so that none waits for the next frame.
        while len(coming) <= scout.workers and decoded.ready():
            coming.append(next(decoded))
        frames = [_frame(later) for later in coming]
        scout.expect(frames, watcher.foresee(frames))
        yield seen


def _frame(seen: Seen) -> Frame:
    assert isinstance(seen.item, Frame), "a film has frames alone"
    return seen.item
