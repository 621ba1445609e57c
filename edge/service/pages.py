"""The page of the service, read once at its start, with what it is made of; the web screen's look is its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from edge.reading import State
from edge.web.pages import FOLDER as SCREEN
from edge.web.pages import file_routes, files_of, filled_page
from edge.words import Language, Words

FOLDER: Final = Path(__file__).with_name("static")


@cache
def words_of(language: Language) -> Mapping[str, str]:
    """Everything that the page says, by its key."""
    file = Path(__file__).with_name("words") / f"{language}.yaml"
    found: dict[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def page_routes(words: Words, kinds: Mapping[str, str], limits: Mapping[str, float | None]) -> APIRouter:
    """The page at `/` and its files below `/static/`.

    kinds: `reps`, `hold` or `rest`, by the head's actions. limits: what the page says, and refuses before it uploads:
    `file_bytes` and `video_s` of a video, `image_bytes` of a picture; None or missing is no limit.
    """
    router = APIRouter(include_in_schema=False)
    said = {
        **words_of(words.language), "rep": words.screen.rep, "reps": words.screen.reps,
        "seconds": words.screen.seconds, "seconds_of": words.screen.seconds_of,
    }  # fmt: skip
    page = filled_page(FOLDER / "serve.html", words, said, _told(words, kinds, limits))
    files = files_of(SCREEN, FOLDER)
    demo = resources.files("edge") / "demo.mp4"
    if demo.is_file():
        files["demo.mp4"] = (demo.read_bytes(), "video/mp4")

    @router.get("/", response_class=HTMLResponse)
    async def demo_page() -> str:
        return page

    router.include_router(file_routes(files))
    return router


def _told(words: Words, kinds: Mapping[str, str], limits: Mapping[str, float | None]) -> dict[str, Any]:
    """What the scripts are told of exercises, states and limits."""
    return {
        "actions": {name: {"kind": kind, "one": words.name(name), "many": words.plural(name),
                           "title": words.title(name)} for name, kind in kinds.items()},
        "states": {state: dict(zip(("headline", "advice", "tone"), words.state(state), strict=True))
                   for state in get_args(State)},
        "limits": dict(limits),
    }  # fmt: skip
