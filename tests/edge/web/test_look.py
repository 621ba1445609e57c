"""What the pages look like in a real browser: nothing covers another, nothing jumps, every part has its name."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from classifier.rep import Rep
from configs.schema import Run
from edge.history.database import open_database
from edge.history.writer import Hold, Moment, SessionWriter
from edge.scoreboard import Board
from edge.web.screen import WebScreen

from .conftest import PHONE, PICTURE, Site, address, eventually, reading, text

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

FULL = {"details": (("set", "0:25"), ("tempo", "1.4 + 1.2 s")), "keys": (("r", "from zero"),),
        "totals": (("Today", "30 squats, 12 push-ups"), ("Push-ups", "4"))}  # fmt: skip

_COVERED = """() => {
    const box = (element) => element.getBoundingClientRect();
    const all = [...document.querySelectorAll("#title, #unit, #bar, #details dd, #details dt, #asks button, #totals li, #state")];
    const seen = all.filter((element) => box(element).width > 0).map((element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        const wide = ["title", "unit"].includes(element.id) ? range.getBoundingClientRect() : box(element);
        const room = element.closest("#totals") ? box(element.parentElement) : wide; // what scrolls is cut off there
        return [element.id || element.textContent, { left: Math.max(wide.left, room.left), top: wide.top,
            right: Math.min(wide.right, room.right), bottom: wide.bottom }];
    });
    return seen.flatMap(([a, one], i) => seen.slice(i + 1)
        .filter(([, two]) => one.left < two.right && two.left < one.right
            && one.top < two.bottom - 1 && two.top < one.bottom - 1)
        .map(([b]) => `${a} and ${b}`));
}"""  # noqa: E501 - one query


def tell(site: Site, **fields: Any) -> None:
    """Show a board of our own: what the workout and ten seconds of rest would bring."""
    content = {"title": "Squat", "number": "12", "unit": "reps", "flash": False, "progress": 0.6,
               "headline": "Counting", "advice": "Set 1 of 2", "tone": "good", "totals": (),
               "elapsed": "0:25"}  # fmt: skip
    site.screen._has_workout = bool(fields)
    site.screen.look(PICTURE, (128, 72))
    site.screen.show(None, Board(**{**content, **fields}), reading())


@pytest.mark.parametrize("size", [{"width": 1280, "height": 720}, {"width": 1280, "height": 800}, PHONE,
                                  {"width": 844, "height": 390}, {"width": 320, "height": 240},
                                  {"width": 360, "height": 640}])  # fmt: skip
def test_no_button_and_no_count_lies_on_another(site: Site, visit: Callable[..., Page], size: dict[str, int]) -> None:
    page = visit(address(site), size)
    assert eventually(lambda: tell(site, **FULL) or page.locator("#asks button:visible").count() == 2)
    assert page.evaluate(_COVERED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [PHONE, {"width": 360, "height": 640}])
def test_on_a_phone_the_picture_keeps_its_size_whatever_comes_and_goes(
    site: Site, visit: Callable[..., Page], size: dict[str, int]
) -> None:
    page = visit(address(site), size)
    high = "document.getElementById('view').getBoundingClientRect().height"
    found = set()
    for fields in (FULL, {}, {"number": "9"}, {"number": "104", "progress": None}, {"number": "1288"}):
        want = str(fields.get("number", "12"))
        assert eventually(
            lambda fields=fields, want=want: (  # type: ignore[misc]
                tell(site, **fields)
                or (
                    text(page, "number") == want and page.locator("#totals li").count() == len(fields.get("totals", ()))
                )
            )
        )
        found.add(page.evaluate(high))
    assert len(found) == 1


def trained(folder: Path) -> None:
    """Many sets of two exercises, and a plank of 12 s; now."""
    chance, db = random.Random(1), open_database(folder)
    writer, now, time_s = SessionWriter(db, 15.0), Moment(time.time(), 0.0), 0.0
    writer.begin(now, "0", {"pose": {"name": "p", "version": "1", "sha256": ""}}, None)
    for action, sets in (("squat", 3), ("push_up", 3)):
        for _ in range(sets):
            for _ in range(4):
                end_s = time_s + 1.5 + chance.random() / 2
                writer.add(now, end_s, (Rep(action, time_s, end_s, end_s, 0.9, False, time_s + 1),), None)
                time_s += 2.2
            time_s += 30
    writer.add(now, time_s + 13, (), Hold("plank", time_s, 12.5))
    writer.end(now, time_s + 20)
    writer.commit()
    db.close()


@pytest.mark.parametrize("width", [390, 320])
def test_german_pages_of_a_phone_name_every_exercise_write_commas_and_fit(
    visit: Callable[..., Page], tmp_path: Path, width: int
) -> None:
    trained(tmp_path / "log")
    content = {"screen": "web", "log": str(tmp_path / "log"), "language": "de", "web": {"port": 0}}
    with WebScreen(Run.model_validate(content)) as screen:
        page = visit(screen.invitation.here + "session?id=1", {"width": width, "height": 700})
        page.wait_for_selector("#charts svg")
        names = page.locator("#charts figure").first.locator("svg .strong").all_text_contents()
        assert {"4 Kniebeugen", "4 Liegest\u00fctze"} <= set(names)
        assert len(names) == 6, "every set has its count"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            """() => [...document.querySelectorAll("#charts text")].every((one) => {
                const { left, right } = one.getBoundingClientRect();
                return left >= 0 && right <= innerWidth; })"""
        )
        assert "ganz ab 70 %" in page.inner_text("#charts")
        assert "0,5 s" in page.locator("#charts").text_content()
        assert "0.5 s" not in page.locator("#charts").text_content()
        page.goto(screen.invitation.here + "history")
        page.wait_for_selector("#chart svg")
        told = str(page.locator("#chart").text_content())
        assert "Sekunden gehalten am Tag" in told, "12 s are 0.2 minutes"
        assert "Minuten" not in told
