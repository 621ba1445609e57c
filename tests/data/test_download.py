"""Sets are fetched from a server or a file, continued where they were cut off, and unpacked; else the way by hand."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from data import download as fetching
from data.download import Archive, DownloadError, download, fetch, unpack
from keypoints.errors import InputError


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return stream.getvalue()


class Server(http.server.BaseHTTPRequestHandler):
    """Gives `files`, by ranges too, and cuts the first answer off after `cut` bytes."""

    files: ClassVar[dict[str, bytes]] = {}
    cut: ClassVar[int | None] = None
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if content is None:
            return self.send_error(404)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(content):
            return self.send_error(416)
        body = content[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut, Server.cut = self.cut, None
        self.wfile.write(body[:cut])
        return None

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    Server.files, Server.cut, Server.asked = {}, None, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_set_comes_from_a_server_with_the_archives_inside_of_its_archives(url: str, tmp_path: Path) -> None:
    inner = zipped(pushup__a_DOT_avi=b"video a")
    Server.files = {"/videos.zip": zipped(pushup_DOT_zip=inner), "/splits.zip": zipped(splits__s_DOT_txt=b"a.avi 1")}
    told: list[tuple[int, int]] = []
    out = tmp_path / "sets" / "hmdb51"
    urls = (f"{url}/videos.zip", f"{url}/splits.zip")
    assert download("hmdb51", out, urls, lambda done, total: told.append((done, total))) == out
    assert (out / "pushup" / "a.avi").read_bytes() == b"video a"
    assert (out / "splits" / "s.txt").read_bytes() == b"a.avi 1"
    assert told[-1] == (len(Server.files["/splits.zip"]),) * 2
    asked = len(Server.asked)
    download("hmdb51", out, urls)
    assert len(Server.asked) == asked, "what is here is not fetched again"


def test_a_file_that_was_cut_off_is_continued(url: str, tmp_path: Path) -> None:
    Server.files, Server.cut = {"/a.bin": bytes(range(200))}, 80
    with pytest.raises(OSError, match=r"IncompleteRead|cut off after 80 of 200 bytes"):
        fetch(f"{url}/a.bin", tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()
    fetch(f"{url}/a.bin", tmp_path / "a.bin")
    assert Server.asked == [None, "bytes=80-"]
    assert (tmp_path / "a.bin").read_bytes() == bytes(range(200))


def test_a_partial_file_that_is_longer_than_the_file_is_begun_anew(url: str, tmp_path: Path) -> None:
    Server.files = {"/a.bin": b"new"}
    (tmp_path / "a.bin.partial").write_bytes(b"something old")
    fetch(f"{url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


@pytest.mark.parametrize("as_uri", [True, False])
def test_a_set_comes_from_a_file(as_uri: bool, tmp_path: Path) -> None:
    archive = tmp_path / "mirror.zip"
    archive.write_bytes(zipped(squat__a_DOT_avi=b"video"))
    out = tmp_path / "out"
    download("hmdb51", out, [archive.as_uri() if as_uri else str(archive)])
    assert (out / "squat" / "a.avi").read_bytes() == b"video"


@pytest.mark.parametrize("place", ["http://127.0.0.1:9/hmdb51_org.rar", "/nowhere/hmdb51_org.rar"])
def test_without_a_network_the_line_says_what_to_fetch_and_where_to_put_it(place: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        download("hmdb51", tmp_path / "out", [place])
    line = str(caught.value)
    assert "\n" not in line and caught.value.exit_code == 1
    assert f"by hand: fetch {place}" in line and f"put it at {tmp_path / 'out' / 'hmdb51_org.rar'}" in line
    assert f"`repsight data download hmdb51 --out {tmp_path / 'out'}`" in line


def test_a_missing_file_on_the_server_is_the_same_line(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"gone\.zip: can't be fetched: Not Found; by hand"):
        download("hmdb51", tmp_path, [f"{url}/gone.zip"])


def test_a_file_that_is_not_the_published_one_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipped(squat__a_DOT_avi=b"video")
    Server.files = {"/a.zip": content}
    right = hashlib.md5(content).hexdigest()
    for md5, sound in ((right, True), ("0" * 32, False)):
        monkeypatch.setitem(fetching.SETS, "hmdb51", (Archive(f"{url}/a.zip", md5),))
        if sound:
            download("hmdb51", tmp_path)
        else:
            with pytest.raises(DownloadError, match="not the published file"):
                download("hmdb51", tmp_path)


def test_an_archive_stays_inside_of_its_folder_and_a_damaged_one_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(**{"..__escaped": b"x"}))
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "escaped").exists()
    (tmp_path / "b.zip").write_bytes(b"no archive")
    with pytest.raises(DownloadError, match=r"b\.zip: can't be unpacked"):
        unpack(tmp_path / "b.zip", tmp_path / "out")


def test_a_rar_without_a_program_names_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(DownloadError, match=r"nothing here unpacks \.rar; install one of bsdtar"):
        unpack(tmp_path / "a.rar", tmp_path)
    program = tmp_path / "unrar"
    program.write_text('#!/bin/sh\necho unpacked > "$5/done.txt"\n')
    program.chmod(0o755)
    unpack(tmp_path / "a.rar", tmp_path)
    assert (tmp_path / "done.txt").exists()


def test_unknown_sets_and_sets_of_the_hub_without_its_package_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"no such set .*hmdb51, or OWNER/NAME"):
        download("hmdb", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(InputError, match="needs the package datasets; pip install datasets; or by hand"):
        download("owner/poses", tmp_path)
