"""A table of labelled segments beside its videos: `video,start,end,label`, in seconds or in frames (as MECCANO's)."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.formats.job import Job
from data.formats.registry import register
from keypoints.errors import InputError
from keypoints.labels import Labelled, Segment
from keypoints.types import KeypointSequence
from keypoints.video import Video

_SECONDS, _FRAMES = ("start", "end"), ("start_frame", "end_frame")
_KNOWN = ("video", *_SECONDS, *_FRAMES, "label", "subject")

#: What MECCANO calls its columns (Ragusa et al., WACV 2021).
_ALSO = {"video_id": "video", "action_name": "label"}

#: An end may lie this far beyond the last frame: annotators round.
_SLACK_S = 0.1

#: Moments without a label that are shorter belong to the segment before them: nobody annotates to the frame.
_GAP_S = 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """One row, checked as far as that goes without its video. start, end: seconds, or frames counted from 0 of which
    the last is in the segment."""

    line: int
    video: Path
    name: str
    start: float
    end: float
    label: str
    subject: str | None


def table_of(path: Path) -> Path | None:
    """The table that a path stands for: itself, or the one in the folder whose columns fit; None without."""
    if path.suffix.lower() == ".csv":
        return path if _fits(path) else None
    fitting = [file for file in sorted(path.glob("*.csv")) if _fits(file)] if path.is_dir() else []
    return fitting[0] if len(fitting) == 1 else None


def _fits(file: Path) -> bool:
    """Whether most columns are there; if some are missing, reading it says which."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            return len({_column(name) for name in next(csv.reader(text), [])} & set(_KNOWN[:-1])) >= 2
    except OSError:
        return False


def looks_like_segments(path: Path) -> bool:
    """Whether there is a table with columns of segments."""
    return table_of(path) is not None


def _column(name: str) -> str:
    name = name.strip().lower()
    return _ALSO.get(name, name)


def rows(file: Path, job: Job) -> tuple[list[Row], bool]:
    """The rows that can be used, and whether they count in frames; the others are told, one line each.

    Raises InputError when the file is no such table.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            table = csv.reader(text)
            header = [_column(name) for name in next(table, [])]
            in_frames = _check_header(file, header, job)
            lines = [(table.line_num, cells) for cells in table if any(cell.strip() for cell in cells)]
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"not a table: {error}", file=file, expected="a CSV file in UTF-8") from None
    if not lines:
        raise InputError("has no rows below its header", file=file, expected="one for each segment")
    found = []
    for number, cells in lines:
        try:
            found.append(_row(file, number, header, cells, in_frames))
        except InputError as error:
            job.leave_out(str(error))
    return found, in_frames


def _check_header(file: Path, header: Sequence[str], job: Job) -> bool:
    """Whether segments are in frames. Tells unknown columns; raises InputError when one that is needed is missing."""
    in_frames = not set(_SECONDS) <= set(header) and not set(_FRAMES).isdisjoint(header)
    needed = ("video", *(_FRAMES if in_frames else _SECONDS), "label")
    missing = [name for name in needed if name not in header]
    unknown = [name for name in header if name not in _KNOWN]
    if missing:
        near = difflib.get_close_matches(missing[0], unknown, n=1, cutoff=0.5)
        raise InputError("not a table of segments", file=file, field="line 1", found=f"no {', '.join(missing)}",
                         expected=f"the columns {', '.join(needed)}",
                         hint=f"is {near[0]!r} meant for {missing[0]!r}?" if near else None)  # fmt: skip
    if unknown:
        job.problem(str(InputError("unknown columns, not read", file=file, field="line 1", found=", ".join(unknown),
                                   expected=", ".join(_KNOWN))))  # fmt: skip
    return in_frames


def _row(file: Path, number: int, header: Sequence[str], cells: Sequence[str], in_frames: bool) -> Row:
    line = dict(zip(header, (cell.strip() for cell in cells), strict=False))

    def wrong(field: str, what: str, expected: str) -> InputError:
        return InputError(what, file=file, field=f"line {number}: {field}", expected=expected,
                          found=repr(line.get(field, "")))  # fmt: skip

    if len(cells) > len(header):
        raise InputError("has more fields than the header", file=file, field=f"line {number}", expected=len(header),
                         found=len(cells))  # fmt: skip
    name = line.get("video", "")
    video = file.parent / name
    if not name or not video.is_file():
        raise wrong("video", "names a video that is missing", "a file beside the table")
    if not line.get("label"):
        raise wrong("label", "is empty", "a label")
    first, last = _FRAMES if in_frames else _SECONDS
    start, end = (_frame(line.get(f, "")) if in_frames else _seconds(line.get(f, "")) for f in (first, last))
    form = "the number of a frame" if in_frames else "seconds, or HH:MM:SS.mmm"
    for field, value in ((first, start), (last, end)):
        if value is None:
            raise wrong(field, "is no time", form)
    assert start is not None and end is not None
    if end < start or (end == start and not in_frames):
        raise wrong(last, "is not after the start", f"more than {line[first]}")
    stem = name.removesuffix(Path(name).suffix)
    return Row(number, video, stem, start, end, line["label"], line.get("subject") or None)


def _seconds(text: str) -> float | None:
    """`12.5`, `1:02.5` and `00:01:02.500` as seconds."""
    if clock := re.fullmatch(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)", text):
        return 3600 * int(clock[1] or 0) + 60 * int(clock[2]) + float(clock[3])
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _frame(text: str) -> float | None:
    """`44`, and `00044.jpg` as MECCANO has it."""
    found = re.fullmatch(r"(\d+)(?:\.[A-Za-z]+)?", text)
    return float(found[1]) if found else None


@register("segments", "a table (.csv) with the columns video, start, end, label beside videos", looks_like_segments)
def read(path: Path, job: Job) -> Iterator[Labelled]:
    """Every video of the table by stage 1, its frames labelled by its rows, `other` where no row says anything.

    A row or video that can't be used is told and left out.
    """
    file = table_of(path) or path
    usable, in_frames = rows(file, job)
    by_video: dict[Path, list[Row]] = {}
    for row in usable:
        by_video.setdefault(row.video, []).append(row)

    def make(own: list[Row]) -> Labelled:
        video, name = own[0].video, own[0].name
        sequence = job.extract(video)
        if len(sequence) < 2:
            raise InputError("nothing moves in it", file=video, expected="two frames or more", found="a single frame")
        if job.nobody(sequence):
            raise InputError("nobody is found in it", file=video)
        placed = _placed(file, own, _moments(job, video, sequence), in_frames, job)
        if not placed:
            raise InputError("no segment of it is left", file=video)
        labels = {segment.action for segment in placed}
        subject = next((row.subject for row in own if row.subject), None)
        sequence = replace(sequence, action=job.frames(sequence, placed), subject=subject,
                           source=f"{file.parent.name}/{name}")  # fmt: skip
        return Labelled(
            name, sequence, exercise=labels.pop() if len(labels) == 1 else None, segments=placed,
            mixed=any(job.actions.fold(segment.action) == "other" for segment in placed),
        )  # fmt: skip

    return job.each(list(by_video.values()), make)


def _moments(job: Job, video: Path, sequence: KeypointSequence) -> NDArray[np.float64]:
    """When each frame of the video is shown, s."""
    if not job.options.labels_only:
        return sequence.time_s
    with Video(video) as frames:
        return np.arange(max(frames.frame_count or 0, 2)) / frames.fps


def _placed(
    file: Path, own: Sequence[Row], moments: NDArray[np.float64], in_frames: bool, job: Job
) -> tuple[Segment, ...]:
    """The rows of one video as segments in the order of time; one beyond its end is told and left out."""
    end_s = float(moments[-1] + np.median(np.diff(moments)))
    edges = np.append(moments, end_s)
    longest = float(len(moments)) if in_frames else end_s + _SLACK_S  # frames may be counted from 1
    kept: list[tuple[Row, Segment]] = []
    for row in own:
        if row.end > longest or row.start >= (len(moments) if in_frames else end_s):
            field = f"line {row.line}: {(_FRAMES if in_frames else _SECONDS)[1]}"
            job.leave_out(str(InputError(
                "is beyond the video's end", file=file, field=field, found=f"{row.end:g}",
                expected=f"at most {len(moments) - 1}" if in_frames else f"at most {end_s:.2f} s",
            )))  # fmt: skip
            continue
        start, end = row.start, min(row.end, end_s)
        if in_frames:
            start, end = float(edges[int(row.start)]), float(edges[min(int(row.end) + 1, len(moments))])
        kept.append((row, Segment(row.label, start, end)))
    kept.sort(key=lambda pair: (pair[1].start_s, pair[0].line))
    for (one, before), (two, after) in pairwise(kept):
        if after.start_s < before.end_s - 1e-6 and before.action != after.action:
            job.problem(f"{file}: lines {one.line} and {two.line} overlap: the later label holds")
            break
    return _closed([segment for _, segment in kept], end_s)


def _closed(segments: Sequence[Segment], end_s: float) -> tuple[Segment, ...]:
    """Segments in the order of time with short gaps between them, and at both ends, given to a neighbour."""
    closed = list(segments)
    for i, segment in enumerate(closed):
        until = closed[i + 1].start_s if i + 1 < len(closed) else end_s
        if 0 < until - segment.end_s < _GAP_S:
            closed[i] = Segment(segment.action, segment.start_s, until)
    if closed and closed[0].start_s < _GAP_S:
        closed[0] = Segment(closed[0].action, 0.0, closed[0].end_s)
    return tuple(closed)
