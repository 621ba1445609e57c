"""What a command tells of itself while it runs, and who listens: MLflow where it is asked for, nobody else."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from configs.base import flat
from configs.loader import load
from configs.tracking import Tracking
from keypoints.errors import InputError, without_password
from keypoints.told import Report, Say, nothing

#: What an override of these settings begins with.
_OURS: Final = "tracking."


def wanted(track: bool, overrides: Sequence[str]) -> tuple[Tracking | None, tuple[str, ...]]:
    """The settings of tracking, None when nobody asks for it, and the overrides that are the command's own.

    Who says `tracking.KEY=VALUE` asks for it. Raises ConfigError.
    """
    ours = [text.removeprefix(_OURS) for text in overrides if text.startswith(_OURS)]
    rest = tuple(text for text in overrides if not text.startswith(_OURS))
    return (load(Tracking, "tracking.yaml", ours) if track or ours else None), rest


def reports(tracker: Untracked, line: Callable[[dict[str, float], int], str], epochs: int, say: Say) -> Report:
    """What a training of so many epochs is given to tell its figures to: `say` gets the line, the tracker the rest."""

    def report(metrics: dict[str, float]) -> None:
        say(line(metrics, epochs))
        tracker.report(metrics)

    return report


class Untracked:
    """What a command tells of itself while it runs; without tracking nobody listens."""

    def report(self, metrics: Mapping[str, float]) -> None:
        """One point of the learning curves: its `epoch`, `step` or `windows` says where, the rest are the values."""

    def figures(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Numbers that are known at the end, or at the end of a step; what is not finite is left out."""

    def keep(self, *files: Path, folder: str = "") -> None:
        """Files that the command wrote, those that are there; folder: among what is kept."""

    def models(self, *, pose: Path | None = None, head: Path | None = None) -> None:
        """The model files that the command made: with the other stage beside them, a version of the registered pair."""


@contextmanager
def tracked(
    settings: Tracking | None,
    job: str,
    out: Path,
    params: Mapping[str, Any],
    *,
    command: str = "",
    mark: Path | None = None,
    resume: bool = False,
    of_the_machine: Collection[str] = (),
    say: Say = nothing,
) -> Iterator[Untracked]:
    """A run of MLflow around what a command does, or nothing at all when `settings` is None.

    job: name of the command. out: what it writes. params: its resolved settings. mark: a file that remembers the run
    until it has finished; with `resume` the same run goes on, if it was one of the same settings, but for those named
    in of_the_machine. say: is told where the run is, and, once, that tracking has ended early.

    An exception ends the run as FAILED, Ctrl-C and SIGTERM as KILLED; what was killed outright is said to be KILLED by
    the next run here. Raises MissingExtraError without MLflow, and InputError for a store that can't be used: before
    anything else was done, so that nobody finds out in the end that nothing was kept. Later troubles stop tracking
    alone.
    """
    if settings is None:
        yield Untracked()
        return
    for name, value in (("tracking.pose", settings.pose), ("tracking.head", settings.head)):
        if value is not None and not Path(value).is_file():
            raise InputError("no such file", file=value, field=name)
    from compression.tracked_run import TrackedRun

    run = TrackedRun(settings, job, out, flattened(params), command, mark=mark, resume=resume,
                     of_the_machine=of_the_machine, say=say)  # fmt: skip
    with _terminated_as_interrupted():
        try:
            yield run
        except BaseException as error:
            run.end("FAILED" if isinstance(error, Exception) else "KILLED")
            raise
    run.end("FINISHED")


def flattened(tree: Mapping[str, Any]) -> dict[str, str]:
    """Settings with dotted names, each value as JSON but for plain text."""
    texts = {name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in flat(tree)}
    return {name: without_password(text) for name, text in texts.items()}


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that its end is told."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
