"""How a run ends: its report on disk, and the whole of it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from configs.saved import save_config
from configs.schema import Run
from edge.history.log import SessionLog
from edge.history.read import Bests
from edge.report import Report
from edge.save import VideoSaver
from edge.screens import Screen
from edge.words import clock, totals_in_words
from edge.workout.coach import Coach
from keypoints.errors import RepSightError


@dataclass(slots=True)
class Outcome:
    """How a run ended: its report, a summary in words, what went wrong on the way, and the exit code."""

    report: Report
    summary: str = ""
    warnings: list[str] = field(default_factory=list)
    exit_code: int = 0
    say: Callable[[str], None] = field(default_factory=lambda: Screen().say)

    def tell(self, trouble: str | None, exit_code: int = 1) -> None:
        """Say once what went wrong on the way; counting goes on, and the exit code remembers."""
        if trouble is not None and trouble not in self.warnings:
            self.warnings.append(trouble)
            self.exit_code = self.exit_code or exit_code
            self.say(f"warning: {trouble}")


def finish(
    outcome: Outcome,
    saver: VideoSaver | None,
    log: SessionLog | None,
    json_file: Path | None,
    coach: Coach | None = None,
    settings: Run | None = None,
) -> None:
    """End the session, write the report with the settings beside it, and put the run into words."""
    report, places = outcome.report, []
    if log is not None:
        log.end(report.duration_s)
        outcome.tell(log.trouble)
        if log.trouble is None and not log.deleted:
            places.append(str(log.path))
    if saver is not None:
        saver.close()
        outcome.tell(saver.trouble)
        places.append(str(saver.path))
    if json_file is not None:
        try:
            report.write(json_file)
        except RepSightError as error:
            outcome.tell(str(error))
        else:
            places.append(str(json_file))
    result = json_file or (saver.path if saver is not None else None)
    if settings is not None and result is not None and result.is_file():
        try:
            save_config("run", settings, result)
        except RepSightError as error:
            outcome.tell(str(error))
    parts = [f"{totals_in_words(report.totals, report.holds_s)} in {clock(report.duration_s)}"]
    if coach is not None and coach.progress is not None:
        parts.append(f"{coach.workout_name}: {coach.progress.sets_done} of {coach.progress.sets_in_all} sets done")
    bests = log.new_bests() if log is not None else Bests()
    if bests.reps or bests.holds_s:
        parts.append(f"a new best: {totals_in_words(bests.reps, bests.holds_s)}")
    if places:
        parts.append(f"saved to {', '.join(places)}")
    outcome.summary = " - ".join(parts)
