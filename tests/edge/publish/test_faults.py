"""What can go wrong between a publisher, a reader and their server: cut, killed, refused, silent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.bucket_errors import SpoiledError, UnreachableError
from edge.publish_format import DamagedError, NewerError
from keypoints.errors import InputError
from tests.edge.publish.store import Store, fetched, post, published, report_of, settings

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("part", ["head.onnx", "manifest.json"])
def test_what_is_cut_on_the_way_is_never_latest(part: str, store: Store, head: Callable[[str], Path]) -> None:
    published(store, head("1"))
    cuts = store.cut(part)
    with pytest.raises(SpoiledError, match="what arrived is not what was sent"):
        published(store, head("2"))
    assert len(cuts) == 2 and store.latest() == "1" and fetched(store).version == "1"
    cuts = store.cut(part, times=1)
    assert published(store, head("2")).latest == store.latest() == fetched(store).version == "2"
    assert len(cuts) == 1


def test_when_latest_itself_is_cut_readers_go_on_with_what_they_know_until_it_is_published_again(
    store: Store, head: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    published(store, head("1"))
    first = fetched(store)
    store.cut("latest.json")
    with pytest.raises(SpoiledError, match=r"tiny/latest\.json: what arrived is not what was sent"):
        published(store, head("2"))
    again = fetched(store)
    assert again.path == first.path and "damaged: not JSON" in str(again.notice)
    assert "going on with version 1, from the cache" in str(again.notice)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(DamagedError, match=r"latest\.json: damaged: not JSON; publish it again"):
        fetched(store)
    cuts = store.cut("latest.json", times=1)
    assert published(store, head("2")).latest == store.latest() == fetched(store).version == "2"
    assert len(cuts) == 1


def test_what_a_newer_release_put_there_is_not_overwritten_and_readers_go_on_with_what_they_know(
    store: Store, head: Callable[[str], Path]
) -> None:
    published(store, head("1"))
    first = fetched(store)
    newer = json.dumps({"format": 2}).encode()
    for key in ("tiny/2/manifest.json", "tiny/latest.json"):
        store.client.put_object(Bucket="models", Key=key, Body=newer)
    with pytest.raises(NewerError, match=r"unknown format .*update RepSight"):
        published(store, head("2"))
    assert store.content()["tiny/2/manifest.json"] == store.content()["tiny/latest.json"] == newer
    again = fetched(store)
    assert again.path == first.path and "unknown format" in str(again.notice)


def test_a_login_page_on_the_way_is_no_model_and_no_bucket(store: Store, head: Callable[[str], Path]) -> None:
    published(store, head("1"))
    first = fetched(store)
    store.proxy.fault = lambda method, path, body: (200, "<html>Log in</html>") if method != "ANSWER" else body
    again = fetched(store)
    assert again.path == first.path and "going on with version 1" in str(again.notice)
    with pytest.raises(InputError, match="does not answer as S3 does"):
        published(store, head("2"))


def test_a_kill_in_the_middle_of_an_upload_leaves_latest_and_the_next_try_succeeds(
    store: Store, head: Callable[[str], Path]
) -> None:
    published(store, head("1"))
    file = head("2")
    code = f"""
from pathlib import Path
from configs.publishing import Publish
from edge.publish import publish
publish(Publish.model_validate_json({settings(store).model_dump_json()!r}), [Path({str(file)!r})],
        Path({str(report_of(file))!r}))
"""
    store.proxy.stall = "/2/"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert store.proxy.stalled.wait(240), "the upload never began"
    process.kill()
    process.wait()
    assert store.proxy.passed.wait(60)
    halves = [key for key in store.content() if key.startswith("tiny/2/")]
    assert len(halves) == 1, "half of the file is in the bucket: the worst that a server may do"
    assert store.latest() == fetched(store).version == "1"
    assert published(store, file).latest == fetched(store).version == "2"
    assert fetched(store).path.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, "ExpiredToken"), "wrong credentials: the session token has expired"),
        ((403, "AccessDenied"), "no right to write"),
        ((301, "PermanentRedirect"), "another region"),
        ((501, "501"), "does not answer as S3 does"),
    ],
)
def test_what_the_server_refuses_is_one_clear_line_without_a_secret(
    answer: tuple[int, str], said: str, store: Store, head: Callable[[str], Path]
) -> None:
    store.proxy.fault = lambda method, path, body: answer if method != "ANSWER" else body
    with pytest.raises(InputError, match=said) as error:
        published(store, head("1"))
    said_in_all = str(error.value)
    assert "very-secret" not in said_in_all and "secret!" not in said_in_all and "\n" not in said_in_all


def test_a_missing_bucket_and_wrong_credentials_are_said_as_the_server_itself_finds_them(
    store: Store, head: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = head("1")
    with pytest.raises(InputError, match="s3://nothere: no such bucket"):
        published(store, file, bucket="nothere")
    with pytest.raises(InputError, match="s3://nothere: no such bucket"):
        fetched(store, "s3://nothere/tiny")
    user = pytest.importorskip("boto3").client("iam", endpoint_url=store.url, region_name="us-east-1")
    user.create_user(UserName="trainer")
    known = user.create_access_key(UserName="trainer")["AccessKey"]["AccessKeyId"]
    post(store.url, "/moto-api/reset-auth", b"0")  # from now on it asks who is there
    try:
        for key, said in (("AKIAUNKNOWN", "does not know the access key"), (known, "secret key does not fit")):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
            for attempt in (lambda: published(store, file), lambda: fetched(store)):
                with pytest.raises(InputError, match=f"s3://models: wrong credentials: .*{said}") as error:
                    attempt()
                assert "very-secret" not in str(error.value) and "\n" not in str(error.value)
    finally:
        post(store.url, "/moto-api/reset-auth", b"inf")
    assert store.content() == {}


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(store: Store, head: Callable[[str], Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnreachableError, match="does not answer in time; timeout_s and attempts"):
            published(store, head("1"), endpoint=endpoint, timeout_s=0.2, attempts=1)
