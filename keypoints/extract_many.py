"""Stage 1 over many videos: what is done is skipped, what can't be read stops no other, what is killed goes on."""

from __future__ import annotations

import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.extraction import Extract
from keypoints.errors import InputError, RepSightError
from keypoints.estimator import PoseEstimator
from keypoints.extract import recipe
from keypoints.extract_one import SUFFIX, Made, attempt, check_format, open_estimator
from keypoints.extract_plan import INDEX, Entry, Item, find, is_done, line, plan, read_index, recipe_of, write_index
from keypoints.files import whole
from keypoints.ray_cluster import check_address, import_ray
from keypoints.session import usable_cores
from keypoints.types import Frame


@dataclass(frozen=True, slots=True)
class Extracted:
    """What came of a batch. made: the videos of this run; kept: how many were done before; failed: a line for each that
    could not be read; index: the file that lists all of the folder."""

    made: list[Entry]
    kept: int
    failed: list[str]
    index: Path

    @property
    def exit_code(self) -> int:
        """0 when anything is there; 1 when every video failed."""
        return 0 if self.made or self.kept else 1


def extract_many(
    sources: Sequence[str | Path],
    out: Path,
    settings: Extract,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Extracted:
    """The subject's keypoints in every video of `sources` (files, folders, patterns), a file each below `out`.

    An output appears whole or not at all, and a line in the index after it; so the same call goes on where a killed one
    was. A video is done again when it, the model file, the settings or the output have changed. Both engines write the
    same bytes.

    progress: told (done, total). Raises InputError for sources without videos, an `out` that can't be written or is
    another run's, a missing package, a cluster that does not answer; ModelError for the model file.
    """
    found = find(sources)
    check_format(settings.format)
    if settings.engine == "ray":
        import_ray()
        if settings.address is not None:
            check_address(settings.address)
    elif settings.address is not None:
        raise InputError("is of a Ray cluster", field="address", found=settings.address, hint="add --engine ray")
    if settings.pose is not None:
        settings = settings.model_copy(update={"pose": str(Path(settings.pose).absolute())})
    with closing(open_estimator(settings)) as estimator:
        made_by = recipe_of(recipe(estimator, settings.follow), settings.format)
    with _alone(out):
        entries = read_index(out)
        items = plan(found, entries.values(), SUFFIX[settings.format])
        todo = [item for item in items if not is_done(item, entries.get(item.name), made_by, out)]
        kept = len(items) - len(todo)
        progress(kept, len(items))
        write_index(out, entries.values())
        made: list[Entry] = []
        failed: list[str] = []
        try:
            for item, result in _engine(todo, settings):
                if isinstance(result, str):
                    failed.append(result)
                else:
                    made.append(_write(item, result, made_by, out))
                    entries[item.name] = made[-1]
                progress(kept + len(made) + len(failed), len(items))
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; the same command goes on from here") from None
        except OSError as error:
            raise RepSightError(f"{out}: can't be written: {error.strerror}; the same command goes on from here"
                                ) from None  # fmt: skip
        write_index(out, entries.values())
    return Extracted(made, kept, sorted(failed), out / INDEX)


def _write(item: Item, made: Made, made_by: str, out: Path) -> Entry:
    """Write the output, then its line in the index."""
    target = out / item.output
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole(target) as partial:
        partial.write_bytes(made.content)
    entry = Entry(
        name=item.name, source=str(item.path), output=item.output, frames=made.frames, duration_s=made.duration_s,
        size=made.size, sha256=made.sha256, size_bytes=made.size_bytes, modified_ns=made.modified_ns, recipe=made_by,
        output_sha256=hashlib.sha256(made.content).hexdigest(), notice=made.notice,
    )  # fmt: skip
    with (out / INDEX).open("a") as index:
        index.write(line(entry))
    return entry


def _engine(items: Sequence[Item], settings: Extract) -> Iterator[tuple[Item, Made | str]]:
    if not items:
        return
    if settings.engine == "ray":
        from keypoints.extract_ray import on_ray

        results = on_ray(items, settings)
    else:
        results = locally(items, settings)
    with closing(results):  # type: ignore[type-var]
        yield from results


class _StoppedError(Exception):
    """Ends the extraction of a video in the middle."""


def locally(items: Sequence[Item], settings: Extract) -> Iterator[tuple[Item, Made | str]]:
    """What was made of each video, as they get done, or why not, in one line; by threads of this process, each with a
    pose model of its own: the model and the decoder run beside each other."""
    stopped = threading.Event()
    own = threading.local()
    opened: list[PoseEstimator] = []

    def watch(_: Frame) -> None:
        if stopped.is_set():
            raise _StoppedError

    def one(item: Item) -> tuple[Item, Made | str]:
        if not hasattr(own, "estimator"):
            own.estimator = open_estimator(settings)
            opened.append(own.estimator)
        return item, attempt(item.path, item.name, own.estimator, settings, watch)

    pool = ThreadPoolExecutor(min(settings.workers or usable_cores(), len(items)))
    try:
        for future in as_completed([pool.submit(one, item) for item in items]):
            yield future.result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
        for estimator in opened:
            estimator.close()


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the output folder, made where it is missing. Raises InputError when it can't be, or another run holds it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w")
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out, expected="a folder") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                "another extraction writes to it", file=out, hint="wait for it, or another --out"
            ) from None
        yield
