"""Publish models to a bucket: through the gate, file by file, and `latest` last of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.publishing import Publish


@dataclass(frozen=True, slots=True)
class Published:
    """What became of it. url: s3://BUCKET/[PREFIX/]NAME/VERSION, for `run --head`. keys: what is in the bucket of it,
    in the order in which it was put there (for a dry run: would be). uploaded: those of them that were not there
    before. latest: the version that `latest` now leads to. notices: what is odd, a line each."""

    url: str
    version: str
    keys: tuple[str, ...]
    uploaded: tuple[str, ...]
    latest: str
    notices: tuple[str, ...] = ()


def publish(
    settings: Publish,
    files: Sequence[Path],
    report: Path,
    *,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Published:
    """Upload model files (at most one head and one pose model) with manifest and model card, and move `latest` there.

    report: JSON that `repsight evaluate` wrote; each condition of the settings is judged on it, and said in a line.
    dry_run: judge and list, without a network. progress: called with bytes done and bytes in all.
    Raises GateRefused (exit code 1), naming the metric, before anything is uploaded; InputError for wrong files, a
    version that is taken, a bucket, credentials or rights that are wrong; MissingExtraError without boto3;
    RepSightError when the server can't be reached or spoils what it is sent. After each of them, and after a kill at
    any moment, `latest` leads to where it did before.
    """
    raise NotImplementedError
