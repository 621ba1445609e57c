"""The report as one HTML page that needs nothing else: styles and pictures are inside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from classifier.evaluation import svg
from classifier.evaluation.bootstrap import CONFIDENCE, Estimate
from classifier.evaluation.figures import FIGURES, Figure, Value, number
from classifier.evaluation.labels import SETTLE_S, ClassScore
from classifier.evaluation.measure import Outcome, SequenceScore, Shown
from classifier.evaluation.report import HeadInfo, Report
from classifier.evaluation.screen import LabelledSet
from classifier.evaluation.style import STYLE

#: The figures that come first, large.
_CARDS = ("exact", "OBO", "MAE", "ghosts", "second accuracy", "macro F1", "rep F1", "delay")

#: What a row of a table is: its cells, the first one a name.
Row = Sequence[str]


def render(report: Report) -> str:
    """The whole page."""
    one = len(report.heads) == 1
    title = f"{report.heads[0].name} evaluated" if one else f"{len(report.heads)} heads evaluated"
    body = [f"<header><h1>{escape(title)}</h1>{_lead(report)}</header>"]
    if report.stopped:
        body.append('<p class="note">Stopped before everything was measured: what follows is a part of it.</p>')
    for j, each in enumerate(report.sets):
        found = [(report.heads[r.head], r.outcome) for r in report.results if r.set == j]
        if found:
            body.append(_set(each, found))
        else:
            body.append(f"<section><h2>{escape(each.name)}</h2><p>Nothing was measured.</p>{_problems(each)}</section>")
    body.append(_meanings(report))
    return whole(title, body)


def whole(title: str, body: Iterable[str]) -> str:
    """A page that needs nothing else, of parts in HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>"
        + "\n".join(body)
        + "</main></body></html>\n"
    )


def _lead(report: Report) -> str:
    lines = [f"<code>{escape(report.command)}</code>"] if report.command else []
    for head in report.heads:
        taught = "; ".join(head.trained_on) or "not said"
        lines.append(f"<b>{escape(head.file)}</b>: {escape(head.name)} {escape(head.version)}, {head.size_kb:.0f} KB,"
                     f" {head.window} samples at {head.rate_hz:g} Hz, {len(head.actions)} actions."
                     f" Trained on: {escape(taught)}.")  # fmt: skip
    return "".join(f"<p>{line}</p>" for line in lines)


def _set(each: LabelledSet, found: Sequence[tuple[HeadInfo, Outcome]]) -> str:
    groups = len({record.group for record in each.records})
    size = f"{len(each.records)} sequences of {groups} subjects or sources, {each.minutes:.1f} minutes"
    parts = [f"<h2>{escape(each.name)}</h2><p class='lead'>{size}</p>"]
    if len(found) > 1:
        parts.append(_side_by_side(found))
    for i, (head, outcome) in enumerate(found):
        inside = _head(head, outcome, alone=len(found) == 1)
        if len(found) == 1:
            parts.append(inside)
        else:
            name = f"{escape(head.file)} <span>{escape(head.name)}</span>"
            parts.append(f"<details{' open' if i == 0 else ''}><summary>{name}</summary>{inside}</details>")
    parts.append(_problems(each))
    left_out = found[0][1].left_out
    if left_out:
        parts.append("<h3>Not measured</h3>" + table(("what", "why"), list(left_out.items()), words=2))
    return "<section>" + "".join(parts) + "</section>"


def _side_by_side(found: Sequence[tuple[HeadInfo, Outcome]]) -> str:
    """One row a head, one column a figure; the best of each is set bold."""
    shown = [figure for figure in FIGURES if any(figure.of(outcome) is not None for _, outcome in found)]
    rows = []
    for head, outcome in found:
        cells = [f"{escape(head.file)}<small>{escape(head.name)}</small>", f"{head.size_kb:.0f}"]
        for figure in shown:
            best = figure.best([figure.of(other) for _, other in found])
            text = _plain(figure, figure.of(outcome))
            value = number(figure.of(outcome))
            cells.append(f"<b>{text}</b>" if value is not None and round(value, figure.digits) == best else text)
        rows.append(cells)
    names = [f"{figure.name}{f' <small>{figure.unit}</small>' if figure.unit else ''}" for figure in shown]
    return f'<h3>Side by side</h3><div class="many">{table(("head", "size <small>KB</small>", *names), rows)}</div>'


def _head(head: HeadInfo, outcome: Outcome, alone: bool) -> str:
    parts = [_cards(outcome)]
    if outcome.latency and alone:
        parts.append(f"<p>Window, head and counter together: {outcome.latency.p50:.2f} ms a frame in the middle,"
                     f" {outcome.latency.p99:.2f} ms in 99 of 100, on one thread.</p>")  # fmt: skip
    parts += [_counts(outcome), _ghosts(outcome), _events(outcome), _labels(outcome), _robustness(outcome)]
    if outcome.worst:
        parts.append(
            "<h3>The worst sequences</h3><p>Above what was true, with the labelled reps where they are known;"
            " below what was shown, the share of a rep's way, and each rep when it was counted.</p>"
        )
        parts += [_timeline(shown) for shown in outcome.worst]
    parts.append(_sequences(outcome.sequences))
    return "".join(parts)


def _cards(outcome: Outcome) -> str:
    cards = []
    for figure in FIGURES:
        value = figure.of(outcome)
        if figure.name not in _CARDS or value is None:
            continue
        unit = f" <small>{figure.unit}</small>" if figure.unit else ""
        low_high = f"<span>{_interval(value, figure.digits)}</span>" if isinstance(value, Estimate) else "<span></span>"
        cards.append(f'<div class="card" title="{escape(figure.meaning)}"><h4>{figure.name}</h4>'
                     f"<strong>{number(value):z.{figure.digits}f}{unit}</strong>{low_high}</div>")  # fmt: skip
    return f'<div class="cards">{"".join(cards)}</div>'


def _counts(outcome: Outcome) -> str:
    if outcome.counts is None:
        return ""
    rows = []
    named = [*outcome.counts_by_action.items(), ("all", outcome.counts)]
    if outcome.told is not None:
        named.append(("oracle: told the exercise", outcome.told))
    for name, score in named:
        figures = [_with_interval(value) for value in (score.exact, score.obo, score.mae)]
        rows.append([_words(name), str(score.items), str(score.true), str(score.counted), *figures])
    head = ("exercise", "sequences", "reps", "counted", "exact", "OBO", "MAE")
    last = 1 if outcome.told is None else 2
    note = "<p class='note'>The oracle adds up all that was counted in a sequence, whatever it was taken for.</p>"
    return "<h3>Counts</h3>" + table(head, rows, footer=last) + (note if outcome.told is not None else "")


def _ghosts(outcome: Outcome) -> str:
    named = (("all that can be judged", outcome.ghosts), ("of these, nobody exercises", outcome.ghosts_none),
             ("exercises without a name here", outcome.ghosts_unnamed))  # fmt: skip
    rows = [[name, f"{g.minutes:.1f}", str(g.reps), _with_interval(g.per_min, 2)] for name, g in named if g is not None]
    return "<h3>Ghost reps</h3>" + table(("recordings", "minutes", "ghosts", "a minute"), rows) if rows else ""


def _events(outcome: Outcome) -> str:
    found = outcome.events
    if found is None:
        return ""
    rows = [[str(found.events), str(found.counted), str(found.matched),
             *(_with_interval(v) for v in (found.precision, found.recall, found.f1)),
             *("–" if s is None else f"{s:z.2f} s" for s in (found.delay_median_s, found.delay_p90_s))]]  # fmt: skip
    head = ("labelled", "counted", "matched", "precision", "recall", "F1", "median delay", "p90")
    rule = (
        "A counted rep may be a labelled one of its action whose middle is past and that ended"
        f" {found.tolerance_s:g} s ago at most; the nearest make pairs. The delay is from labelled end to count:"
        " below 0 the rep was counted on its way back."
    )
    return f"<h3>Single reps</h3><p>{rule}</p>" + table(head, rows, words=0)


def _labels(outcome: Outcome) -> str:
    parts = []
    both = [("window", outcome.windows), ("second shown", outcome.seconds)]
    for what, score in both:
        if score is None:
            continue
        means = (("mean", score.macro), ("weighted mean", score.weighted))
        rows = [[_words(name), *_class(each)] for name, each in (*score.classes.items(), *means)]
        head = ("action", "precision", "recall", "F1", "support")
        accuracy = f"{score.accuracy.value:.3f} <small>{_interval(score.accuracy, 3)}</small>"
        parts.append(
            f"<div><h3>By {what}</h3><p>Accuracy {accuracy} of {score.moments}.</p>{table(head, rows, footer=2)}</div>"
        )
    pictures = ""
    if outcome.windows is not None:
        pictures += ("<figure><figcaption>Windows: true actions down, said ones across</figcaption>"
                     f'<div class="scroll">{svg.confusion(outcome.windows)}</div></figure>')  # fmt: skip
    if outcome.calibration is not None:
        pictures += (f"<figure><figcaption>Calibration error {outcome.calibration.expected_error:.3f}</figcaption>"
                     f"{svg.reliability(outcome.calibration)}</figure>")  # fmt: skip
    return (f'<div class="pair">{"".join(parts)}</div><div class="pair">{pictures}</div>') if parts else ""


def _robustness(outcome: Outcome) -> str:
    if not outcome.robustness:
        return ""
    rows = [
        [escape(name), str(cost.score.items), _with_interval(cost.score.exact), f"{cost.loss:+.3f}",
         f"{cost.score.obo.value:.3f}", f"{cost.score.mae.value:.3f}"] for name, cost in outcome.robustness.items()
    ]  # fmt: skip
    return ("<h3>Worse recordings</h3><p>The loss of exact is beside the same sequences as they are.</p>"
            + table(("what is done to it", "sequences", "exact", "loss", "OBO", "MAE"), rows))  # fmt: skip


def _timeline(shown: Shown) -> str:
    score = shown.score
    said = [] if score.true is None else [f"{score.true} true, {score.counted} counted"]
    said += [f"{score.ghosts} ghosts"] if score.ghosts else []
    said += [f"{score.seconds_right} of {score.seconds} s right"] if score.seconds else []
    return (f"<figure><figcaption><b>{escape(score.name)}</b> {'; '.join(said)}</figcaption>"
            f'<div class="scroll">{svg.timeline(shown)}</div></figure>')  # fmt: skip


def _sequences(scores: Iterable[SequenceScore]) -> str:
    rows = []
    for s in scores:
        cells: tuple[int | None, ...] = (s.true, s.counted if s.true is not None else None, s.ghosts, s.missed)
        right = f"{s.seconds_right} of {s.seconds}" if s.seconds else "–"
        wrong = s.true is not None and s.true != s.counted
        name = f"<b>{escape(s.name)}</b>" if wrong else escape(s.name)
        rows.append([name, _words(s.action), *("–" if n is None else str(n) for n in cells), right])
    head = ("sequence", "action", "reps", "counted", "ghosts", "missed", "seconds right")
    return f"<details><summary>Every sequence <span>{len(rows)}</span></summary>{table(head, rows, words=2)}</details>"


def _problems(each: LabelledSet) -> str:
    if not each.problems:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in each.problems)
    return f"<h3>Odd, or not read</h3><ul>{lines}</ul>"


def _meanings(report: Report) -> str:
    rows = [[figure.name, escape(figure.meaning)] for figure in FIGURES]
    settings = report.settings
    return (
        "<section><h2>What the figures mean</h2>" + table(("figure", "meaning"), rows, words=2)
        + f"<p>Everything is causal and the action is predicted, except where it says oracle. Intervals hold"
        f" {CONFIDENCE:.0%} of {settings.draws} bootstrap draws of whole subjects or sources (seed {settings.seed});"
        f" none is given for a single one. Windows are judged every {settings.every_s:g} s. A change of action has"
        f" {SETTLE_S:g} s before windows and seconds are judged.</p></section>"
    )  # fmt: skip


def table(head: Row, rows: Sequence[Row], words: int = 1, footer: int = 0) -> str:
    """A table that scrolls by itself on a narrow screen. words: columns of words, at the left; the rest are numbers.
    footer: rows at the end that sum up the others. Cells are HTML."""

    def cell(tag: str, column: int, text: str) -> str:
        return f"<{tag}{' class=w' if column < words else ''}>{text}</{tag}>"

    def line(tag: str, cells: Row) -> str:
        return "<tr>" + "".join(cell(tag, i, text) for i, text in enumerate(cells)) + "</tr>"

    cut = len(rows) - footer
    foot = "".join(line("td", row) for row in rows[cut:])
    return (f'<div class="scroll"><table><thead>{line("th", head)}</thead>'
            f"<tbody>{''.join(line('td', row) for row in rows[:cut])}</tbody>"
            f"{f'<tfoot>{foot}</tfoot>' if foot else ''}</table></div>")  # fmt: skip


def _class(score: ClassScore) -> list[str]:
    return [f"{score.precision:.3f}", f"{score.recall:.3f}", f"{score.f1:.3f}", str(score.support)]


def _plain(figure: Figure, value: Value) -> str:
    found = number(value)
    return "–" if found is None else f"{found:z.{figure.digits}f}"


def _with_interval(value: Estimate | None, digits: int = 3) -> str:
    if value is None:
        return "–"
    # Without an interval its place is kept, so that the figures of a column stand below each other.
    one = f"{value.value:.{digits}f}"
    text = _interval(value, digits)
    return (
        f"{one} <small>{text}</small>" if text else f'{one} <small class="gap" aria-hidden="true">{one}–{one}</small>'
    )


def _interval(value: Estimate, digits: int) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"{value.low:.{digits}f}–{value.high:.{digits}f}"


def _words(name: str) -> str:
    return escape(name.replace("_", " "))
