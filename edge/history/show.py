"""The history in words: the table of sessions, the reps of one session, and a CSV file."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.history.database import FILE
from edge.history.read import Bests, Held, History, PastRep, Session, Set, open_history, streak
from edge.report import check_writable
from edge.words import clock, name_of, plural_of, reps_in_words
from keypoints.errors import InputError

#: The columns of the CSV file. Times are seconds of the session's source; a hold has no rep and no range of motion.
COLUMNS = (
    "session", "started_at", "source", "workout", "kind", "action", "set", "rep", "start_s", "turned_s", "end_s",
    "seconds", "range_of_motion", "shallow",
)  # fmt: skip


def history(
    folder: Path,
    *,
    session: int | None = None,
    last: int = 20,
    csv_file: Path | None = None,
    plot: Path | None = None,
    days: int = 28,
    console: Console | None = None,
) -> list[str]:
    """Print the history in `folder`, or write it to files; returns what to say of that, a line each.

    session: show this one's reps. csv_file: every rep and hold, `-` for standard output. plot: a PNG of the last
    `days`. Raises RepSightError when it can't be read, InputError for a session that is not there or a file that can't
    be written.
    """
    for file, what in ((csv_file, "--csv"), (plot, "--plot")):
        if file is not None and str(file) != "-":
            check_writable(file, what)
    if plot is not None and plot.suffix.lower() != ".png":
        raise InputError("another kind of picture", file=plot, field="--plot", expected=".png")
    with open_history(folder) as past:
        if past is None or not (newest := past.sessions(last=1)):
            return [f"No session yet: one with a camera begins the history ({folder / FILE})."]
        if session is not None:
            found = [one for one in past.sessions(first_id=session) if one.id == session]
            if not found:
                raise InputError("no such session", field="SESSION", expected=f"1 to {newest[0].id}", found=session,
                                 hint="`repsight history` lists them")  # fmt: skip
        wrote = []
        if csv_file is not None:
            _write_csv(past, csv_file, session)
            wrote += [f"wrote {csv_file}"] if str(csv_file) != "-" else []
        if plot is not None:
            from edge.history.chart import draw_days, save

            today = date.today()
            save(draw_days(past.sessions(), past.bests(), streak(past.days(), today), today, days), plot)
            wrote.append(f"wrote {plot}")
        if csv_file is None and plot is None:
            console = console or Console()
            if session is not None:
                console.print(session_table(found[0], list(past.reps(session))))
            else:
                console.print(sessions_table(past.sessions(last)))
                console.print(achievements(past.bests(), streak(past.days(), date.today())))
        return wrote


def sessions_table(sessions: Sequence[Session]) -> RenderableType:
    """One line a session, the newest at the bottom, where the eye is."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", justify="right", style="dim")
    table.add_column("when")
    table.add_column("for", justify="right")
    table.add_column("what", ratio=1)
    table.add_column("from", style="dim", overflow="ellipsis", no_wrap=True, max_width=24)
    for one in sessions:
        length = Text(clock(one.duration_s))
        if not one.ended:
            length.append("+", style="yellow")
        table.add_row(str(one.id), f"{one.started:%a %d %b %Y %H:%M}", length, in_words(one), _from(one))
    if all(one.ended for one in sessions):
        return table
    return Group(table, Text("+ runs still, or was broken off: so much is known of it", style="dim"))


def in_words(session: Session) -> Text:
    """`squats 12 + 10 + 8 (2 shallow), plank 1:00`; the sets of an exercise together, in the order of their first."""
    text = Text()
    done = session.done
    for action in dict.fromkeys(one.action for one in done):
        mine = [one for one in done if one.action == action]
        if text:
            text.append(", ")
        sets = [one for one in mine if isinstance(one, Set)]
        counts = [str(one.reps) if isinstance(one, Set) else clock(one.seconds) for one in mine]
        text.append(f"{plural_of(action) if sets else name_of(action)} ")
        text.append(" + ".join(counts), style="bold")
        shallow = sum(one.shallow for one in sets)
        if shallow:
            text.append(f" ({shallow} shallow)", style="yellow")
    return text if text else Text("nothing counted", style="dim")


def achievements(bests: Bests, days_in_a_row: int) -> Text:
    """The streak, the best sets and the longest holds, one line."""
    parts = []
    if days_in_a_row:
        parts.append(
            Text.assemble((str(days_in_a_row), "bold"), " days in a row" if days_in_a_row > 1 else " day in a row")
        )
    if bests.reps:
        parts.append(
            Text("best sets: ") + Text(", ").join(_bold_number(reps_in_words(*one)) for one in bests.reps.items())
        )
    if bests.holds_s:
        held = (Text.assemble(f"{name_of(action)} ", (clock(s), "bold")) for action, s in bests.holds_s.items())
        parts.append(Text("longest: ") + Text(", ").join(held))
    return Text("\n") + Text("   ").join(parts)


def _bold_number(words: str) -> Text:
    number, _, rest = words.partition(" ")
    return Text.assemble((number, "bold"), f" {rest}")


def session_table(session: Session, reps: Sequence[PastRep]) -> RenderableType:
    """Every rep and hold of a session: when, how long, there and back, how far."""
    parts = [f"Session {session.id}", f"{session.started:%a %d %b %Y %H:%M}", clock(session.duration_s), _from(session)]
    models = [f"{kind} {name} {version or ''}".rstrip() for kind, name, version in session.models]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (("exercise", "left"), ("rep", "right"), ("at", "right"), ("seconds", "right"),
                          ("there", "right"), ("back", "right"), ("range", "right"), ("", "left")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    taken: int | None = None
    rows: list[PastRep | Held] = [*reps, *session.holds]
    for one in sorted(rows, key=lambda one: one.start_s):
        if isinstance(one, Held):
            table.add_row(name_of(one.action), "", clock(one.start_s), f"{one.seconds:.1f}")
            taken = None
            continue
        if taken is not None and one.set_id != taken:
            table.add_row()
        there, back = ("", "") if one.turned_s is None else (
            f"{one.turned_s - one.start_s:.1f}", f"{one.end_s - one.turned_s:.1f}"
        )  # fmt: skip
        table.add_row(
            name_of(one.action) if one.set_id != taken else "", str(one.number), clock(one.start_s),
            f"{one.seconds:.1f}", there, back, f"{one.range_of_motion:.0%}",
            Text("shallow", style="yellow") if one.shallow else "",
        )  # fmt: skip
        taken = one.set_id
    return Group(Text(", ".join(parts), style="bold"), Text(", ".join(models), style="dim"), table)


def _from(session: Session) -> str:
    """The workout that was followed, or else the source."""
    source = f"camera {session.source}" if session.source.isdecimal() else session.source
    return session.workout or source


def _write_csv(past: History, file: Path, session: int | None) -> None:
    out = nullcontext(sys.stdout) if str(file) == "-" else file.open("w", encoding="utf-8", newline="")
    try:
        with out as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            writer.writerows(csv_rows(past, session))
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=file, field="--csv") from None


def csv_rows(past: History, session: int | None = None) -> Iterator[tuple[object, ...]]:
    """The rows of the CSV file, session by session: reps, then holds."""
    reps: dict[int, list[PastRep]] = {}
    for rep in past.reps(session):
        reps.setdefault(rep.session, []).append(rep)
    for one in past.sessions():
        if session is not None and one.id != session:
            continue
        head = (one.id, one.started.isoformat(), one.source, one.workout or "")
        mine = reps.get(one.id, [])
        numbers = {set_id: number for number, set_id in enumerate(dict.fromkeys(rep.set_id for rep in mine), start=1)}
        for rep in mine:
            turned = "" if rep.turned_s is None else _ms(rep.turned_s)
            yield (*head, "rep", rep.action, numbers[rep.set_id], rep.number, _ms(rep.start_s), turned,
                   _ms(rep.end_s), _ms(rep.seconds), round(rep.range_of_motion, 3), int(rep.shallow))  # fmt: skip
        for held in one.holds:
            times = (_ms(held.start_s), "", _ms(held.start_s + held.seconds), _ms(held.seconds))
            yield (*head, "hold", held.action, "", "", *times, "", "")


def _ms(seconds: float) -> float:
    return round(seconds, 3)
