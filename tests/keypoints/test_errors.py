"""The one line that every error is."""

from __future__ import annotations

import pytest

from keypoints.errors import InputError, without_password


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rtsp://user:secret@camera/1", "rtsp://camera/1"),
        ("http://camera/a@b", "http://camera/a@b"),
        ("films/user@home.mp4", "films/user@home.mp4"),
    ],
)
def test_an_error_never_tells_a_password(name: str, shown: str) -> None:
    assert without_password(name) == shown
    assert str(InputError("can't be opened", file=name)) == f"{shown}: can't be opened"
