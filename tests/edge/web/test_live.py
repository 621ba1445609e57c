"""Readings and video: what viewers get, and what becomes of those who are slow, silent or malformed."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from configs.web import Web
from edge.web.message import Now
from edge.web.newest import Newest, OverError
from edge.web.picture import Encoder

from .conftest import PICTURE, Serve, Site, eventually, reading

FILM = b"GET /api/video HTTP/1.1\r\nHost: HOST\r\n\r\n"
SILENT = (  # a WebSocket that was opened by hand, so that nobody reads it
    b"GET /api/live HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def watched(site: Site) -> tuple[int, int]:
    """How many have the page open, and how many see the video."""
    show = site.screen._show
    return show.viewers, show.encoder.watchers if show.encoder else 0


def test_a_viewer_is_told_each_reading_as_the_api_describes_it(site: Site) -> None:
    assert site.ask("/api/now").status == 204
    with connect(site.live) as viewer:
        for number in range(1, 4):
            site.tell(reading(number, reps={"squat": number}))
            now = Now.model_validate_json(viewer.recv(timeout=20), strict=False)
            assert (now.number, now.title, now.headline, now.tone) == (str(number), "Squat", "Counting", "good")
            assert now.skeleton is not None
            assert now.skeleton.size == (128, 72)
    assert Now.model_validate_json(site.ask("/api/now").body).number == "3"


@pytest.mark.parametrize(
    ("video", "film", "skeleton"), [("on", 200, True), ("skeleton", 404, True), ("off", 404, False)]
)
def test_the_switch_for_privacy_keeps_the_person_on_the_machine(
    serve: Serve, video: str, film: int, skeleton: bool
) -> None:
    site = serve(video={"on": True, "off": False}.get(video, video))  # as YAML reads on and off
    site.tell()
    assert (json.loads(site.ask("/api/now").body)["skeleton"] is not None) == skeleton
    with site.raw(FILM) as client:
        assert client.recv(12) == f"HTTP/1.1 {film}".encode()


def test_each_picture_is_encoded_once_however_many_watch(serve: Serve) -> None:
    site = serve(video_fps=1000)
    encoder = site.screen._show.encoder
    assert encoder is not None
    for _ in range(5):
        site.tell()
    time.sleep(0.1)
    assert encoder.encoded == 0, "nobody watches"
    clients = [site.raw(FILM) for _ in range(6)]
    assert eventually(lambda: watched(site)[1] == 6)
    pictures: list[list[bytes]] = []
    for number in range(1, 6):
        site.tell()
        assert eventually(lambda number=number: encoder.encoded == number)
        pictures.append([_next_picture(client) for client in clients])
    assert encoder.encoded == 5
    assert all(len(set(same)) == 1 and same[0].startswith(b"\xff\xd8") for same in pictures)
    for client in clients:
        client.close()
    assert eventually(lambda: watched(site)[1] == 0)


def _next_picture(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n") or b"Content-Length" not in head:
        head += client.recv(1)
    wanted = int(head.rpartition(b"Content-Length: ")[2].split(b"\r\n")[0])
    body = b""
    while len(body) < wanted:
        body += client.recv(wanted - len(body))
    return body


def test_who_falls_behind_gets_what_is_newest() -> None:
    async def look() -> list[int]:
        newest: Newest[int] = Newest()
        newest.attach(asyncio.get_running_loop())
        threading.Thread(target=lambda: [newest.put(n) for n in range(1, 1001)]).start()
        seen, number = [], 0
        while number < 1000:
            number, value = await newest.after(number)
            seen.append(value)
            await asyncio.sleep(0.001)
        newest.finish()
        with pytest.raises(OverError):
            await newest.after(number)
        return seen

    seen = asyncio.run(look())
    assert seen[-1] == 1000
    assert seen == sorted(set(seen))
    assert len(seen) < 1000


def test_who_takes_nothing_is_dropped_and_keeps_nobody_waiting(serve: Serve) -> None:
    site = serve(patience_s=1, video_fps=1000)
    big = reading(reps={f"exercise {number}": number for number in range(400)})
    stuck = [site.raw(SILENT, receive=4096), site.raw(FILM, receive=4096)]
    with connect(site.live) as quick:
        assert eventually(lambda: watched(site) == (2, 1))
        slowest_s, until_s = 0.0, time.monotonic() + 20
        while watched(site) != (1, 0) and time.monotonic() < until_s:
            began_s = time.perf_counter()
            site.tell(big)
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
            time.sleep(0.005)
            assert quick.recv(timeout=20)
        assert watched(site) == (1, 0)
        assert slowest_s < 1, "no reading waits for a viewer"
    for client in stuck:
        client.close()


@pytest.mark.parametrize("half", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: HOST\r\n"])
def test_who_never_ends_a_request_is_dropped(serve: Serve, half: bytes) -> None:
    site = serve(patience_s=1)
    with site.raw(half) as client:
        assert _is_dropped(client)


def test_who_asks_once_and_then_half_is_dropped_as_well(serve: Serve) -> None:
    site = serve(patience_s=1)
    with site.raw(b"GET / HTTP/1.1\r\nHost: HOST\r\n\r\n") as client:
        assert client.recv(1_000_000)
        client.sendall(b"GET / HT")
        assert _is_dropped(client)


def _is_dropped(client: socket.socket) -> bool:
    """Whether the other side closes the connection before this one loses patience."""
    try:
        while client.recv(1_000_000):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def frame(first: int, payload: bytes, masked: bool = True) -> bytes:
    """A frame of RFC 6455, section 5.2, with a mask of zeros."""
    return bytes([first, (0x80 if masked else 0) | len(payload)]) + (bytes(4) if masked else b"") + payload


MALFORMED: list[tuple[str, bytes, int]] = [
    ("binary", frame(0x82, b"abc"), 1003),
    ("not JSON", frame(0x81, b"{"), 1007),
    ("not UTF-8", frame(0x81, b"\xff\xfe"), 1007),
    ("JSON of another kind", frame(0x81, b"[1]"), 1008),
    ("an unknown wish", frame(0x81, b'{"do":"quit"}'), 1008),
    ("more than was asked", frame(0x81, b'{"do":"skip","x":1}'), 1008),
    ("not masked", frame(0x81, b"{}", masked=False), 1002),
    ("reserved bits", frame(0xF1, b"{}"), 1002),
    ("an unknown opcode", frame(0x83, b"{}"), 1002),
    ("a fragmented ping", frame(0x09, b"{}"), 1002),
    ("an end without a beginning", frame(0x80, b"{}"), 1002),
    ("too long", bytes([0x81, 0xFE, 0x08, 0x00]) + bytes(4) + b"a" * 2048, 1009),
    ("longer than any memory", bytes([0x81, 0xFF]) + b"\x7f" + b"\xff" * 7 + bytes(4), 1009),
]


@pytest.mark.parametrize(("sent", "code"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_a_malformed_message_ends_the_connection_with_its_code(site: Site, sent: bytes, code: int) -> None:
    with site.raw(SILENT) as client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        assert head.startswith(b"HTTP/1.1 101")
        client.sendall(sent)
        rest = head.partition(b"\r\n\r\n")[2]
        while len(rest) < 4:
            more = client.recv(4096)
            assert more, "closed without a word"
            rest += more
        assert rest[0] == 0x88, "a close frame"
        assert int.from_bytes(rest[2:4], "big") == code
    site.tell()
    assert site.ask("/api/now").status == 200


def test_too_many_messages_are_no_persons(site: Site) -> None:
    with connect(site.live) as viewer, pytest.raises(ConnectionClosed) as closed:
        for _ in range(50):
            viewer.send('{"do":"reset"}')
        while True:
            viewer.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_what_a_viewer_asks_for_reaches_the_loop_as_a_key(site: Site) -> None:
    keys: list[str] = []
    site.screen.on_key = keys.append
    with connect(site.live) as viewer:
        viewer.send('{"do": "skip"}')
        viewer.send('{"do": "reset"}')
        assert eventually(lambda: len(site.screen._show.keys) == 2)
        assert keys == [], "keys are pressed by the loop alone"
        site.tell()
    assert keys == ["n", "r"]


def test_there_is_room_for_so_many_and_no_more(serve: Serve) -> None:
    site = serve(viewers=2)
    with connect(site.live), connect(site.live):
        with pytest.raises(InvalidStatus) as refused, connect(site.live):
            pass
        assert refused.value.response.status_code == 503
    assert eventually(lambda: watched(site)[0] == 0)
    with connect(site.live):
        pass


def test_the_end_is_told_and_closes_everything(site: Site) -> None:
    with connect(site.live) as viewer, site.raw(FILM) as film:
        assert eventually(lambda: watched(site) == (1, 1))
        site.screen.close()
        site.screen.close()
        with pytest.raises(ConnectionClosed) as closed:
            viewer.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        while film.recv(4096):
            pass
    site.tell()  # a late reading does no harm
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", site.port), timeout=5)


def test_what_is_said_is_shown_for_a_while(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.screen.say("warning: the disk is full")
    site.tell()
    assert json.loads(site.ask("/api/now").body)["notice"] == "warning: the disk is full"
    assert "the disk is full" in capsys.readouterr().err


def test_a_film_waits_for_its_first_viewer(site: Site) -> None:
    begun = threading.Event()
    asked_to_stop = threading.Event()

    def begin() -> None:
        site.screen.wait(asked_to_stop.is_set)
        begun.set()

    threading.Thread(target=begin, daemon=True).start()
    assert not begun.wait(0.3)
    with connect(site.live):
        assert begun.wait(20)
    begun.clear()
    site.screen._show.came.clear()
    threading.Thread(target=begin, daemon=True).start()
    asked_to_stop.set()
    assert begun.wait(20), "Ctrl-C is heard while it waits"


def test_a_wide_picture_is_made_narrower_and_a_narrow_one_left(tmp_path: Any) -> None:
    import cv2
    import numpy as np

    for wide, expected in ((64, (36, 64)), (960, (72, 128))):
        encoder = Encoder(Web(video_width=wide))
        before = PICTURE.copy()
        picture = cv2.imdecode(np.frombuffer(encoder._jpeg(PICTURE, reading().pose), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[:2] == expected
        assert np.ptp(picture) > 100, "the skeleton is on it"
        assert (before == PICTURE).all()
        encoder.close()
