"""The token of an installation, the addresses that lead to the screen, and what is said when it can't be had."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from configs.schema import Run
from configs.web import Web
from edge.screens import open_screen
from edge.web import access, screen
from edge.web.access import Access, load_token
from edge.web.invite import as_svg, as_text, invite, qr_code
from keypoints.errors import InputError, MissingExtraError


def test_the_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    token, trouble = load_token(folder)
    file = folder / access.TOKEN_FILE
    assert (trouble, file.stat().st_mode & 0o777) == (None, 0o600)
    assert len(token) >= 22
    assert load_token(folder) == (token, None)
    assert load_token(tmp_path / "other")[0] != token
    assert [path.name for path in folder.iterdir()] == [file.name]


def test_a_token_that_others_could_read_is_closed_and_a_spoilt_one_made_anew(tmp_path: Path) -> None:
    token, _ = load_token(tmp_path)
    file = tmp_path / access.TOKEN_FILE
    file.chmod(0o644)
    assert load_token(tmp_path)[0] == token
    assert file.stat().st_mode & 0o777 == 0o600
    for spoilt in (b"", b"short", b"\xff\xfe", b"a" * 30 + b" b"):
        file.write_bytes(spoilt)
        mended, _ = load_token(tmp_path)
        assert len(mended) >= 22
        assert load_token(tmp_path)[0] == mended


def test_a_token_that_cannot_be_kept_is_said_and_serves_for_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    token, trouble = load_token(tmp_path / "file")
    assert len(token) >= 22
    assert trouble is not None
    assert "another one at the next start" in trouble


def test_a_token_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("A" * 30)
    (tmp_path / access.TOKEN_FILE).symlink_to(tmp_path / "secret")
    token, trouble = load_token(tmp_path)
    assert token != "A" * 30
    assert trouble is not None


@pytest.mark.parametrize(
    ("host", "here", "there"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/", None),
        ("localhost", "http://localhost:8000/", None),
        ("::1", "http://[::1]:8000/", None),
        ("0.0.0.0", "http://127.0.0.1:8000/?token=T", "http://192.0.2.9:8000/?token=T"),
        ("::", "http://[::1]:8000/?token=T", "http://192.0.2.9:8000/?token=T"),
        ("192.0.2.5", "http://192.0.2.5:8000/?token=T", "http://192.0.2.5:8000/?token=T"),
    ],
)
def test_the_addresses_follow_from_where_it_listens(
    host: str, here: str, there: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.web.invite.own_address", lambda: "192.0.2.9")
    made = invite(Web(host=host), "T" if there else None)
    assert (made.here, made.there) == (here, there)
    assert (made.code is None) == (there is None)


def test_the_code_leads_a_phone_to_the_address() -> None:
    address = "http://192.168.178.21:8000/?token=7dFh3kQ0aZ_x-Lm29PpQrw"
    code = np.pad(qr_code(address), 4)
    picture = np.kron(np.where(code, 0, 255), np.ones((6, 6))).astype(np.uint8)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address
    lines = as_text(qr_code(address)).split("\n")
    dark = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    cells = [[dark[c] for c in line.partition("m")[2].removesuffix("\x1b[0m")] for line in lines]
    drawn = np.array(cells).transpose(0, 2, 1).reshape(2 * len(lines), -1)
    assert (drawn[2 : 2 + len(code) - 8, 2:-2] == qr_code(address)).all()
    assert as_svg(qr_code(address)).count("h1v1h-1z") == qr_code(address).sum()


@pytest.mark.parametrize(
    ("token", "host", "served"),
    [(None, "127.0.0.1:80", True), (None, "10.0.0.7", False), ("T", "10.0.0.7", True), ("T", "fe80::1", False),
     ("T", "[fe80::1]:8000", True), ("T", "evil.example", False), ("T", "", False), ("T", "a b", False),
     (None, "127.0.0.1.evil.example", False), (None, "localhost.", True)],
)  # fmt: skip
def test_a_name_that_is_not_ours_may_be_a_strangers(token: str | None, host: str, served: bool) -> None:
    assert Access.of(Web(host="0.0.0.0" if token else "127.0.0.1"), token).serves(host) is served


def test_an_address_that_cannot_be_had_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"web.port {port}: can't listen: Address already in use; --port"):
            open_screen(Run(screen="web", log=str(tmp_path), web=Web(port=port)))
    with pytest.raises(InputError, match=r"web\.host: no address of this machine"):
        open_screen(Run(screen="web", log=str(tmp_path), web=Web(host="no such name")))


def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "find_spec", lambda name: None if name == "fastapi" else object())
    with pytest.raises(MissingExtraError, match=r"found no fastapi\); pip install '\.\[web\]'"):
        open_screen(Run(screen="web"))


def test_the_runner_loads_nothing_of_the_web_before_it_is_asked_for(root: Path) -> None:
    code = "import sys, cli, edge.run, edge.screens, edge.web.screen; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert not {"fastapi", "uvicorn", "starlette", "segno", "websockets"} & set(loaded.split())


def test_the_invitation_can_be_read_again(repsight: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    alone = repsight("invite", "--port", "8123")
    assert (alone.returncode, alone.stdout) == (0, "Open http://127.0.0.1:8123/\n")
    here = repsight("invite", "--host", "0.0.0.0", "--here").stdout.strip()
    assert here == f"http://127.0.0.1:8000/?token={load_token()[0]}"
    everything = repsight("invite", "--host", "0.0.0.0").stdout
    assert here in everything
    assert "▀" in everything
    refused = repsight("invite", "--port", "0")
    assert refused.returncode == 2
    assert "web.port: is another one every time" in refused.stderr
