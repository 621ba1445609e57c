"""What is shipped: the sdist, the wheel that is built from it, the container, and the hooks before a commit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import cli

ROOT = Path(__file__).parents[1]
ROOMS = ("keypoints", "classifier", "compression", "edge", "data", "configs")


def tracked() -> list[str]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it, as `make dist` makes them: without a network."""
    folder = tmp_path_factory.mktemp("packaging")
    tree, out = folder / "tree", folder / "dist"
    for name in tracked():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tree / name)
    uv = [str(Path(sys.executable).with_name("uv")), "build", "--quiet", "--offline", "--no-build-isolation"]
    subprocess.run([*uv, "--python", sys.executable, "--out-dir", out, tree], check=True, timeout=240)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


@pytest.mark.slow
def test_the_sdist_has_everything_that_is_committed(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(tracked()) - names == set()
    assert {"LICENSE", "Makefile", "requirements/run.lock", "tests/conftest.py", "docs/architecture.svg"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


@pytest.mark.slow
def test_the_wheel_has_every_file_of_every_room_and_no_others(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        meta = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("METADATA"))
        scripts = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert names == {name for name in tracked() if name.startswith(tuple(f"{room}/" for room in ROOMS))} | {"cli.py"}
    assert {Path(name).suffix for name in names} >= {".onnx", ".mp4", ".yaml", ".woff2", ".html", ".js", ".css", ".svg"}
    assert "License-Expression: AGPL-3.0-or-later" in meta and "Provides-Extra: web" in meta
    assert "repsight = cli:main" in scripts


@pytest.mark.slow
def test_the_wheel_runs_from_any_folder(built: tuple[Path, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        archive.extractall(tmp_path / "installed")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); import cli; cli.main()"

    def repsight(*arguments: str) -> str:
        command = [sys.executable, "-P", "-c", code, str(tmp_path / "installed"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert repsight("--version").startswith("repsight ")
    assert "Everything that `repsight run` needs is here." in repsight("doctor")
    assert re.match(r"\d+ squats? in ", repsight("run", "demo", "--screen", "none", "--log", "none", "--frames", "150"))
    assert str(tmp_path / "installed" / "configs" / "run.yaml") in repsight("config", "show", "run")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and what they are given, continued lines as one."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_the_image_copies_only_what_is_there_and_what_dockerignore_lets_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [
        w for what, given in instructions() if what == "COPY" and "--from" not in given for w in given.split()[:-1]
    ]
    assert set(copied) == let_through
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {*ROOMS, "cli.py", "requirements/run.lock"} <= set(copied)


def test_the_image_installs_the_runtime_lock_by_hash_and_runs_as_nobody_in_particular() -> None:
    ran = " ".join(" ".join(given.split()) for what, given in instructions() if what == "RUN")
    assert "--require-hashes --requirement /src/requirements/run.lock" in ran and "--only-binary :all:" in ran
    assert "test.lock" not in ran and "[train]" not in ran
    user = [given for what, given in instructions() if what == "USER"]
    assert len(user) == 1 and re.fullmatch(r"[1-9]\d*:[1-9]\d*", user[0])
    assert sum(what == "FROM" for what, _ in instructions()) == 2
    assert any(what == "HEALTHCHECK" and "/health" in given for what, given in instructions())


def services() -> dict[str, dict[str, Any]]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return dict(content["services"])


@pytest.mark.parametrize("name", ["serve", "edge"])
def test_a_service_of_compose_comes_back_by_itself_and_may_write_nowhere_but_in_its_volumes(name: str) -> None:
    service = services()[name]
    assert service["restart"] == "unless-stopped" and service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    assert {volume.partition(":")[2] for volume in service["volumes"]} == {"/var/lib/repsight", "/var/cache/repsight"}


def test_what_compose_runs_are_commands_of_repsight() -> None:
    for service in (services()["serve"], services()["edge"]):
        name, *arguments = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in service["command"]]
        command = cli.cli.commands[name]
        assert command.make_context(name, list(arguments))
        assert CliRunner().invoke(cli.cli, [name, "--help"]).exit_code == 0


def test_the_service_is_reached_from_outside_through_tls_alone_and_the_edge_has_its_camera() -> None:
    assert services()["serve"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services()["tls"]["profiles"] == ["tls"]
    assert any(device.endswith(":/dev/video0") for device in services()["edge"]["devices"])


def test_the_hooks_before_a_commit_are_this_environments_own() -> None:
    """No hook is fetched: lint and types are of the versions in the lock."""
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    assert {hook["entry"].split()[0] for hook in repos[0]["hooks"]} == {"ruff", "mypy"}
    assert {hook["language"] for hook in repos[0]["hooks"]} == {"system"}
