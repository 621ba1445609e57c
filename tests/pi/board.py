"""A Raspberry Pi without one: Debian's arm64 packages, the lock's aarch64 wheels and qemu, all in one folder.

Nothing of it needs root rights or touches the system: apt works on lists of its own, packages are unpacked and never
installed, and qemu translates one program, without a kernel of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements" / "run.lock"
#: Where everything is kept; `make clean` removes it.
FOLDER: Final = ROOT / ".pi"

#: Raspberry Pi OS is Debian with a kernel of its own: bookworm has Python 3.11, trixie 3.13.
SUITES: Final = ("bookworm", "trixie")


@dataclass(frozen=True, slots=True)
class Cpu:
    """What a board's kernel says of its processor in /proc/cpuinfo; onnxruntime chooses its instructions by that."""

    board: str
    part: str
    variant: str
    revision: int
    features: str

    def cpuinfo(self) -> str:
        """The file's text, of four cores."""
        core = (
            "processor\t: {}\nBogoMIPS\t: 108.00\nFeatures\t: {}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            "CPU variant\t: {}\nCPU part\t: {}\nCPU revision\t: {}\n"
        )
        cores = (core.format(i, self.features, self.variant, self.part, self.revision) for i in range(4))
        return "\n".join(cores) + f"\nModel\t\t: {self.board}\n"


#: By the name that qemu has for it. Features as Raspberry Pi OS lists them there.
CPUS: Final = {
    "cortex-a76": Cpu(
        "Raspberry Pi 5 Model B Rev 1.0", "0xd0b", "0x4", 1,
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    ),
    "cortex-a72": Cpu("Raspberry Pi 4 Model B Rev 1.4", "0xd08", "0x0", 3, "fp asimd evtstrm crc32 cpuid"),
}  # fmt: skip


class NoBoardError(Exception):
    """This machine can't build one; the text says why."""


class Board:
    """The unpacked system, with the wheels installed in it by its own pip."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Build what is not there yet: one download of 150 MB, and 20 seconds. Raises NoBoardError."""
        if platform.machine() != "x86_64":
            raise NoBoardError("is made for a PC: on a Pi, `make test` says more")
        if missing := [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]:
            raise NoBoardError(f"needs {' and '.join(missing)} of a Debian")
        self.suite = os.environ.get("SUITE") or _host_suite()
        if self.suite not in SUITES:
            raise NoBoardError(f"Raspberry Pi OS is made of {' or '.join(SUITES)}, not of {self.suite}: SUITE=...")
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        told = re.search(r"sudo apt-get install make (python3-venv .+)", readme)
        assert told is not None, "the README says what a bare Raspberry Pi OS needs"
        packages = told[1].split()
        key = hashlib.sha256(json.dumps([self.suite, packages, LOCK.read_text(), 1]).encode()).hexdigest()[:12]
        self.folder = folder / f"{self.suite}-{key}"
        self.root, self.site = self.folder / "root", self.folder / "site"
        self._host = self.folder / "host"  # qemu, and the libraries that it needs
        if not (self.folder / "whole").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self._build(packages)
            (self.folder / "whole").touch()

    @property
    def python(self) -> Path:
        """Its interpreter, such as root/usr/bin/python3.11."""
        return next(path for path in (self.root / "usr/bin").glob("python3.*") if path.suffix[1:].isdigit())

    def run(
        self,
        cpu: str,
        *arguments: str | Path,
        check: bool = True,
        without: str | None = None,
        counted: bool = False,
        path: Sequence[str | Path] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run its Python with these arguments in the project's folder.

        without: a library that is to be missing. counted: with the plugin that counts instructions; its lines are
        on stderr. path: folders (or wheels) for modules, instead of the project and its packages.
        """
        root = self._machine(cpu, without)
        emulator: list[str | Path] = [self._host / "usr/bin/qemu-aarch64-static"]
        if counted:  # only qemu with shared libraries takes plugins: by its own loader, as the host may have others
            libraries = ":".join(
                str(self._host / name) for name in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
            )
            loader = self._host / "lib64/ld-linux-x86-64.so.2"
            emulator = [loader, "--library-path", libraries, self._host / "usr/bin/qemu-aarch64"]
            emulator += ["-plugin", self._plugin()]
        home = self.folder / "home" / cpu  # what one processor's run keeps for the next is no good for another's
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(map(str, path or (ROOT, self.site))),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
        }
        command = [*emulator, "-cpu", cpu, "-L", root, self.python, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    def _build(self, packages: Sequence[str]) -> None:
        apt = _Apt(self.folder / "apt", self.suite, "arm64")
        apt.unpack(packages, self.root)
        if not (self.root / "lib").exists():  # from trixie on, everything is under /usr
            (self.root / "lib").symlink_to("usr/lib")
        _Apt(self.folder / "apt-host", _host_suite(), "amd64").unpack(["qemu-user-static", "qemu-user"], self._host)
        wheels = self.folder / "wheels"
        self._download(wheels)
        pip = next((self.root / "usr/share/python-wheels").glob("pip-*.whl"))
        self.run(
            "cortex-a76", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
            "--no-index", "--find-links", wheels, "--no-deps", "--only-binary", ":all:", "--require-hashes",
            "--no-compile", "--target", self.site, "--requirement", LOCK, path=[pip],
        )  # fmt: skip

    def _download(self, wheels: Path) -> None:
        """The lock's wheels for its Python; which of them fit it, its own pip decides when it installs them."""
        version = self.python.name.removeprefix("python")
        wheels.mkdir()
        # pip reads markers as of the Python that it runs in, so that for another one they have to be read before.
        lock = wheels / "requirements.txt"
        blocks = re.findall(r"^\S.+\n(?: .+\n)+", LOCK.read_text(), re.MULTILINE)
        lock.write_text("".join(re.sub(r" ;[^\\\n]+", " ", block) for block in blocks if pin(block, version)))
        platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, 37)]
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary", ":all:", "--require-hashes", "--implementation=cp", f"--python-version={version}",
             "--platform=manylinux2014_aarch64", *platforms, "--dest", wheels, "--requirement", lock],
            check=True,
        )  # fmt: skip

    def _machine(self, cpu: str, without: str | None) -> Path:
        """A root for this processor: the one that all share, by links, and the files that its kernel would show."""
        machine = self.folder / (f"{cpu}-without-{without}" if without else cpu)
        shutil.rmtree(machine, ignore_errors=True)
        _mirror(self.root, machine, without)
        texts = {"proc/cpuinfo": CPUS[cpu].cpuinfo(), "proc/device-tree/model": f"{CPUS[cpu].board}\0"}
        texts |= {f"sys/devices/system/cpu/{name}": "0-3\n" for name in ("possible", "present", "online")}
        for name, text in texts.items():
            (machine / name).parent.mkdir(parents=True, exist_ok=True)
            (machine / name).write_text(text)
        return machine

    def _plugin(self) -> Path:
        """The plugin, compiled. Raises NoBoardError without a compiler."""
        plugin, source = self.folder / "instructions.so", Path(__file__).parent / "instructions.c"
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise NoBoardError("counting instructions needs a C compiler")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", plugin, source], check=True)
        return plugin


def pin(line: str, python: str) -> tuple[str, str] | None:
    """Distribution and version that a line of the lock installs on a Python such as 3.11; None where it does not."""
    found = re.match(r"([a-z0-9-]+)==(\S+)(?: ; python_full_version (<|>=) '([\d.]+)')?", line)
    if found is None:
        return None
    name, version, sign, than = found.groups()

    def number(text: str) -> tuple[int, ...]:
        return tuple(map(int, text.split(".")))

    return (name, version) if sign is None or (number(python) < number(than)) == (sign == "<") else None


class _Apt:
    """apt with lists and a cache of its own, for a machine on which nothing is installed yet."""

    def __init__(self, folder: Path, suite: str, architecture: str) -> None:
        self._archives = folder / "cache/archives"
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(_sources(suite))
        config = folder / "apt.conf"
        config.write_text(
            f'APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }};\n'
            'APT::Sandbox::User ""; Debug::NoLocking "1"; APT::Install-Recommends "0"; Acquire::Languages "none";\n'
            f'Dir::State "{folder}"; Dir::State::lists "{folder}/lists"; Dir::State::status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache"; Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "-";\n'
        )
        self._environment = {**os.environ, "APT_CONFIG": str(config)}

    def unpack(self, packages: Sequence[str], target: Path) -> None:
        """Download the packages with everything that they depend on, and unpack all of it into `target`."""
        for command in (["update"], ["install", "--yes", "--download-only", *packages]):
            done = subprocess.run(
                ["apt-get", "-qq", *command], env=self._environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise NoBoardError(f"apt-get {' '.join(command)}: {done.stderr.strip()}")
        target.mkdir(parents=True, exist_ok=True)
        for archive in sorted(self._archives.glob("*.deb")):
            subprocess.run(["dpkg", "-x", archive, target], check=True)


def _host_suite() -> str:
    """The release of this machine's Debian."""
    release = Path("/etc/os-release")
    found = re.search(r"^VERSION_CODENAME=(\w+)", release.read_text() if release.is_file() else "", re.MULTILINE)
    return found[1] if found else "no Debian"


def _sources(suite: str) -> str:
    """Debian's archive as this machine knows it, for `suite`; it may be a mirror."""
    places = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
    text = "\n".join(Path(place).read_text() for place in places if Path(place).is_file())
    archives = re.findall(r"https?://\S+/debian/?(?=\s|$)", text, re.MULTILINE)
    used = [url for url in archives if f"# {url}" not in text]
    if not used:
        raise NoBoardError("this machine's apt knows no archive of Debian")
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"deb [signed-by={key}] {used[0]} {suite} main\n"


def _mirror(source: Path, target: Path, without: str | None) -> None:
    """Links in `target` to what is in `source`; down to the folder where `without` is left out."""
    target.mkdir(parents=True)
    inside = next(source.rglob(without), None) if without else None
    for entry in source.iterdir():
        if inside is not None and entry in (inside, *inside.parents):
            if entry != inside:
                _mirror(entry, target / entry.name, without)
        else:
            (target / entry.name).symlink_to(entry)
