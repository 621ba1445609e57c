"""The report as a workbook: one sheet a kind of table, numbers as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from io import BytesIO

from classifier.evaluation.bootstrap import Estimate
from classifier.evaluation.counts import CountScore
from classifier.evaluation.figures import FIGURES
from classifier.evaluation.measure import CountedRep, SequenceScore
from classifier.evaluation.report import Report
from keypoints.errors import MissingExtraError

Cell = str | int | float | None
Table = tuple[Sequence[str], list[Sequence[Cell]]]

_ESTIMATE = ("", " low", " high")

#: The columns of the sheet of sequences: all but the single reps, which have a sheet of their own.
_SEQUENCE = tuple(field.name for field in fields(SequenceScore) if field.name != "reps")


def workbook(report: Report) -> bytes:
    """The `.xlsx` file. Raises MissingExtraError without openpyxl."""
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Font
    except ModuleNotFoundError:
        raise MissingExtraError("a workbook needs openpyxl", hint="pip install '.[train]'") from None
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, (head, rows) in _tables(report).items():
        sheet = book.create_sheet(name)
        sheet.append(list(head))
        for row in rows:
            sheet.append(list(row))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "C2"
        for column in sheet.columns:
            longest = max(len(str(cell.value)) for cell in column if cell.value is not None)
            sheet.column_dimensions[column[0].column_letter].width = min(max(9, longest + 2), 48)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _tables(report: Report) -> dict[str, Table]:
    where = [(report.heads[r.head].file, report.sets[r.set].name, r.outcome) for r in report.results]
    key = ("head", "set")
    summary: list[Sequence[Cell]] = []
    counts: list[Sequence[Cell]] = []
    classes: list[Sequence[Cell]] = []
    costs: list[Sequence[Cell]] = []
    sequences: list[Sequence[Cell]] = []
    reps: list[Sequence[Cell]] = []
    for r, (head, of_set, outcome) in zip(report.results, where, strict=True):
        info = report.heads[r.head]
        summary.append((head, of_set, info.size_kb, *(v for figure in FIGURES for v in _three(figure.of(outcome)))))
        named = [*outcome.counts_by_action.items(), ("all", outcome.counts), ("oracle: told", outcome.told)]
        counts += [(head, of_set, name, *_count(score)) for name, score in named if score is not None]
        for what, labels in (("window", outcome.windows), ("second", outcome.seconds)):
            if labels is not None:
                means = (("mean", labels.macro), ("weighted mean", labels.weighted))
                for name, score in (*labels.classes.items(), *means):
                    classes.append((head, of_set, what, name, *astuple(score)))
        costs += [(head, of_set, name, cost.loss, *_count(cost.score)) for name, cost in outcome.robustness.items()]
        for each in outcome.sequences:
            sequences.append((head, of_set, *(getattr(each, name) for name in _SEQUENCE)))
            reps += [(head, of_set, each.name, *astuple(rep)) for rep in each.reps]
    count = ("items", "reps", "counted", *_columns("exact", "OBO", "MAE"))
    tables: dict[str, Table] = {
        "summary": ((*key, "size KB", *_columns(*(f.name for f in FIGURES))), summary),
        "counts": ((*key, "exercise", *count), counts),
        "labels": ((*key, "of", "action", "precision", "recall", "F1", "support"), classes),
        "worse recordings": ((*key, "what", "loss", *count), costs),
        "sequences": ((*key, *_SEQUENCE), sequences),
        "reps": ((*key, "sequence", *(field.name for field in fields(CountedRep))), reps),
    }
    return {name: table for name, table in tables.items() if table[1]}


def _columns(*names: str) -> Iterable[str]:
    return (name + suffix for name in names for suffix in _ESTIMATE)


def _three(value: Estimate | float | None) -> tuple[Cell, Cell, Cell]:
    if isinstance(value, Estimate):
        return value.value, value.low, value.high
    return value, None, None


def _count(score: CountScore) -> tuple[Cell, ...]:
    parts = (v for estimate in (score.exact, score.obo, score.mae) for v in _three(estimate))
    return (score.items, score.true, score.counted, *parts)
