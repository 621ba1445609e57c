"""What was done before, over HTTP: sessions, every rep of one, downloads, and deleting one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel

from edge.history.read import History, PastRep, Session, open_history, streak
from edge.history.remove import delete_session
from edge.history.show import COLUMNS, csv_rows
from edge.words import Words

#: SQLite's integers go to 2^63, JavaScript's to 2^53.
Number = Annotated[int, Path(ge=1, le=2**53)]
Which = Annotated[int | None, Query(ge=1, le=2**53, description="of this session alone")]

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "no such session"}}


class Name(BaseModel):
    """An exercise as a person writes it: one, several, and as a heading."""

    one: str
    many: str
    title: str


class SetDone(BaseModel):
    """Reps of one exercise without a long pause; shallow: how many of them were."""

    action: str
    reps: int
    shallow: int
    start_s: float
    end_s: float


class HoldDone(BaseModel):
    """One hold of an exercise."""

    action: str
    start_s: float
    seconds: float


class Model(BaseModel):
    """A model that counted."""

    kind: str
    name: str
    version: str | None


class SessionDone(BaseModel):
    """One session. started: local time of the machine. ended: false after a power cut, and while it runs."""

    id: int
    started: str
    ended: bool
    source: str
    duration_s: float
    workout: str | None
    models: list[Model]
    sets: list[SetDone]
    holds: list[HoldDone]


class RepDone(BaseModel):
    """A rep; seconds of the session's source. set and number count from 1. range_of_motion: share of a full rep."""

    action: str
    set: int
    number: int
    start_s: float
    turned_s: float | None
    end_s: float
    range_of_motion: float
    shallow: bool


class WholeSession(SessionDone):
    """A session with every rep."""

    reps: list[RepDone]


class OneSession(BaseModel):
    """A session, and what its exercises are called."""

    session: WholeSession
    names: dict[str, Name]


class Overview(BaseModel):
    """The sessions of the last days, oldest first, and what was reached so far. streak: days in a row."""

    today: str
    streak: int
    best_sets: dict[str, int]
    longest_holds_s: dict[str, float]
    sessions: list[SessionDone]
    names: dict[str, Name]


def record_routes(folder: FilePath, words: Words) -> APIRouter:
    """`/api/sessions` and `/api/reps.*`, of the history in `folder`."""
    router = APIRouter(tags=["history"])

    @router.get("/api/sessions")
    def sessions(days: Annotated[int, Query(ge=1, le=36_600, description="up to today")] = 28) -> Overview:
        """The sessions of the last days."""
        today = date.today()
        with open_history(folder) as past:
            if past is None:
                return Overview(
                    today=today.isoformat(), streak=0, best_sets={}, longest_holds_s={}, sessions=[], names={}
                )
            found = [one for one in past.sessions() if (today - one.started.date()).days < days]
            bests, row = past.bests(), streak(past.days(), today)
        actions = {*bests.reps, *bests.holds_s, *(done.action for one in found for done in one.done)}
        return Overview(
            today=today.isoformat(), streak=row, best_sets=bests.reps, longest_holds_s=bests.holds_s,
            sessions=[SessionDone(**_content(one)) for one in found], names=_names(actions, words),
        )  # fmt: skip

    @router.get("/api/sessions/{number}", responses=_MISSING)
    def session(number: Number) -> OneSession:
        """One session, rep by rep."""
        with open_history(folder) as past:
            whole = _whole(past, number)
            if not whole:
                raise HTTPException(404, "no such session")
        found = whole[0]
        actions = {done.action for done in found.sets} | {held.action for held in found.holds}
        return OneSession(session=found, names=_names(actions, words))

    @router.delete("/api/sessions/{number}", status_code=204, responses=_MISSING)
    def delete(number: Number) -> None:
        """Delete a session for good."""
        if not delete_session(folder, number):
            raise HTTPException(404, "no such session")

    @router.get(
        "/api/reps.csv",
        response_class=Response,
        responses={200: {"content": {"text/csv": {}}, "description": "a file"}},
    )
    def reps_csv(session: Which = None) -> Response:
        """Every rep and hold as a table."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        with open_history(folder) as past:
            if past is not None:
                writer.writerows(csv_rows(past, session))
        return _download(text.getvalue(), "text/csv; charset=utf-8", session, "csv")

    @router.get("/api/reps.json", response_model=list[WholeSession])
    def reps_json(session: Which = None) -> Response:
        """Every session with its reps and holds."""
        with open_history(folder) as past:
            whole = _whole(past, session)
        text = "[" + ",\n".join(one.model_dump_json() for one in whole) + "]\n"
        return _download(text, "application/json", session, "json")

    return router


def _whole(past: History | None, number: int | None) -> list[WholeSession]:
    """One session with its reps, or all of them; nothing where there is none."""
    if past is None:
        return []
    reps: dict[int, list[PastRep]] = {}
    for rep in past.reps(number):
        reps.setdefault(rep.session, []).append(rep)
    found = past.sessions(first_id=number)
    return [
        WholeSession(**_content(one), reps=_reps(reps.get(one.id, []))) for one in found if number in (None, one.id)
    ]


def _reps(reps: Iterable[PastRep]) -> list[RepDone]:
    numbers: dict[int, int] = {}
    return [
        RepDone(
            action=rep.action, set=numbers.setdefault(rep.set_id, len(numbers) + 1), number=rep.number,
            start_s=rep.start_s, turned_s=rep.turned_s, end_s=rep.end_s, range_of_motion=rep.range_of_motion,
            shallow=rep.shallow,
        )
        for rep in reps
    ]  # fmt: skip


def _content(one: Session) -> dict[str, Any]:
    """The fields of a `SessionDone`."""
    return {
        "id": one.id, "started": one.started.isoformat(timespec="seconds"), "ended": one.ended, "source": one.source,
        "duration_s": one.duration_s, "workout": one.workout,
        "models": [Model(kind=kind, name=name, version=version) for kind, name, version in one.models],
        "sets": [SetDone(action=s.action, reps=s.reps, shallow=s.shallow, start_s=s.start_s, end_s=s.end_s)
                 for s in one.sets],
        "holds": [HoldDone(action=h.action, start_s=h.start_s, seconds=h.seconds) for h in one.holds],
    }  # fmt: skip


def _names(actions: Iterable[str], words: Words) -> dict[str, Name]:
    return {a: Name(one=words.name(a), many=words.plural(a), title=words.title(a)) for a in sorted(actions)}


def _download(text: str, kind: str, session: int | None, suffix: str) -> Response:
    name = f"repsight-session-{session}.{suffix}" if session is not None else f"repsight.{suffix}"
    return Response(text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
