"""The pictures of the web screen in docs/, made with a real browser, the demo clip and a made-up history.

python tests/edge/web/pictures.py docs
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from classifier.rep import Rep
from edge.history.database import open_database
from edge.history.writer import Hold, Moment, SessionWriter

ROOT = Path(__file__).parents[3]
DESK, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
EXERCISES = ("squat", "push_up", "lunge", "sit_up", "jumping_jack")
MODELS = {"pose": {"name": "yolo11n-pose", "version": "1"}, "head": {"name": "gru", "version": "2"}}


def fill(folder: Path, days: int = 120, seed: int = 7) -> None:
    """A history of somebody who trains on most days and gets better; the newest session is short."""
    chance, db = random.Random(seed), open_database(folder)
    today = datetime.now(UTC).replace(hour=18, minute=12, second=0)
    for age in range(days, -1, -1):
        if age > 3 and chance.random() > 0.62:
            continue
        began_s = (today - timedelta(days=age, minutes=chance.randint(0, 90))).timestamp()
        writer = SessionWriter(db, 15.0)
        writer.begin(Moment(began_s, 0), "0", MODELS, "Starter" if chance.random() < 0.3 else None)
        time_s, level = 6.0, 8 + (days - age) / 20
        for action in ("squat", "push_up") if age == 0 else chance.sample(EXERCISES, 3):
            for _ in range(2 if age == 0 else 3):
                time_s = _one_set(writer, chance, action, began_s, time_s, round(level + chance.uniform(-1, 3)))
        if age == 0 or chance.random() < 0.6:
            held_s = chance.uniform(35, 60) + (days - age) / 5
            writer.add(_at(began_s, time_s + held_s), time_s + held_s, (), Hold("plank", time_s, held_s))
            time_s += held_s + 5
        writer.end(_at(began_s, time_s), time_s)
        writer.commit()
    db.close()


def _one_set(
    writer: SessionWriter, chance: random.Random, action: str, began_s: float, time_s: float, count: int
) -> float:
    """Reps that get slower and less deep, one in thirty shallow, and the rest after them; when that ends."""
    pace_s = 1.1 if action == "jumping_jack" else 2.2
    for number in range(count):
        seconds = pace_s * chance.uniform(0.9, 1.15) * (1 + 0.02 * number)
        depth = min(1.0, chance.gauss(0.95, 0.04) - 0.008 * number)
        depth = chance.uniform(0.5, 0.68) if chance.random() < 0.03 else max(depth, 0.72)
        end_s = time_s + seconds
        turned_s = time_s + seconds * chance.uniform(0.44, 0.56)
        writer.add(_at(began_s, end_s), end_s, (Rep(action, time_s, end_s, end_s, depth, depth < 0.7, turned_s),), None)
        time_s = end_s + chance.uniform(0.05, 0.4)
    return time_s + chance.uniform(30, 60)


def _at(began_s: float, time_s: float) -> Moment:
    return Moment(began_s + time_s, time_s)


def shoot(folder: Path) -> list[Path]:
    """Run the demo clip and take the pictures; returns their paths."""
    from playwright.sync_api import sync_playwright

    made = [folder / f"screen-web-{name}" for name in ("live.jpg", "phone.jpg", "history.png", "session.png")]
    with tempfile.TemporaryDirectory() as log, sync_playwright() as playwright:
        fill(Path(log))
        command = [sys.executable, str(ROOT / "cli.py"), "run", "demo", "--screen", "web", "--port", "0", "--log", log,
                   "language=en"]  # fmt: skip
        runner = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert runner.stderr is not None
        found = re.search(r"http://\S+/", runner.stderr.readline())
        assert found is not None, "the runner did not start"
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])

        def visit(path: str, size: dict[str, int]) -> Any:
            page = browser.new_page(viewport=size)  # type: ignore[arg-type]
            page.goto(found[0] + path)
            return page

        history = visit("history", {"width": 1280, "height": 860})
        history.wait_for_selector("#sessions a")
        history.screenshot(path=made[2])
        newest = history.locator("#sessions a").first.get_attribute("href")
        session = visit(newest.lstrip("/"), {"width": 1280, "height": 960})
        session.wait_for_selector("#charts svg")
        session.screenshot(path=made[3])
        history.close()
        session.close()
        live, phone = visit("", DESK), visit("", PHONE)
        _until(live, "number.textContent === '4' && parseFloat(fill.style.width) > 50")
        live.screenshot(path=made[0], type="jpeg", quality=85)
        _until(phone, "title.textContent === 'Push-up' && Number(number.textContent) > 0")
        phone.screenshot(path=made[1], type="jpeg", quality=85)
        browser.close()
        runner.terminate()
        runner.wait()
    return made


def _until(page: Any, true: str) -> None:
    """The content security policy forbids the page to evaluate, and so Playwright's own waiting."""
    names = "const [number, title, fill] = ['number', 'title', 'fill'].map((id) => document.getElementById(id));"
    until_s = time.monotonic() + 300
    while not page.evaluate(f"() => {{ {names} return {true} }}"):
        if time.monotonic() > until_s:
            raise TimeoutError(true)
        time.sleep(0.02)


if __name__ == "__main__":
    for path in shoot(Path(sys.argv[1])):
        sys.stdout.write(f"wrote {path} ({path.stat().st_size // 1024} KB)\n")
