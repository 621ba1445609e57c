"""Public sets fetched where there is a network; where there is none, a line that says how to do it by hand."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.formats.images import INSTALL
from keypoints.errors import InputError, MissingExtraError, RepSightError

Progress = Callable[[int, int], None]

_BLOCK = 1 << 20
_TIMEOUT_S = 30.0

#: Programs that unpack a .rar, and how they are called with the archive and the folder to unpack into.
_UNPACKERS = (
    ("bsdtar", ("-xf", "{archive}", "-C", "{folder}")),
    ("unar", ("-quiet", "-force-overwrite", "-no-directory", "-output-directory", "{folder}", "{archive}")),
    ("7z", ("x", "-y", "-o{folder}", "{archive}")),
    ("7zz", ("x", "-y", "-o{folder}", "{archive}")),
    ("unrar", ("x", "-idq", "-o+", "{archive}", "{folder}/")),
)
_ARCHIVES = (".rar", ".zip", ".tar", ".tar.gz", ".tgz")


class DownloadError(RepSightError):
    """A set could not be fetched or unpacked; the message says how to do it by hand."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One file of a set. url: where its publisher has it. md5: of the file, where it is known."""

    url: str
    md5: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(urllib.parse.urlparse(self.url).path).name


#: Kuehne et al., "HMDB: A Large Video Database for Human Motion Recognition" (ICCV 2011), CC BY 4.0; about 2 GB.
_HMDB = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"
SETS = {
    "hmdb51": (
        Archive(f"{_HMDB}/hmdb51_org.rar"),
        Archive(f"{_HMDB}/test_train_splits.rar", md5="15e67781e70dcfbdce2d7dbb9b3344b5"),
    )
}


def download(name: str, out: Path, urls: Sequence[str] = (), progress: Progress = lambda done, total: None) -> Path:
    """Fetch a set into the folder `out`, unpack it, and return the folder that `data describe` takes.

    name: `hmdb51`, or OWNER/NAME of the Hugging Face Hub. urls: other places of the archives (http, https, file, or a
    path), instead of the publisher's. A file that is already in `out` is not fetched again, and one that was cut off is
    continued. progress: told bytes done and to do, 0 when that is not known.
    Raises InputError for an unknown name, DownloadError when a file can't be fetched or unpacked.
    """
    if name in SETS:
        archives = tuple(map(Archive, urls)) or SETS[name]
        for archive in archives:
            _get(archive, out, f"repsight data download {name} --out {out}", progress)
        for archive in archives:
            unpack(out / archive.name, out)
        return out
    if name.count("/") == 1 and all(name.split("/")):
        return _from_hub(name, out)
    raise InputError("no such set", field="name", expected=f"{', '.join(SETS)}, or OWNER/NAME of the Hugging Face Hub",
                     found=name)  # fmt: skip


def _get(archive: Archive, out: Path, again: str, progress: Progress) -> None:
    file = out / archive.name
    by_hand = f"by hand: fetch {archive.url} on a machine with a network, put it at {file}, and run `{again}` again"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            fetch(archive.url, file, progress)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(f"{archive.url}: can't be fetched: {reason}; {by_hand}") from None
    if archive.md5 is not None:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        if found != archive.md5:
            raise DownloadError(
                f"{file}: not the published file (md5 {archive.md5}, found {found}); delete it, {by_hand}"
            )


def fetch(url: str, file: Path, progress: Progress = lambda done, total: None) -> None:
    """Fetch a URL or copy a path to `file`, by way of `file.partial`, from which a later call goes on.

    Raises OSError (also as urllib's URLError) when it can't be reached, or gives less than it promised.
    """
    if "://" not in url:
        url = Path(url).resolve().as_uri()
    partial = file.with_name(f"{file.name}.partial")
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:  # 416: there is nothing behind what is here
            raise
        partial.unlink()
        return fetch(url, file, progress)
    with answer:
        going_on = getattr(answer, "status", None) == 206
        have = have if going_on else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length is not None else 0
        with partial.open("ab" if going_on else "wb") as stream:
            while block := answer.read(_BLOCK):
                stream.write(block)
                have += len(block)
                progress(have, total)
    if total and have < total:
        raise OSError(f"cut off after {have} of {total} bytes; the same command goes on from there")
    partial.replace(file)
    return None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive, and the archives inside of it (HMDB51 has one a class), each into a folder of its own name
    unless it brings one. Raises DownloadError when it is damaged, or no program for it is here.
    """
    before = {file for file in folder.rglob("*") if file.is_file()}
    _extract(archive, folder)
    inner = [file for file in folder.rglob("*") if file.suffix in _ARCHIVES and file not in before]
    for file in sorted(inner):
        _extract(file, file.parent)
        file.unlink()


def _extract(archive: Path, folder: Path) -> None:
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as content:
                content.extractall(folder)  # zipfile itself keeps every name inside of the folder
            return
        if archive.suffix != ".rar":
            with tarfile.open(archive) as content:
                content.extractall(folder, filter="data")
            return
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise DownloadError(f"{archive}: can't be unpacked: {error}; delete it and fetch it again") from None
    for program, words in _UNPACKERS:
        if (found := shutil.which(program)) is not None:
            command = [found, *(word.format(archive=archive, folder=folder) for word in words)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            said = (done.stderr or done.stdout).strip().splitlines()
            raise DownloadError(f"{archive}: {program} can't unpack it: {said[-1] if said else done.returncode}")
    programs = ", ".join(program for program, _ in _UNPACKERS)
    raise DownloadError(f"{archive}: nothing here unpacks .rar; install one of {programs} (Debian: apt-get install "
                        "libarchive-tools) and run the same command again")  # fmt: skip


def _from_hub(name: str, out: Path) -> Path:
    """A set of the Hub, saved as `datasets` saves it."""
    by_hand = (
        f"by hand: on a machine with a network, `hf download --repo-type dataset {name} --local-dir {out.name}`, "
        f"put the folder at {out}, and go on with `repsight data describe {out}`"
    )
    try:
        import datasets
        from huggingface_hub.utils import logging
    except ImportError:
        raise MissingExtraError(f"{name}: a set of the Hugging Face Hub needs the package datasets",
                                hint=f"{INSTALL}; or {by_hand}") from None  # fmt: skip
    logging.set_verbosity(logging.CRITICAL)  # every retry is a line, and the last of them is ours
    try:
        found = datasets.load_dataset(name)
        found.save_to_disk(str(out))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise DownloadError(f"{name}: can't be fetched from the Hub: {error}; {by_hand}") from None
    return out
