"""Twenty viewers of the web screen: does the chain count the same, as fast, in as little memory as with none?

    python tests/benchmarks/web_load.py --minutes 5                    # 19 protocol clients and one Chromium
    python tests/benchmarks/web_load.py --minutes 1 --viewers 4 --no-browser --json load.json

The demo clip is played again and again at 15 frames a second and its own speed, twice for so many minutes: first with
nobody watching, then with everybody. A protocol client takes every reading over a WebSocket and the video as Motion
JPEG. The runner, the clients and the browser are processes of their own, as in life. The machine is to be idle.
Exit code 1 when the counts differ, the chain's p50 grows by more than a fifth, a picture is encoded more than once, or
memory grows by more than 32 MB after the first fifth.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

sys.path.insert(0, str(Path(__file__).parents[2]))

FPS = 15.0
#: What is allowed: times as long a p50, and MB of growth.
MOST_TIMES, MOST_GROWTH_MB = 1.2, 32.0


@dataclass
class Run:
    """One run: what the runner reports, its memory every second, and what the viewers say."""

    report: dict[str, Any]
    rss_mb: list[float] = field(default_factory=list)
    watched: dict[str, Any] = field(default_factory=dict)
    browser: str | None = None

    @property
    def chain_ms(self) -> dict[str, float]:
        """p50, p90, p99 of a frame."""
        found: dict[str, float] = self.report["latency_ms"]["chain"]
        return found

    @property
    def growth_mb(self) -> float:
        """From the first fifth on."""
        late = self.rss_mb[len(self.rss_mb) // 5 :]
        return max(late) - late[0] if late else 0.0


def serve(frames: int) -> None:
    """The runner: `repsight run demo --screen web`, without an end, and its report as JSON."""
    import edge.run
    from configs.schema import Run as Settings
    from edge.benchmark.chain import Endless
    from edge.web.screen import WebScreen

    screens = []

    def screen(settings: Settings) -> WebScreen:
        screens.append(WebScreen(settings))
        return screens[0]

    edge.run.open_screen = screen
    edge.run.open_source = lambda name, settings, stopped: Endless(name, settings)  # type: ignore[assignment,misc]
    content = {"source": "demo", "screen": "web", "log": "none", "fps": FPS, "sound": "none", "web": {"port": 0}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        edge.run.run(Settings.model_validate(content), json_file=file, max_frames=frames)
        report = json.loads(file.read_text())
    encoder = screens[0]._show.encoder
    click.echo(json.dumps({**report, "encoded": encoder.encoded if encoder else 0}))


async def watch(url: str, viewers: int) -> dict[str, Any]:
    """The protocol clients, until the runner ends: how much each got, and the counts that it saw last."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    address = urlsplit(url)
    readings, pictures, last = [0] * viewers, [0] * viewers, [""] * viewers

    async def read(i: int) -> None:
        async with connect(f"ws://{address.netloc}/api/live", compression=None) as socket:
            try:
                async for text in socket:
                    readings[i], last[i] = readings[i] + 1, str(text)
            except ConnectionClosed:
                return

    async def look(i: int) -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"GET /api/video HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        while chunk := await reader.read(1 << 16):
            pictures[i] += chunk.count(b"Content-Length: ")
        writer.close()

    await asyncio.gather(*(work(i) for i in range(viewers) for work in (read, look)), return_exceptions=True)
    return {"readings": readings, "pictures": pictures, "reps": [json.loads(text)["reps"] for text in last if text]}


def measure(frames: int, viewers: int, with_browser: bool) -> Run:
    """One run with so many protocol clients."""
    command = [sys.executable, __file__]
    with ExitStack() as parts:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True}
        runner = parts.enter_context(
            subprocess.Popen([*command, "--serve", str(frames)], stderr=subprocess.PIPE, **pipes)
        )
        assert runner.stderr is not None
        found = re.search(r"http://\S+", runner.stderr.readline())
        assert found is not None, "the runner did not start"
        threading.Thread(target=runner.stderr.read, daemon=True).start()
        rss_mb: list[float] = []
        threading.Thread(target=_sample, args=(runner, rss_mb), daemon=True).start()
        if not viewers:
            asyncio.run(_knock(found[0]))
        clients = None
        if viewers:
            clients = parts.enter_context(
                subprocess.Popen([*command, "--watch", found[0], "--viewers", str(viewers)], **pipes)
            )
        seen = _browse(found[0], runner) if with_browser else None
        output = runner.communicate()[0]
        watched = json.loads(clients.communicate()[0]) if clients else {}
    return Run(json.loads(output.splitlines()[-1]), rss_mb, watched, seen)


async def _knock(url: str) -> None:
    """The run begins when somebody has watched."""
    from websockets.asyncio.client import connect

    async with connect(f"ws://{urlsplit(url).netloc}/api/live"):
        pass


def _browse(url: str, runner: subprocess.Popen[str]) -> str:
    """What a real page shows in the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(url)
        shown = ""
        while runner.poll() is None:
            page.wait_for_timeout(500)
            shown = page.inner_text("#board") + " | " + page.inner_text("#totals")
        browser.close()
    return " ".join(shown.split())


def _sample(runner: subprocess.Popen[str], rss_mb: list[float]) -> None:
    status = Path(f"/proc/{runner.pid}/status")
    while runner.poll() is None:
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
        if found:
            rss_mb.append(int(found[1]) / 1024)
        time.sleep(1)


def judge(quiet: Run, loud: Run) -> list[str]:
    """What is not as it is to be."""
    wrong = []
    if quiet.report["totals"] != loud.report["totals"]:
        wrong.append(f"other counts: {quiet.report['totals']} with nobody, {loud.report['totals']} with everybody")
    if any(reps != loud.report["totals"] for reps in loud.watched["reps"]):
        wrong.append("a viewer saw other counts last")
    times = loud.chain_ms["p50"] / quiet.chain_ms["p50"]
    if times > MOST_TIMES:
        wrong.append(f"the chain's p50 is {times:.2f} times as long")
    if loud.report["encoded"] > loud.report["frames"]:
        wrong.append(f"{loud.report['encoded']} pictures were encoded of {loud.report['frames']} frames")
    if loud.growth_mb > MOST_GROWTH_MB:
        wrong.append(f"memory grew by {loud.growth_mb:.0f} MB")
    return wrong


def table(name: str, run: Run) -> str:
    """A run in one line."""
    chain = run.chain_ms
    return (f"{name:14} {run.report['frames']} frames, {run.report['totals']}, chain p50 {chain['p50']:.1f} ms, "
            f"p99 {chain['p99']:.1f} ms, memory {max(run.rss_mb, default=0):.0f} MB (+{run.growth_mb:.0f}), "
            f"{run.report['encoded']} pictures encoded")  # fmt: skip


@click.command()
@click.option("--minutes", type=float, default=5.0, show_default=True)
@click.option("--viewers", type=int, default=19, show_default=True, help="Protocol clients.")
@click.option("--browser/--no-browser", default=True, help="And one Chromium.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every figure.")
@click.option("--serve", "frames", type=int, hidden=True)
@click.option("--watch", "url", hidden=True)
def main(
    minutes: float, viewers: int, browser: bool, json_file: Path | None, frames: int | None, url: str | None
) -> None:
    """Measure the web screen under load."""
    if frames is not None:
        serve(frames)
        return
    if url is not None:
        click.echo(json.dumps(asyncio.run(watch(url, viewers))))
        return
    frames = round(minutes * 60 * FPS)
    quiet = measure(frames, 0, with_browser=False)
    click.echo(table("nobody", quiet))
    loud = measure(frames, viewers, browser)
    click.echo(table(f"{viewers} viewers", loud))
    click.echo(f"chain p50: {loud.chain_ms['p50'] / quiet.chain_ms['p50']:.2f} times")
    for what in ("readings", "pictures"):
        got = loud.watched[what]
        click.echo(f"{what} a viewer: {min(got)} to {max(got)}")
    if loud.browser is not None:
        click.echo(f"the browser showed: {loud.browser}")
    if json_file is not None:
        json_file.write_text(json.dumps({"nobody": vars(quiet), "viewers": vars(loud)}, indent=1))
    wrong = judge(quiet, loud)
    for line in wrong:
        click.secho(line, bold=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
