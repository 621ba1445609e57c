"""Publishing to a real S3 server on localhost: the gate, the versions, and two publishers at once."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from configs.loader import load
from configs.publishing import Publish
from edge.publish import Published, publish
from edge.publish_gate import GateRefused
from keypoints.errors import ConfigError, InputError
from tests.edge.publish.store import Store, fetched, published, report_of, settings


def test_a_publication_holds_its_files_their_checksums_a_card_and_latest(
    store: Store, head: Callable[[str], Path]
) -> None:
    steps: list[tuple[int, int]] = []
    file = head("1")
    made = publish(settings(store), [file], report_of(file), progress=lambda *step: steps.append(step))
    content = store.content()
    assert sorted(content) == sorted(made.keys) == sorted(made.uploaded) and made.keys[-1] == "tiny/latest.json"
    assert (made.url, made.latest) == ("s3://models/tiny/1", "1") and steps[-1][0] == steps[-1][1]
    assert len(steps) == 3 and steps == sorted(set(steps)), "of each file once: not when it is read to be signed"
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


def test_a_secret_in_the_settings_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="no user and password here") as error:
        load(Publish, "publish.yaml", ["endpoint=https://me:very-secret@example.org"])
    assert "very-secret" not in str(error.value)


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
