"""The model card of a publication: Markdown from what the models say of themselves, and from their report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from classifier.evaluation.figures import FIGURES
from edge.publish_format import Item
from edge.publish_gate import Verdict, number_at, results_of
from keypoints.card import HeadCard, PoseCard


def model_card(
    name: str,
    version: str,
    url: str,
    items: Sequence[Item],
    cards: Sequence[HeadCard | PoseCard],
    report: dict[str, Any],
    heads: Collection[str],
    verdicts: Sequence[Verdict],
) -> str:
    """The same text for the same models and the same report: it has no date."""
    licences = list(dict.fromkeys(card.licence for card in cards))
    lines = ["---", f"license: {_quoted(' AND '.join(licences))}", "library_name: repsight", "tags:"]
    lines += [*(f"  - {tag}" for tag in _tags(cards)), "---", "", f"# {_plain(name)}, version {_plain(version)}"]
    flags = " ".join(f"--{item.kind} {url}" for item in items if item.kind in ("head", "pose"))
    lines += ["", f"    repsight run {flags}", ""]
    for card in cards:
        lines += [*_about(card), ""]
    lines += ["## How good it is", "", *_figures(report, heads), "## What it had to reach", ""]
    rows = [(v.condition.metric, v.where or "", v.condition.wanted, f"{v.value:g}") for v in verdicts
            if v.value is not None]  # fmt: skip
    lines += [*_table(("metric", "labelled set", "threshold", "value"), rows), "", "## Files", ""]
    lines += _table(("file", "bytes", "SHA-256"), [(i.name, f"{i.bytes:,}", f"`{i.sha256}`") for i in items])
    return "\n".join(lines) + "\n"


def _tags(cards: Sequence[HeadCard | PoseCard]) -> list[str]:
    wanted = {"head": "action-recognition", "pose": "pose-estimation"}
    return ["onnx", *dict.fromkeys(wanted[card.kind] for card in cards)]


def _about(card: HeadCard | PoseCard) -> Iterator[str]:
    if isinstance(card, HeadCard):
        yield f"## Head: {_plain(card.name)} {_plain(card.version)}"
        yield ""
        yield f"- reads {card.window} samples of 17 keypoints at {card.rate_hz:g} a second"
        for kind, words in (("reps", "counts reps of"), ("hold", "times holds of"), ("rest", "knows as rest")):
            named = [_plain(action.name) for action in card.actions if action.kind == kind]
            if named:
                yield f"- {words}: {', '.join(named)}"
    else:
        yield f"## Pose model: {_plain(card.name)} {_plain(card.version)}"
        yield ""
        yield f"- finds 17 keypoints in pictures of {card.input[1]}×{card.input[0]} px, weights in {card.precision}"
        if card.widths:
            yield f"- takes narrower ones as well, of {', '.join(map(str, card.widths))} px"
    yield f"- licence: {_plain(card.licence)}"
    yield from (f"- trained on: {_plain(source)}" for source in card.trained_on)
    yield from (f"- when it was made, {_plain(key)}: {value:g}" for key, value in card.metrics.items()
                if isinstance(value, int | float) and not isinstance(value, bool))  # fmt: skip
    yield from (f"- made by, {_plain(key)}: `{_plain(value)}`" for key, value in card.made_by.items())


def _figures(report: dict[str, Any], heads: Collection[str]) -> Iterator[str]:
    """The headline figures on each labelled set, with their intervals; latency is of the machine that measured."""
    results = results_of(report, heads)
    if not results:
        yield "The report has no results of `repsight evaluate`; the conditions below are what was measured."
        yield ""
    for where, result in results:
        rows = []
        for figure in FIGURES:
            value = number_at(result, figure.path)
            if value is not None:
                low, high = (number_at(result, f"{figure.path}.{end}") for end in ("low", "high"))
                shown = f"{value:.{figure.digits}f}"
                if low is not None and high is not None:
                    shown += f" ({low:.{figure.digits}f} to {high:.{figure.digits}f})"
                rows.append((figure.name, f"{shown} {figure.unit}".strip(), figure.meaning))
        yield f"On {_plain(where)}:"
        yield ""
        yield from _table(("figure", "value (95 % interval)", "meaning"), rows)
        yield ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_plain, row))} |"


def _plain(value: object) -> str:
    """Text of a card or a report as one line of Markdown without a table, a tag or a code span of its own."""
    text = " ".join(str(value).split())
    text = text.replace("<", "&lt;").replace("|", "\\|")
    return text if text.startswith("`") and text.count("`") == 2 else text.replace("`", "'")


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()).replace("\\", "").replace('"', "'") + '"'
