"""The models of a run as files on this disk: one that a bucket holds is fetched before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from configs.schema import Run

SCHEME = "s3://"

#: Makes a progress bar with a label.
Bars = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


def quietly(label: str) -> AbstractContextManager[Callable[[int, int], None]]:
    """No progress bar."""
    return nullcontext(lambda done, total: None)


def local_models(settings: Run, bars: Bars = quietly) -> tuple[Run, tuple[str, ...]]:
    """The settings with files in place of `s3://BUCKET/[PREFIX/]NAME[/VERSION]`, and what to say of them.

    bars: makes a progress bar. Without such a model nothing is done and boto3 not needed. Raises as `fetch`.
    """
    changed: dict[str, Any] = {}
    notices: list[str] = []
    kinds: tuple[Literal["head", "pose"], ...] = ("pose", "head")
    for kind in kinds:
        url = getattr(settings, kind)
        if url is not None and url.startswith(SCHEME):
            from edge.fetch import fetch  # takes its time, and most models lie here already

            with bars(f"fetching {url}") as progress:
                fetched = fetch(url, kind, settings.s3, progress=progress)
            changed[kind] = str(fetched.path)
            notices += [fetched.notice] if fetched.notice else []
    return settings.model_copy(update=changed) if changed else settings, tuple(notices)
