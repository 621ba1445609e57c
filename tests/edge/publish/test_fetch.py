"""Models from a bucket: through the cache, offline, and never with a wrong checksum."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from configs.s3 import S3
from configs.schema import Run
from edge.bucket_errors import UnreachableError
from edge.fetch import fetch
from edge.local import local_models
from keypoints.errors import InputError
from tests.edge.publish.store import Store, fetched, published


def test_a_model_comes_from_the_cache_when_the_bucket_can_not_be_reached_and_says_so(
    store: Store, head: Callable[[str], Path]
) -> None:
    published(store, head("1"))
    first = fetched(store)
    assert first.notice is None
    nobody = S3(endpoint=store.proxy.url, attempts=1)
    store.proxy.server.shutdown()
    store.proxy.server.server_close()
    offline = fetch("s3://models/tiny", "head", nobody)
    assert offline.path == first.path and "can't be reached; going on with version 1, from the cache" in str(
        offline.notice
    )
    assert fetch("s3://models/tiny/1", "head", nobody).notice is None
    with pytest.raises(UnreachableError, match=r"no version of it is in the cache"):
        fetch("s3://models/another", "head", nobody)
    with pytest.raises(UnreachableError, match=r"can't be reached"):
        published(store, head("1"))


@pytest.mark.parametrize("damage", [b"", b"not a model"])
def test_a_damaged_file_of_the_cache_is_fetched_anew(damage: bytes, store: Store, head: Callable[[str], Path]) -> None:
    published(store, head("1"))
    for url in ("s3://models/tiny", "s3://models/tiny/1"):
        path = fetched(store, url).path
        path.write_bytes(damage)
        assert fetched(store, url).path.read_bytes() == head("1").read_bytes()
        path.parent.with_name("manifest.json").write_bytes(damage)
        assert fetched(store, url).path == path


def test_a_model_whose_checksum_is_wrong_is_refused_and_never_kept(
    store: Store, head: Callable[[str], Path], tmp_path: Path
) -> None:
    published(store, head("1"))
    store.proxy.fault = lambda method, path, body: body[:-9] if (method, path[-4:]) == ("ANSWER", "onnx") else body
    with pytest.raises(
        InputError, match=r"head\.onnx: its checksum is wrong; it is not used \(expected sha256"
    ) as error:
        fetched(store)
    assert "\n" not in str(error.value)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_without_credentials_a_public_bucket_is_read_and_nothing_is_published(
    store: Store, head: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.client.put_bucket_acl(Bucket="models", ACL="public-read-write")
    published(store, head("1"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InputError, match="no credentials"):
        published(store, head("2"))
    with pytest.raises(InputError, match=r"no right|nothing is published"):
        fetched(store, "s3://models/nothing")


def test_without_boto3_one_line_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(InputError, match=r"boto3 .*pip install '\.\[s3\]'"):
        fetch("s3://models/tiny", "head", S3())


@pytest.mark.parametrize("url", ["s3://", "s3://models", "s3://models/../x", "s3://Models/tiny", "s3://models//tiny"])
def test_what_is_no_model_in_a_bucket_is_said_before_anything_is_asked(url: str) -> None:
    with pytest.raises(InputError, match="not a model in a bucket"):
        fetch(url, "head", S3())


def test_the_runtime_half_knows_nothing_of_boto3_until_a_bucket_is_named() -> None:
    run = Run(head="head.onnx")
    assert local_models(run) == (run, ())
