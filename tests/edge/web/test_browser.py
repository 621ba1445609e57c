"""The pages in a real browser: Debian's Chromium, without a display, driven by Playwright."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import PHONE, Serve, Site, address, eventually, reading, text
from .test_records import fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def test_the_count_rises_while_a_recording_plays_and_the_session_is_in_the_history(
    visit: Callable[..., Page], squats: Callable[[int], Path], tiny_head: Path, tmp_path: Path
) -> None:
    command = [sys.executable, str(ROOT / "cli.py"), "run", str(squats(3)), "--head", str(tiny_head), "--screen", "web",
               "--port", "0", "--log", str(tmp_path / "log"), "language=en"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as run:
        assert run.stderr is not None
        found = re.search(r"http://\S+", run.stderr.readline())
        assert found is not None
        page = visit(found[0])
        counts, until_s = [text(page, "number")], time.monotonic() + 60
        while counts[-1] != "3" and time.monotonic() < until_s:
            count = text(page, "number")
            counts += [count] if count != counts[-1] else []
        assert counts == ["0", "1", "2", "3"]
        assert text(page, "title") == "Squat"
        assert run.wait(60) == 0
        assert run.stdout is not None
        assert "3 squats in 0:0" in run.stdout.read()
    assert eventually(lambda: text(page, "headline") in ("Session over", "No connection"))
    assert text(page, "number") == "3", "the count stays up"


def test_the_video_is_shown_with_the_words_of_the_reading(site: Site, visit: Callable[..., Page]) -> None:
    page = visit(address(site))
    assert eventually(lambda: site.tell() or page.evaluate("document.getElementById('video').naturalWidth") == 128)
    site.tell(reading(75, reps={"squat": 103, "push_up": 4}))
    assert eventually(lambda: text(page, "number") == "103")
    assert (text(page, "unit"), text(page, "headline"), text(page, "elapsed")) == ("reps", "Counting", "1:15")
    assert text(page, "totals") == "Push-ups4Plank5 s"
    assert page.evaluate("getComputedStyle(document.getElementById('fill')).width") != "0px"
    site.tell(reading(76, state="no person", pose=None, action=None, phase=None))
    assert eventually(lambda: text(page, "headline") == "Nobody in view")
    assert page.evaluate("document.body.dataset.tone") == "warn"


@pytest.mark.parametrize("size", [PHONE, {"width": 360, "height": 640}, {"width": 844, "height": 390},
                                  {"width": 320, "height": 240}, {"width": 1920, "height": 1080}])  # fmt: skip
def test_everything_fits_the_screen(site: Site, visit: Callable[..., Page], size: dict[str, int]) -> None:
    page = visit(address(site), size)
    many = {"squat": 1288, "push_up": 40, "lunge": 31}
    assert eventually(lambda: site.tell(reading(3700, reps=many)) or text(page, "number") == "1288")
    fits = """(id) => { const box = document.getElementById(id).getBoundingClientRect();
        return box.width > 0 && box.left >= -8 && box.top >= -1
            && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1 }"""
    assert [name for name in ("title", "number", "unit", "bar", "headline", "elapsed")
            if not page.evaluate(fits, name)] == []  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tall = page.evaluate("parseFloat(getComputedStyle(document.getElementById('number')).fontSize)")
    assert tall > 0.25 * min(size.values()), "it reads from three metres"


def test_a_page_without_the_token_says_so_and_with_it_once_goes_on(guarded: Site, visit: Callable[..., Page]) -> None:
    page = visit(address(guarded))
    assert "A token is needed" in page.inner_text("body")
    page.goto(address(guarded, f"/?token={guarded.token}"))
    assert eventually(lambda: guarded.tell() or text(page, "number") == "12")
    assert "token" not in page.url
    page.click("#phone")
    assert eventually(lambda: page.evaluate("document.getElementById('code').naturalWidth") > 0)
    there = guarded.screen.invitation.there
    assert there is not None
    assert text(page, "address") == there.partition("?")[0]
    assert guarded.token not in page.content(), "no script of the page has it"
    page.goto(address(guarded, "/history"))
    assert eventually(lambda: page.inner_text("h1") == "No session yet")


@pytest.mark.parametrize("size", [None, PHONE])
def test_the_history_leads_to_a_session_its_downloads_and_its_end(
    site: Site, visit: Callable[..., Page], tmp_path: Path, size: dict[str, Any] | None
) -> None:
    fill(tmp_path / "log", 2)
    page = visit(address(site, "/history"), size)
    page.wait_for_selector("#sessions a")
    assert page.inner_text("h1") == "10 reps"
    assert "on 1 of the last 28 days" in page.inner_text("#summary")
    assert page.locator("#chart rect").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("text=1 year")
    assert eventually(lambda: "of the last 364 days" in page.inner_text("#summary"))
    assert page.locator("#sessions a").count() == 2
    page.locator("#sessions a").first.click()
    page.wait_for_selector("#charts svg")
    assert page.locator("#charts figure").count() == 2
    assert page.inner_text("#sets").split("\n")[:2] == ["3", "squats"]
    assert page.locator("#reps tbody tr").count() == 6
    assert "shallow" in page.inner_text("#reps")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with page.expect_download() as download:
        page.click("#csv")
    assert download.value.suggested_filename == "repsight-session-2.csv"
    page.click("#delete")
    page.click("#sure button[value=keep]")
    assert "id=2" in page.url
    page.click("#delete")
    page.click("#sure .danger")
    page.wait_for_url("**/history")
    page.wait_for_selector("#sessions a")
    assert page.locator("#sessions a").count() == 1


def test_a_page_finds_its_way_back_when_the_runner_comes_back(serve: Serve, visit: Callable[..., Page]) -> None:
    site = serve()
    page = visit(address(site))
    assert eventually(lambda: site.tell() or text(page, "number") == "12")
    site.screen.close()
    assert eventually(lambda: text(page, "headline") == "Session over")
    again = serve(port=site.port)
    assert eventually(lambda: again.tell(reading(reps={"squat": 1})) or text(page, "number") == "1")
    assert text(page, "headline") == "Counting"


def test_the_privacy_switch_leaves_a_drawn_skeleton(serve: Serve, visit: Callable[..., Page]) -> None:
    site = serve(video="skeleton")
    page = visit(address(site))
    drawn = """() => { const c = document.getElementById('skeleton');
        return c.width > 0 && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0) }"""
    assert eventually(lambda: site.tell() or page.evaluate(drawn))
    site.tell(reading(pose=None))
    assert eventually(lambda: not page.evaluate(drawn))


def test_a_waiting_page_of_a_kiosk_sees_that_the_server_is_there_and_goes_to_it(
    guarded: Site, browser: Browser, tmp_path: Path
) -> None:
    there = address(guarded, f"/?token={guarded.token}")
    waiting = tmp_path / "waiting.html"
    waiting.write_text(
        f"""<script>fetch("{there}", {{mode: "no-cors"}}).then(() => location.replace("{there}"))</script>"""
    )
    page = browser.new_page()
    page.goto(f"file://{waiting}")
    page.wait_for_url("http://127.0.0.1:*/")
    assert eventually(lambda: guarded.tell() or text(page, "number") == "12")
    page.close()
