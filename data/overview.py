"""A set's description as a table for the terminal and as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from data.describe import Class, Description
from keypoints import skeleton
from keypoints.errors import InputError

#: Classes beyond this many share one row, so that 51 of them stay readable.
_ROWS = 24

#: Sizes and rates beyond the most frequent share one bar.
_MOST = 6

#: Bars of the picture and what they mean.
_COLOURS = {"tab:blue": "ours", "tab:grey": "other", "tab:orange": "ours, of fewer than 3 sources"}


def table(description: Description) -> Group:
    """The description for a terminal: a row a class, and the rest in lines below."""
    # Narrow enough that a terminal of 80 columns shows the labels, too.
    made = Table(title=description.name, title_justify="left", header_style="bold underline", box=None,
                 padding=(0, 1, 0, 0))  # fmt: skip
    for name in ("label", "action"):
        made.add_column(name, no_wrap=True)
    for name in ("count", "sources", "time", "s each", "reps", "nobody", "missing"):
        made.add_column(name, justify="right", no_wrap=True)
    for one in description.classes:
        made.add_row(*_row(one), style="" if one.recordings > 1 else "yellow")
    made.add_section()
    made.add_row(*_row(description.total), style="bold")
    lines = [
        "time: minutes:seconds; s each: the median; reps –: the set does not say them of all; nobody: frames with "
        "nobody; missing: joints, while somebody is seen",
        f"length: {_lengths(description)}",
        f"size: {_common(description.sizes, lambda size: f'{size[0]}×{size[1]}')}",
        f"frames a second: {_common(description.rates, str)}",
        f"joints most often missing: {_worst(description.total)}",
        *description.notes,
    ]
    return Group(made, *(Text(line) for line in lines))


def _row(one: Class) -> tuple[str, ...]:
    return (
        one.label, one.action, str(one.recordings), str(one.groups), _clock(one.seconds),
        f"{np.median(one.lengths_s):.1f}", "–" if one.reps is None else str(one.reps), f"{one.nobody:.0%}",
        f"{one.missing.mean():.0%}",
    )  # fmt: skip


def _clock(seconds: float) -> str:
    """Minutes and seconds, 1:05."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def _lengths(description: Description) -> str:
    low, middle, high = np.percentile(description.lengths_s, [0, 50, 100])
    return f"{low:.1f} to {high:.1f} s, median {middle:.1f} s"


def _common(counted: Counter[Any], said: Callable[[Any], str]) -> str:
    most = [f"{said(value)} ({count})" for value, count in counted.most_common(4)]
    rest = len(counted) - len(most)
    return ", ".join(most) + (f" and {rest} more" if rest > 0 else "")


def _worst(one: Class) -> str:
    order = np.argsort(-one.missing, kind="stable")[:4]
    named = [f"{skeleton.NAMES[i].replace('_', ' ')} {one.missing[i]:.0%}" for i in order if one.missing[i] > 0.005]
    return ", ".join(named) or "none"


def picture(description: Description, file: Path) -> Path:
    """Write a PNG: examples and minutes a class, how long recordings are, and which joints are missing in which class.

    Raises InputError when the file can't be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    classes = description.classes[:_ROWS]
    names = [_name(one) for one in classes]
    places = np.arange(len(classes))
    figure = Figure(figsize=(13, 4.2 + 0.3 * len(classes)), layout="constrained")
    total = description.total
    figure.suptitle(
        f"{description.name}: {total.recordings} recordings, {total.groups} sources, "
        f"{_clock(total.seconds)} minutes", fontsize=13,
    )  # fmt: skip
    cells = figure.add_gridspec(2, 3, height_ratios=[max(len(classes), 4), 6])
    counts = figure.add_subplot(cells[0, 0])
    bars = counts.barh(places, [one.recordings for one in classes], color=[_colour(one) for one in classes])
    counts.bar_label(bars, padding=2, fontsize=8)
    counts.set(title="examples", yticks=places, yticklabels=names)
    minutes = figure.add_subplot(cells[0, 1])
    bars = minutes.barh(places, [one.seconds / 60 for one in classes], color=[_colour(one) for one in classes])
    minutes.bar_label(bars, [_clock(one.seconds) for one in classes], padding=2, fontsize=8)
    minutes.set(title="minutes:seconds", yticks=places, yticklabels=[])
    for axes in (counts, minutes):
        axes.set_ylim(len(classes) - 0.5, -0.5)  # the rows of the joints beside them
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    shown = {_colour(one) for one in classes}
    said = [(colour, text) for colour, text in _COLOURS.items() if colour in shown]
    counts.legend([Patch(color=colour) for colour, _ in said], [text for _, text in said], fontsize=8,
                  loc="upper left", bbox_to_anchor=(0, -0.08), ncols=len(said), frameon=False)  # fmt: skip
    missing = figure.add_subplot(cells[0, 2])
    _missing(missing, classes)
    lengths = figure.add_subplot(cells[1, 0])
    lengths.hist(description.lengths_s, bins=min(30, max(5, total.recordings // 3)), color="tab:grey")
    lengths.set(title="length of a recording", xlabel="s", ylabel="recordings")
    _ranked(figure.add_subplot(cells[1, 1]), "size of the picture", description.sizes, lambda s: f"{s[0]}×{s[1]}")
    _ranked(figure.add_subplot(cells[1, 2]), "frames a second", description.rates, str)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=110)
    except (OSError, ValueError) as error:  # ValueError: no picture has this suffix
        raise InputError(f"can't be written: {error}", file=file) from None
    return file


def _name(one: Class) -> str:
    return one.label if one.label == one.action or not one.action else f"{one.label} → {one.action}"


def _colour(one: Class) -> str:
    ours, other, few = _COLOURS
    return other if one.action == "other" else few if one.groups < 3 else ours


def _missing(axes: Any, classes: tuple[Class, ...]) -> None:
    shares = np.array([one.missing for one in classes])
    shown = axes.imshow(shares, aspect="auto", cmap="Reds", vmin=0, vmax=1)
    axes.set(title="joints missing, share of frames", yticks=np.arange(len(classes)), yticklabels=[])
    axes.set_xticks(np.arange(skeleton.COUNT), [name.replace("_", " ") for name in skeleton.NAMES],
                    rotation=90, fontsize=8)  # fmt: skip
    axes.figure.colorbar(shown, ax=axes, fraction=0.05)


def _ranked(axes: Any, title: str, counted: Counter[Any], said: Callable[[Any], str]) -> None:
    most = counted.most_common(_MOST)
    rest = sum(counted.values()) - sum(count for _, count in most)
    labels = [said(value) for value, _ in most] + (["others"] if rest else [])
    values = [count for _, count in most] + ([rest] if rest else [])
    bars = axes.barh(np.arange(len(values)), values, color="tab:grey")
    axes.bar_label(bars, padding=2, fontsize=8)
    axes.margins(x=0.15)
    axes.set(title=title, yticks=np.arange(len(values)), yticklabels=labels, xlabel="recordings",
             ylim=(_MOST + 0.5, -0.5))  # fmt: skip
