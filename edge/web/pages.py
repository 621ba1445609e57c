"""The pages of the web screen, read once at its start: nothing that a browser names ever becomes a path."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import yaml
from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

from edge.draw import BODY, SEEN, limb_color
from edge.look import (
    GREEN,
    INK,
    ORANGE,
    SKY,
    SOFT,
    TONES,
    TRACK,
    VERMILLION,
    WHITE,
    YELLOW,
    hexadecimal,
)
from edge.web.guard import WRONG_TOKEN, Refusal
from edge.words import Language, Words, capital

FOLDER: Final = Path(__file__).with_name("static")

_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_COLORS: Final = {
    "white": WHITE, "soft": SOFT, "ink": INK, "track": TRACK, "green": GREEN, "sky": SKY, "orange": ORANGE,
    "yellow": YELLOW, "vermillion": VERMILLION,
}  # fmt: skip


@cache
def words_of(language: Language) -> Mapping[str, str]:
    """Everything that the pages say, by its key."""
    file = Path(__file__).with_name("words") / f"{language}.yaml"
    found: dict[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def page_routes(words: Words, settings: Mapping[str, Any]) -> APIRouter:
    """The pages and what they are made of. settings: what else the scripts of the pages are told."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    said = {**words_of(words.language), "skip": capital(words.screen.skip), "reset": capital(words.screen.reset)}
    pages = {name: filled_page(FOLDER / f"{name}.html", words, said, settings)
             for name in ("live", "history", "session")}  # fmt: skip

    @router.get("/")
    async def live() -> str:
        return pages["live"]

    @router.get("/history")
    async def history() -> str:
        return pages["history"]

    @router.get("/session")
    async def session() -> str:
        return pages["session"]

    router.include_router(file_routes(files_of(FOLDER)))
    return router


def files_of(*folders: Path) -> dict[str, tuple[bytes, str]]:
    """Content and kind of everything that pages are made of in these folders, by its name, with the colours."""
    files = {path.name: (path.read_bytes(), _KINDS[path.suffix])
             for folder in folders for path in folder.iterdir() if path.suffix in _KINDS}  # fmt: skip
    return {**files, "colors.css": (_colors().encode(), _KINDS[".css"])}


def file_routes(files: Mapping[str, tuple[bytes, str]]) -> APIRouter:
    """Serves such files below /static/."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "no such file")
        content, kind = files[name]
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return router


def filled_page(file: Path, words: Words, said: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """A page with its words in. said: what it and its scripts say. settings: what else its scripts are told."""
    told = {"words": said, "decimal": words.strings.decimal, "limbs": _limbs(), "seen": SEEN, **settings}
    # In a script element, `<` is all that could end it.
    data = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
    return _filled(file, {**said, "language": words.language}).replace("[[told]]", data)


def refusal_page(language: Language, refusal: Refusal) -> str:
    """A page that says what is wrong, and what to do."""
    words = words_of(language)
    asked = refusal.status == HTTPStatus.UNAUTHORIZED
    key = "token_wrong" if refusal.reason == WRONG_TOKEN else "token_wanted"
    title = words[key] if asked else words["refused"]
    advice = words["token_wrong_advice" if key == "token_wrong" else "token_advice"] if asked else refusal.reason
    return _filled(FOLDER / "refusal.html", {"language": language, "title": title, "advice": advice})


def _filled(file: Path, said: Mapping[str, str]) -> str:
    head = (FOLDER / "head.html").read_text(encoding="utf-8")
    text = file.read_text(encoding="utf-8").replace("<!-- head.html -->\n", head)
    return re.sub(r"\[\[(\w+)\]\]", lambda m: html.escape(said[m[1]]) if m[1] in said else m[0], text)


def _colors() -> str:
    """The colours of the drawn screens as a style sheet: one home for them."""
    lines = [f"  --{name}: {hexadecimal(color)};" for name, color in _COLORS.items()]
    lines += [
        f"  --{tone}-ground: {hexadecimal(ground)}; --{tone}: {hexadecimal(ink)};"
        for tone, (ground, ink) in TONES.items()
    ]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _limbs() -> list[tuple[int, int, str]]:
    """What the scripts draw: two joints and a colour each."""
    return [(a, b, hexadecimal(limb_color(a, b))) for a, b in BODY]
