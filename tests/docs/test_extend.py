"""The pages of docs/extend, done as they are written, in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("keypoints", "classifier", "compression", "edge", "data", "configs")
PAGES = sorted((ROOT / "docs/extend").glob("*.md"))

#: `path`: and then the file; In `path`, below `line`, goes `line`; and commands.
FILE = re.compile(r"`(?P<path>[\w/]+\.py)`:\n+```python\n(?P<text>.*?)```", re.DOTALL)
LINE = re.compile(r"In\s+`(?P<path>[\w/]+\.py)`,\s+below\s+`(?P<above>[^`]+)`,\s+goes\s+`(?P<line>[^`]+)`")
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


class Reader:
    """Somebody who does what a page says, in a checkout of their own."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.desk = folder / "repsight", folder / "desk"
        for room in ROOMS:
            shutil.copytree(ROOT / room, self.tree / room, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(ROOT / "cli.py", self.tree / "cli.py")
        self.desk.mkdir()
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "repsight").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{self.tree / "cli.py"}" "$@"\n')
        (bin_folder / "repsight").chmod(0o755)
        self.environment = os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONPATH": str(self.tree)}

    def follow(self, name: str) -> list[tuple[str, str]]:
        """Make the page's files, add its lines, run its commands: each of them, and what it printed."""
        page = (ROOT / "docs/extend" / name).read_text(encoding="utf-8")
        for file in FILE.finditer(page):
            assert not (self.tree / file["path"]).exists(), "a new file"
            (self.tree / file["path"]).write_text(file["text"], encoding="utf-8")
        for change in LINE.finditer(page):
            path = self.tree / change["path"]
            text = path.read_text(encoding="utf-8")
            assert text.count(f"\n{change['above']}\n") == 1, f"{change['path']} has the line {change['above']}"
            path.write_text(text.replace(f"{change['above']}\n", f"{change['above']}\n{change['line']}\n"))
        return [(line, self.run(line)) for block in COMMANDS.findall(page) for line in block.splitlines()]

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.desk, env=self.environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.mark.slow
def test_the_head_of_the_page_learns_is_written_and_counts(reader: Reader) -> None:
    pytest.importorskip("torch")
    said = reader.follow("add-a-head.md")
    assert [line.split()[1] for line, _ in said] == ["synthesize", "train-head", "run"]
    from classifier.head import OnnxHead

    head = OnnxHead(reader.desk / "lstm.onnx")
    assert head.card.name == "repsight-lstm" and head.card.metrics["windows"] > 50
    said_of_nothing = head(np.zeros((head.card.window, 17, 3), np.float32))
    assert np.isfinite(said_of_nothing.probabilities).all() and said_of_nothing.phase is not None
    assert re.search(r"in \d+:\d\d", said[-1][1]), "a summary"


@pytest.mark.slow
def test_the_estimator_of_the_page_counts_what_was_recorded(reader: Reader) -> None:
    (_, recorded), (_, summary) = reader.follow("add-an-estimator.md")
    reps = int(re.search(r"(\d+) reps", recorded)[1])  # type: ignore[index]
    assert reps >= 2 and summary.startswith(f"{reps} squats")


@pytest.mark.slow
def test_the_screen_of_the_page_shows_every_rep(reader: Reader) -> None:
    (_, summary), (_, shown) = reader.follow("add-a-screen.md")
    count = int(summary.split()[0])
    assert summary.startswith(f"{count} squats") and count >= 2
    assert re.findall(r"squat (\d+)", shown) == [str(number) for number in range(1, count + 1)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_on_extending_is_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) < 40
