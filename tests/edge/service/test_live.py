"""Webcams as the service follows them, and who may use one."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from .conftest import Api
from .evil import IMAGE, picture


def test_a_webcam_is_followed_picture_by_picture(api: Api, person: bytes) -> None:
    with connect(api.live) as viewer:
        readings = []
        for _ in range(3):
            viewer.send(person)
            readings.append(json.loads(viewer.recv(timeout=30)))
        viewer.send(b"not a picture")
        assert "expected a JPEG" in json.loads(viewer.recv(timeout=30))["detail"]
        viewer.send(person)
        readings.append(json.loads(viewer.recv(timeout=30)))
    assert [reading["size"] for reading in readings] == [[640, 360]] * 4
    assert [reading["keypoints"] is not None for reading in readings] == [True] * 4
    times = [reading["time_s"] for reading in readings]
    assert times == sorted(times)
    assert set(readings[0]["reps"]) <= {"squat"}


def test_a_webcam_that_sends_text_is_closed(api: Api) -> None:
    with connect(api.live) as viewer:
        viewer.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            viewer.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003


def test_a_webcam_that_sends_too_much_is_closed(api: Api) -> None:
    with connect(api.live) as viewer, pytest.raises(ConnectionClosed) as closed:
        viewer.send(b"\xff\xd8\xff" + bytes(3 * 2**20))
        viewer.recv(timeout=30)
    # What is still on its way when the service closes may break the connection before its reason is read.
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_only_so_many_webcams_are_followed_at_a_time(api: Api) -> None:
    with connect(api.live), connect(api.live), pytest.raises(InvalidStatus) as refused, connect(api.live):
        pass
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["retry-after"] == "10"


def test_a_page_of_this_service_may_use_the_camera_and_none_elsewhere_may_ask(api: Api) -> None:
    headers = api.ask("/health").headers
    assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
    assert "media-src 'self' blob:" in headers["content-security-policy"]
    assert api.ask(IMAGE, body=picture(), origin="http://evil.example").status == 403
    assert api.ask(IMAGE, body=picture(), host="evil.example").status == 421
