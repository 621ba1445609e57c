"""What holds for the project as a whole: its halves, its rooms, its settings, its locks."""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.markers import default_environment
from packaging.requirements import Requirement

import cli
from edge import doctor

ROOT = Path(__file__).parents[1]

#: Who may import whom; the standard library and other packages aside.
ROOMS = {
    "configs": {"keypoints"},
    "keypoints": {"configs"},
    "classifier": {"keypoints", "configs"},
    "data": {"keypoints", "configs"},
    "compression": {"keypoints", "classifier", "data", "configs"},
    "edge": {"keypoints", "classifier", "configs"},
}

WORKSHOP = {
    "torch",
    "torchvision",
    "ultralytics",
    "sklearn",
    "mediapipe",
    "onnx",
    "scipy",
    "anny",
    "pyvista",
    "matplotlib",
    "openpyxl",
    "pyarrow",
    "ray",
}

#: The machines that the locks are for.
MACHINES = [
    {"python_full_version": f"{python}.0", "python_version": python, "platform_machine": machine}
    for python in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


def project_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def locked(name: str, machine: dict[str, str]) -> dict[str, str]:
    """Distribution and version that the lock `name` installs on a Linux machine."""
    lines = [
        line.removesuffix("\\").strip()
        for line in (ROOT / "requirements" / name).read_text().splitlines()
        if line and not line.startswith((" ", "#"))
    ]
    environment = {str(k): str(v) for k, v in default_environment().items()}
    environment |= {"sys_platform": "linux", "platform_system": "Linux", **machine}
    pins = [Requirement(line) for line in lines]
    return {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(environment)
    }


def run_fresh(code: str, *arguments: str, cwd: Path = ROOT) -> str:
    """The output of `code` in a new interpreter that starts in the project's folder."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_the_runner_imports_nothing_of_the_workshop() -> None:
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "edge").rglob("[!_]*.py")]
    modules = ["cli", *(".".join(path.parts) for path in paths)]
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = {name.partition(".")[0] for name in run_fresh(code).split()}
    assert {"numpy", "onnxruntime", "cv2"} <= loaded
    assert not loaded & WORKSHOP


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_that_it_may(room: str) -> None:
    strangers = []
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names}
            strangers += [f"{path.relative_to(ROOT)}: {top}" for top in tops & (set(ROOMS) - ROOMS[room] - {room})]
    assert strangers == []


@pytest.mark.parametrize("command", sorted(cli.cli.commands))
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli.cli, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert re.search(r"Usage: .+\n\n\s+\S+", result.output), "the help says what the command does"


def test_the_command_line_names_its_commands() -> None:
    assert {"run", "train-head", "synthesize", "export", "doctor"} <= set(cli.cli.commands)
    result = CliRunner().invoke(cli.cli, ["--help"])
    assert result.exit_code == 0
    assert "doctor" in result.output


def test_no_file_names_a_registry_or_a_folder_of_the_machine_it_was_made_on() -> None:
    # Put together here, so that this file does not name them itself.
    names = ["pypi" + ".org", "python" + "hosted", "registry.npm" + "js", "deb.debian" + ".org"]
    folders = ["/work" + "/", "/root" + "/", "/home" + "/", "/tmp" + "/bash"]
    words = [text.encode() for text in names + folders]
    found = [
        f"{path.relative_to(ROOT)}: {word.decode()}"
        for path in project_files()
        for word in words
        if word in path.read_bytes()
    ]
    assert found == []


def test_nothing_of_the_shared_folder_is_part_of_the_project(shared: Path) -> None:
    sizes = {path.stat().st_size: path for path in shared.rglob("*") if path.suffix in {".pt", ".task", ".mp4", ".npz"}}
    taken = [
        path
        for path in project_files()
        if path.stat().st_size in sizes and path.read_bytes() == sizes[path.stat().st_size].read_bytes()
    ]
    assert taken == []


def test_the_base_install_is_the_runtime_half_that_the_doctor_looks_for() -> None:
    base = requirements(setup()["options"]["install_requires"])
    assert {requirement.name for requirement in base} == set(doctor.RUNTIME)


def test_every_requirement_is_bounded_on_both_sides() -> None:
    parser = setup()
    texts = [parser["options"]["install_requires"], *parser["options.extras_require"].values()]
    loose = [
        str(requirement)
        for text in texts
        for requirement in requirements(text)
        if {specifier.operator for specifier in requirement.specifier} != {">=", "<"}
    ]
    assert loose == []


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: "-".join(list(machine.values())[1:]))
def test_the_locks_hold_what_setup_asks_for(machine: dict[str, str]) -> None:
    parser = setup()
    base = requirements(parser["options"]["install_requires"])
    extras = [r for text in parser["options.extras_require"].values() for r in requirements(text)]
    for name, wanted in (("run.lock", base), ("test.lock", base + extras)):
        pins = locked(name, machine)
        for requirement in wanted:
            version = pins.get(requirement.name.lower())
            assert version is not None, f"{name} lacks {requirement.name}: make lock"
            assert requirement.specifier.contains(version), f"{name}: {requirement.name}=={version}: make lock"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: "-".join(list(machine.values())[1:]))
def test_both_locks_agree_and_hold_one_cv2_and_no_workshop_in_the_runtime_half(machine: dict[str, str]) -> None:
    run, test = locked("run.lock", machine), locked("test.lock", machine)
    assert {name: test.get(name) for name in run} == run
    assert set(test) & set(doctor.CV2_PROVIDERS) == {"opencv-python"}
    assert not set(run) & (WORKSHOP | {"scikit-learn", "torch-pruning"})


def test_every_room_says_that_it_is_typed() -> None:
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []


def test_onnxruntime_never_reports_to_its_maker(tmp_path: Path) -> None:
    """Whichever module loads it first; it would leave a folder of its own in the cache folder."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if re.search(r"^\s*(import|from) onnxruntime", path.read_text(), re.MULTILINE)
    ]
    assert "keypoints.session" in modules
    clean = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment = clean | {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    for module in modules:
        code = f"import os, {module}; print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.stdout == "1\n", f"{module}: {done.stderr}"
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name.lower()]


def _scripts() -> list[str]:
    files = sorted((ROOT / "tests/benchmarks").glob("*.py"))
    return [file.name for file in files if re.search(r"@click\.(command|group)|ArgumentParser\(", file.read_text())]


@pytest.mark.slow
@pytest.mark.parametrize("script", _scripts())
def test_a_script_that_measures_finds_what_it_needs(script: str) -> None:
    command = [sys.executable, str(ROOT / "tests/benchmarks" / script), "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "usage" in done.stdout.lower(), done.stderr
