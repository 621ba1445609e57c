"""The page in a real browser: uploads, the webcam, what goes wrong, and that nobody else is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from configs.loader import load_actions, load_with_counting
from configs.schema import Run
from edge.run import run
from edge.service.pages import FOLDER, words_of
from edge.words import Language, words_in
from tests.edge.browsing import PHONE, chromium, eventually, visiting

from .conftest import Api, serving
from .film import DEMO, TWO_SQUATS, frames, write_camera, write_video

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page

Visit = Callable[..., "Page"]

DESK = {"width": 1280, "height": 800}

#: Whether anything is drawn on a canvas.
DRAWN = """(id) => { const c = document.getElementById(id);
    return c.width > 0 && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0) }"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose camera shows two squats again and again."""
    film = write_camera(tmp_path_factory.mktemp("camera") / "two.mjpeg", *TWO_SQUATS)
    with chromium("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}") as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a page that may use the camera, and may not fail, complain, or ask anybody else."""
    context = browser.new_context(viewport=DESK, permissions=["camera"], accept_downloads=True)  # type: ignore[arg-type]
    with visiting(context, silent=True) as go:
        yield go


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with the models that come with RepSight, for people in films; the others look at drawn squats."""
    with serving(tmp_path_factory.mktemp("site"), "workers=1", "job_workers=1") as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video of two squats."""
    return write_video(tmp_path_factory.mktemp("clip") / "two squats.webm", *TWO_SQUATS)


def address(api: Api) -> str:
    return f"http://127.0.0.1:{api.port}/"


def text(page: Page, name: str) -> str:
    return str(page.evaluate(f"document.getElementById('{name}').textContent"))


def result_of(page: Page) -> dict[str, Any]:
    """What the page gives to download, when it has a result."""
    assert eventually(lambda: page.is_visible("#json") or page.is_visible("#trouble"), 60)
    with page.expect_download() as download:
        page.click("#json")
    found: dict[str, Any] = json.loads(download.value.path().read_text())
    return found


def counted(source: Path, folder: Path, *overrides: str) -> dict[str, Any]:
    """What `repsight run --json` finds in it."""
    settings = load_with_counting(Run, "run.yaml", [f"source={source}", "screen=none", "log=none", *overrides])
    run(settings, json_file=folder / "run.json")
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def no_file(name: str = "holiday.mp4", kind: str = "video/mp4", content: bytes = b"nothing" * 99) -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.slow
def test_an_uploaded_clip_gives_what_run_gives_and_is_shown_in_step(
    site: Api, visit: Visit, clip: Path, tmp_path: Path
) -> None:
    page = visit(address(site))
    page.set_input_files("#file", clip)
    assert eventually(lambda: page.is_visible("#progress") and "Being read" in text(page, "what"), 60)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as cancelled:
        page.click("#cancel")
    assert cancelled.value.status == 204
    assert page.evaluate("document.activeElement.id") == "choose"
    page.set_input_files("#file", clip)
    found, expected = result_of(page), counted(clip, tmp_path)
    assert expected["totals"] == {"squat": 2}
    same = ("frames", "duration_s", "totals", "holds", "segments", "reps")
    assert {key: found[key] for key in same} == {key: expected[key] for key in same}
    assert found["source"] == "two squats.webm"
    assert page.inner_text("#sets").split("\n") == ["2", "squats"]
    assert eventually(lambda: page.evaluate("document.getElementById('video').currentTime") > 0), "it plays by itself"
    page.keyboard.press("Space")
    assert eventually(lambda: page.evaluate("document.getElementById('video').paused"))
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    for share in (0.02, 0.65, 0.98):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 12)
        time_s = page.evaluate("document.getElementById('video').currentTime")
        assert time_s == pytest.approx(share * found["duration_s"], abs=0.1)
        reps = sum(rep["counted_at_s"] <= time_s for rep in found["reps"])
        assert eventually(lambda reps=reps: text(page, "number") == str(reps)), "the count of that moment"
        assert eventually(lambda: page.evaluate(DRAWN, "skeleton"))
    page.focus("#timeline")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert eventually(lambda: page.get_attribute("#timeline", "aria-valuenow") == "1")
    assert "0:01 of 0:0" in (page.get_attribute("#timeline", "aria-valuetext") or "")
    page.click("#segments button")
    squats = next(one for one in found["segments"] if one["action"] == "squat")
    assert eventually(
        lambda: page.evaluate("document.getElementById('video').currentTime") == pytest.approx(squats["start_s"])
    )


@pytest.mark.slow
def test_the_webcam_counts_and_what_it_counted_stays_when_it_is_stopped(site: Api, visit: Visit) -> None:
    page = visit(address(site), PHONE)
    page.click("#camera")
    assert eventually(lambda: text(page, "number") == "1", 60)
    assert (text(page, "exercise"), page.is_visible("#headline")) == ("Squat", True)
    assert page.evaluate(DRAWN, "picture")
    assert page.evaluate(DRAWN, "skeleton")
    assert page.locator("#timeline rect").count() > 2, "the ground, a segment and a rep"
    assert fits(page)
    page.click("#cancel")
    found = result_of(page)
    assert found["totals"] == {"squat": len(found["reps"])}
    assert found["reps"]
    assert text(page, "number") == str(len(found["reps"]))
    assert not page.is_visible("#doing"), "nothing is sent any more"


def test_a_bad_file_is_refused_in_words_and_the_page_goes_on(
    api: Api, visit: Visit, squats: Callable[[int], Path]
) -> None:
    page = visit(address(api))
    refused = [
        (no_file(), "This can't be read as a video."),
        (no_file("a.jpg", "image/jpeg"), "This can't be read as a picture."),
        (no_file("a.npz", ""), "This is no keypoint sequence that can be read."),
        (no_file(content=b""), "This file is empty."),
        (no_file(content=bytes(5 * 2**20)), "This file is too large: 5.0 MB, where 4.0 MB are the most."),
        (squats(40).as_posix(), "This is more than the service takes, too large or too long."),
    ]
    for file, line in refused:
        page.set_input_files("#file", file)  # type: ignore[arg-type]
        assert eventually(lambda line=line: page.is_visible("#trouble") and text(page, "line") == line), line
        assert page.is_visible("#choose")
    page.set_input_files("#file", squats(2))
    assert result_of(page)["frames"] == 75
    assert not page.is_visible("#trouble")


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_a_sequence_plays_as_a_skeleton_without_scrolling_to_the_side(
    api: Api, visit: Visit, squats: Callable[[int], Path], tiny_head: Path, tmp_path: Path, size: dict[str, int]
) -> None:
    page = visit(address(api), size)
    assert fits(page)
    assert page.locator("h1:visible").count() == 1
    page.set_input_files("#file", squats(3))
    found, expected = result_of(page), counted(squats(3), tmp_path, f"head={tiny_head}")
    assert found["totals"] == {"squat": 3}
    assert (found["totals"], found["segments"]) == (expected["totals"], expected["segments"])
    assert eventually(lambda: page.evaluate(DRAWN, "skeleton"))
    assert fits(page)
    shown = page.locator("#stage, #exercise, #number, #play, #timeline, #sets").evaluate_all(
        """all => all.every((one) => { const box = one.getBoundingClientRect();
            return box.left >= 0 && box.right <= innerWidth })"""
    )
    assert shown
    small = page.locator("button:visible, .downloads a").evaluate_all(
        "all => all.filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.id)"
    )
    assert small == [], "a finger hits them"


def test_no_name_of_an_exercise_is_broken_on_a_desk(api: Api, visit: Visit) -> None:
    page = visit(address(api))
    languages: tuple[Language, ...] = ("en", "de")
    titles = [words_in(language).title(action) for language in languages for action in load_actions().names]
    broken = page.evaluate(
        """async (titles) => { start.hidden = true; work.hidden = false; exercise.style.hyphens = 'none'
            await Promise.all([...document.fonts].map((font) => font.load()))
            const words = titles.flatMap((title) => title.split(' '))
            const card = (word) => `<li><b>3</b><small>${word}</small></li>`
            return words.filter((word) => {
                exercise.textContent = word
                sets.innerHTML = card(word) + card('Plank')
                return exercise.clientHeight > 60 || sets.firstChild.scrollWidth > sets.firstChild.clientWidth
            }) }""",
        titles,
    )
    assert broken == []


def test_a_video_that_the_browser_cannot_play_is_a_skeleton(api: Api, visit: Visit, tmp_path: Path) -> None:
    page = visit(address(api))
    page.set_input_files("#file", write_video(tmp_path / "old.mp4", 2.9, 3.4, "mp4v"))
    assert result_of(page)["frames"] == 12
    assert "skeleton alone" in text(page, "remark")
    assert page.evaluate(DRAWN, "skeleton")
    assert not page.is_visible("#video")


def test_a_film_that_breaks_off_is_shown_as_far_as_it_goes(api: Api, visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(DEMO.read_bytes()[:60_000])
    page = visit(address(api))
    page.set_input_files("#file", tmp_path / "cut.mp4")
    assert 0 < result_of(page)["frames"] < 100
    assert text(page, "line") == "Only a part of this could be read: you see what was found until then."
    assert "ends early or is damaged" in text(page, "detail")
    assert page.is_visible("#stage")


def test_a_picture_gets_its_skeleton(api: Api, visit: Visit, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), next(frames(1.0, 1.1))[1])
    page = visit(address(api))
    page.set_input_files("#file", tmp_path / "one.png")
    assert len(result_of(page)["poses"]) == 1
    assert (text(page, "number"), text(page, "unit")) == ("1", "person")
    assert page.evaluate(DRAWN, "skeleton")


def test_a_busy_service_is_asked_again_by_a_button(api: Api, visit: Visit, squats: Callable[[int], Path]) -> None:
    page = visit(address(api))
    busy = {"status": 429, "headers": {"retry-after": "7"}, "json": {"detail": "the queue is full"}}
    page.route("**/api/jobs?*", lambda route: route.fulfill(**busy))  # type: ignore[arg-type]
    page.set_input_files("#file", squats(1))
    assert eventually(lambda: "hands full" in text(page, "line"))
    assert text(page, "detail") == "Try again in 7 seconds. The service says: the queue is full"
    page.unroute("**/api/jobs?*")
    page.click("#again")
    assert result_of(page)["frames"] == 45


def test_a_camera_that_is_not_allowed_is_told_so(api: Api, browser: Browser) -> None:
    with visiting(browser.new_context(), silent=True) as visit:
        page = visit(address(api))
        page.click("#camera")
        assert eventually(lambda: "not allowed" in text(page, "line"))
        assert page.is_visible("#again")


@pytest.mark.slow
def test_a_service_that_goes_away_leaves_what_was_counted_and_the_page_says_so_in_german(
    browser: Browser, tiny_head: Path, tmp_path: Path
) -> None:
    context = browser.new_context(permissions=["camera"])
    with visiting(context) as visit:
        with serving(tmp_path, "workers=1", "job_workers=1", "language=de", f"head={tiny_head}") as german:
            page = visit(address(german))
            assert page.inner_text("#choose") == "Datei wählen"
            page.set_input_files("#file", no_file())
            assert eventually(lambda: text(page, "line") == "Das lässt sich nicht als Video lesen.")
            page.click("#camera")
            assert eventually(lambda: text(page, "headline") != "", 60)
        assert eventually(lambda: page.is_visible("#trouble"))
        assert text(page, "line") == "Die Verbindung ist weg. Was bis dahin gezählt wurde, steht noch hier."
        assert page.is_visible("#json")
        page.click("#another")
        page.set_input_files("#file", no_file())
        assert eventually(lambda: "Der Dienst antwortet nicht" in text(page, "line"))


def test_everything_is_said_in_both_languages_and_nothing_that_is_not_said() -> None:
    english, german = words_of("en"), words_of("de")
    assert list(english) == list(german)
    names = [re.findall(r"\{(\w+)\}", text) for text in (*english.values(), *german.values())]
    assert names[: len(english)] == names[len(english) :]
    source = "".join(file.read_text() for file in FOLDER.iterdir() if file.suffix in (".js", ".html"))
    asked = set(re.findall(r"\[\[(\w+)\]\]", source)) - {"told"} | set(re.findall(r"say\(\"(\w+)\"", source))
    assert asked - {"rep", "reps", "seconds", "seconds_of"} <= set(english)
    said = asked | set(re.findall(r"\"(\w+)\"", source))
    assert [key for key in english if not {key, key.removeprefix("trouble_").removeprefix("camera_")} & said] == []
