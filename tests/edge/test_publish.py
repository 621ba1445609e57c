"""Publishing to and fetching from a real S3 server on localhost, with faults on the way and kills in the middle."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import onnx
import pytest
from click.testing import CliRunner

import cli
from configs.loader import load
from configs.publishing import S3, Publish
from configs.schema import Run
from edge.bucket_errors import SpoiledError, UnreachableError
from edge.fetch import fetch, local_models
from edge.publish import Published, publish
from edge.publish_format import DamagedError, NewerError, Pointer, parse
from edge.publish_gate import GateRefused
from keypoints.errors import ConfigError, InputError

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto.server")
Config = pytest.importorskip("botocore.config").Config

ROOT = Path(__file__).parents[2]
Fault = Callable[[str, str, bytes], "bytes | tuple[int, str]"]


class Proxy:
    """What is between a client and the server. fault: given method, path and body, the body that goes on to the
    server, or the status and S3 code (or page) that the client gets instead. stall: a part of a path; of the first body for it
    only half is read, until the client is gone, and that half goes on to the server."""

    def __init__(self, port: int) -> None:
        self.fault: Fault = lambda method, path, body: body
        self.stall: str | None = None
        self.stalled, self.passed = threading.Event(), threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                if self.command == "PUT" and proxy.stall and proxy.stall in self.path:
                    proxy.stall = None
                    body = self.rfile.read(size // 2)
                    proxy.stalled.set()
                    while self.rfile.read(1 << 16):
                        pass
                    self._ask(body)
                    proxy.passed.set()
                    return
                found = proxy.fault(self.command, self.path, self.rfile.read(size))
                if isinstance(found, tuple):
                    status, said = found
                    error = f"<Error><Code>{said}</Code><Message>secret!</Message></Error>"
                    headers: list[tuple[str, str]] = []
                    content = (said if said.startswith("<") else error).encode()
                else:
                    status, headers, content = self._ask(found)
                    if self.command == "GET":
                        again = proxy.fault("ANSWER", self.path, content)
                        assert isinstance(again, bytes)
                        content = again
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = _pass  # noqa: N815

            def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                onward = http.client.HTTPConnection("127.0.0.1", port)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("content-length", "expect")}
                onward.request(self.command, self.path, body or None, headers | {"Content-Length": str(len(body))})
                answer = onward.getresponse()
                try:
                    return answer.status, answer.getheaders(), answer.read()
                finally:
                    onward.close()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Store:
    """A bucket `models` on the server, and a way to it that can be broken."""

    def __init__(self, port: int, proxy: Proxy) -> None:
        self.url, self.proxy = f"http://127.0.0.1:{port}", proxy
        unchecked = Config(response_checksum_validation="when_required")  # what is cut is to be seen as it is there
        self.client = boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", config=unchecked)

    def content(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket="models").get("Contents", [])
        return {o["Key"]: self.client.get_object(Bucket="models", Key=o["Key"])["Body"].read() for o in listed}

    def cut(self, part: str, times: int = 99) -> list[str]:
        """Let half of what is put to keys with this part arrive, so many times; returns where, as it happens."""
        cuts: list[str] = []

        def fault(method: str, path: str, body: bytes) -> bytes:
            if method == "PUT" and part in path and len(cuts) < times:
                cuts.append(path)
                return body[: len(body) // 2]
            return body

        self.proxy.fault = fault
        return cuts

    def latest(self) -> str:
        return parse(Pointer, self.content()["tiny/latest.json"], "").version


def post(server: str, path: str, body: bytes = b"") -> None:
    """Set the server itself."""
    connection = http.client.HTTPConnection(server.removeprefix("http://"))
    connection.request("POST", path, body)
    assert connection.getresponse().read()
    connection.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def store(port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "very-secret",
                        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none"),
                        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "NO_PROXY": "127.0.0.1",
                        "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    post(f"http://127.0.0.1:{port}", "/moto-api/reset")
    proxy = Proxy(port)
    store = Store(port, proxy)
    store.client.create_bucket(Bucket="models")
    yield store
    proxy.server.shutdown()
    proxy.server.server_close()


@pytest.fixture
def head(tiny_head: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a head whose card says a version; the bytes of two differ."""

    def make(version: str) -> Path:
        model = onnx.load(tiny_head)
        card = json.loads(model.metadata_props[0].value) | {"version": version, "trained_on": ["a | b", "<b>"]}
        onnx.helper.set_model_props(model, {"repsight": json.dumps(card)})
        path = tmp_path / version / "head.onnx"
        path.parent.mkdir(exist_ok=True)
        onnx.save(model, path)
        return path

    return make


def report_of(head: Path, exact: float = 0.9, **changes: Any) -> Path:
    """What `evaluate` writes, as far as a gate looks at it: the head on two sets, and another head that is worse."""
    digest = hashlib.sha256(head.read_bytes()).hexdigest()
    good = {"counts": {"exact": {"value": exact, "low": 0.5, "high": 1.0}, "mae": {"value": 0.1}}, "ghosts": None}
    results = [{"head": 1, "set": 0, **good}, {"head": 1, "set": 1, "counts": None, "ghosts": {"per_min": 0.2}},
               {"head": 0, "set": 0, "counts": {"exact": {"value": 0.0}}}]  # fmt: skip
    heads = [{"file": "other.onnx", "sha256": "0" * 64}, {"file": "head.onnx", "sha256": digest}]
    content = {"format": 1, "heads": heads, "sets": [{"name": "clips"}, {"name": "rest"}],
               "results": results, **changes}  # fmt: skip
    path = head.with_name("judged.json")
    path.write_text(json.dumps(content))
    return path


def settings(store: Store, **changes: Any) -> Publish:
    wanted = [{"metric": "counts.exact", "at_least": 0.8}, {"metric": "ghosts.per_min", "at_most": 0.5}]
    return Publish.model_validate({"bucket": "models", "endpoint": store.proxy.url, "conditions": wanted,
                                   "version": None, "timeout_s": 5, "attempts": 2, **changes})  # fmt: skip


def published(store: Store, head: Path, **changes: Any) -> Published:
    return publish(settings(store, **changes), [head], report_of(head))


def fetched(store: Store, url: str = "s3://models/tiny") -> Any:
    return fetch(url, "head", S3(endpoint=store.proxy.url, attempts=2, timeout_s=5))


def test_a_publication_holds_its_files_their_checksums_a_card_and_latest(
    store: Store, head: Callable[[str], Path]
) -> None:
    steps: list[tuple[int, int]] = []
    file = head("1")
    made = publish(settings(store), [file], report_of(file), progress=lambda *step: steps.append(step))
    content = store.content()
    assert sorted(content) == sorted(made.keys) == sorted(made.uploaded) and made.keys[-1] == "tiny/latest.json"
    assert (made.url, made.latest) == ("s3://models/tiny/1", "1") and steps[-1][0] == steps[-1][1]
    manifest = json.loads(content["tiny/1/manifest.json"])
    assert [item["name"] for item in manifest["files"]] == ["head.onnx", "report.json", "MODEL_CARD.md"]
    for item in manifest["files"]:
        stored = content[f"tiny/1/{manifest['folder']}/{item['name']}"]
        assert (hashlib.sha256(stored).hexdigest(), len(stored)) == (item["sha256"], item["bytes"])
    about = store.client.head_object(Bucket="models", Key=made.keys[0], ChecksumMode="ENABLED")
    assert base64.b64decode(about["ChecksumSHA256"]).hex() == manifest["files"][0]["sha256"]
    card = content[made.keys[2]].decode()
    assert "| exact | 0.900 (0.500 to 1.000) |" in card and "a \\| b" in card and "<b>" not in card
    assert made.url in card and manifest["files"][0]["sha256"] in card
    again = published(store, file)
    assert again.uploaded == () and store.content() == content


def test_the_gate_refuses_when_one_metric_is_below_its_threshold_and_says_which(
    store: Store, head: Callable[[str], Path]
) -> None:
    file, said = head("1"), list[str]()
    with pytest.raises(GateRefused, match=r"counts\.exact on clips is 0\.71, at least 0\.8 is asked for") as refused:
        publish(settings(store), [file], report_of(file, 0.71), say=said.append)
    assert refused.value.exit_code == 1 and "ghosts" not in str(refused.value)
    assert [line[:7] for line in said] == ["REFUSED", "ok     "] and store.content() == {}


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"metric": "counts.exakt", "at_least": 0.8}, "counts.exakt is not measured .* did you mean counts.exact"),
        ({"metric": "counts.exact", "at_least": 0, "set": "other"}, "no such set, but: clips, rest"),
        ({"metric": "counts.exact.low", "at_least": 0.6}, "counts.exact.low on clips is 0.5"),
        ({"metric": "results.2.counts.exact", "at_least": 0.6}, "results.2.counts.exact is 0, at least 0.6"),
        ({"metric": "counts.mae", "at_most": 0.05}, "counts.mae on clips is 0.1, at most 0.05"),
    ],
)
def test_a_condition_that_can_not_be_judged_or_does_not_hold_closes_the_gate(
    condition: dict[str, Any], said: str, store: Store, head: Callable[[str], Path]
) -> None:
    with pytest.raises(GateRefused, match=said):
        published(store, head("1"), conditions=[condition])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"heads": [{"file": "b.onnx", "sha256": "1" * 64}]}, "not of this head"),
        ({"stopped": True}, "stopped before its end"),
    ],
)
def test_a_report_of_another_head_or_of_half_a_run_is_refused(
    changes: dict[str, Any], said: str, store: Store, head: Callable[[str], Path]
) -> None:
    file = head("1")
    with pytest.raises(InputError, match=said):
        publish(settings(store), [file], report_of(file, **changes))


def test_a_version_is_never_overwritten_by_other_models(store: Store, head: Callable[[str], Path]) -> None:
    published(store, head("1"))
    before = store.content()
    with pytest.raises(InputError, match="taken by other models"):
        published(store, head("2"), version="1")
    assert store.content() == before
    assert published(store, head("2"), version="auto").latest not in ("1", "2")


def test_the_same_models_with_another_report_keep_what_is_published(store: Store, head: Callable[[str], Path]) -> None:
    file = head("1")
    published(store, file)
    before = store.content()
    made = publish(settings(store), [file], report_of(file, 0.95))
    assert store.content() == before and "was published before" in made.notices[0]


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
    assert len(store.cut("latest.json", times=1)) == 0
    assert published(store, head("2")).latest == store.latest() == fetched(store).version == "2"


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


def test_two_publishers_at_once_leave_two_whole_versions_and_one_latest(
    store: Store, head: Callable[[str], Path]
) -> None:
    published(store, head("1"))
    made: list[Published] = []

    def other_first(method: str, path: str, body: bytes) -> bytes:
        if method == "PUT" and "/2/" in path and "manifest" in path and not made:
            made.append(Published("", "", (), (), ""))
            made.append(published(store, head("3")))
        return body

    store.proxy.fault = other_first
    slow = published(store, head("2"))
    assert (made[1].latest, slow.latest, store.latest()) == ("3", "3", "3")
    assert "moved to 3 by somebody else" in slow.notices[0]
    assert [fetched(store, f"s3://models/tiny/{v}").version for v in "123"] == ["1", "2", "3"]


@pytest.mark.parametrize("other", ["2", "4"])
def test_of_two_publishers_of_one_version_the_second_agrees_or_is_refused(
    other: str, store: Store, head: Callable[[str], Path]
) -> None:
    done: list[bool] = []

    def other_first(method: str, path: str, body: bytes) -> bytes:
        if method == "PUT" and "manifest" in path and not done:
            done.append(True)
            published(store, head(other), version="2")
        return body

    store.proxy.fault = other_first
    if other == "2":
        assert published(store, head("2")).latest == "2"
    else:
        with pytest.raises(InputError, match="taken by other models"):
            published(store, head("2"))
    assert fetched(store).path.read_bytes() == head(other).read_bytes()


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
    user = boto3.client("iam", endpoint_url=store.url, region_name="us-east-1")
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
    with pytest.raises(InputError, match=r"boto3 .*pip install 'repsight\[s3\]'"):
        fetch("s3://models/tiny", "head", S3())


@pytest.mark.parametrize("url", ["s3://", "s3://models", "s3://models/../x", "s3://Models/tiny", "s3://models//tiny"])
def test_what_is_no_model_in_a_bucket_is_said_before_anything_is_asked(url: str) -> None:
    with pytest.raises(InputError, match="not a model in a bucket"):
        fetch(url, "head", S3())


def test_a_secret_in_the_settings_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="no user and password here") as error:
        load(Publish, "publish.yaml", ["endpoint=https://me:very-secret@example.org"])
    assert "very-secret" not in str(error.value)


def test_the_runtime_half_knows_nothing_of_boto3_until_a_bucket_is_named() -> None:
    run = Run(head="head.onnx")
    assert local_models(run) == (run, ())


def test_a_published_head_runs_from_its_bucket(
    store: Store, head: Callable[[str], Path], squats: Callable[[int], Path], tmp_path: Path
) -> None:
    """As typed: publish, then run with and without the bucket."""
    file = head("7")
    typed = ["publish", str(file), "--report", str(report_of(file)), "bucket=models", f"endpoint={store.proxy.url}",
             "conditions=[{metric: counts.exact, at_least: 0.8}]"]  # fmt: skip
    planned = CliRunner().invoke(cli.cli, [*typed, "--dry-run"])
    digest = re.search("would upload s3://models/tiny/([0-9a-f]{16})/", planned.output)
    assert planned.exit_code == 0 and digest is not None and store.content() == {}
    refused = CliRunner().invoke(cli.cli, [*typed[:-1], "conditions=[{metric: counts.exact, at_least: 0.95}]"])
    assert refused.exit_code == 1 and "at least 0.95 is asked for" in refused.output and store.content() == {}
    done = CliRunner().invoke(cli.cli, typed)
    assert done.exit_code == 0, done.output
    assert f"published s3://models/tiny/{digest[1]}; latest is {digest[1]}" in done.output
    made = tmp_path / "run.json"
    command = ["run", str(squats(2)), "--head", "s3://models/tiny", "--screen", "none", "--json", str(made), "log=none",
               f"s3.endpoint={store.proxy.url}", "s3.attempts=1"]  # fmt: skip
    ran = CliRunner().invoke(cli.cli, command)
    assert ran.exit_code == 0, ran.output
    told = json.loads(made.read_text())
    assert told["totals"] == {"squat": 2}
    assert told["models"]["head"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
