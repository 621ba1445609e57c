"""The process of one worker: `python -m edge.service.worker`, which speaks over its standard input and output.

It is alone with the bytes of strangers: whatever they do to it, it ends, and the service starts another one.
"""

from __future__ import annotations

import io
import os
import resource
import select
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.service.refusal import RefusedError
from edge.service.wire import Message, packed, read
from keypoints.errors import InputError, RepSightError
from keypoints.silence import native_silence

if TYPE_CHECKING:
    from edge.service.work import Work


def main() -> None:
    """Work until the service closes the pipe."""
    with os.fdopen(os.dup(0), "rb", buffering=0) as asked, os.fdopen(os.dup(1), "wb") as said:
        # What a library prints must not get between the messages.
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        with native_silence(), suppress(BrokenPipeError):
            serve(asked, said)


def serve(asked: io.RawIOBase, said: io.BufferedIOBase) -> None:
    """Answer one request after the other. The first one has the settings."""
    first = read(asked)
    if first is None:
        return

    def say(head: dict[str, Any], body: bytes = b"") -> None:
        said.write(packed(Message(head, body)))
        said.flush()

    try:
        work = _open(first.head)
    except InputError as error:
        say({"is": "refused", "status": 500, "detail": str(error)})
        return
    limit(int(first.head["limits"]["memory_mb"] * 2**20), first.head["most_file"])
    say({"is": "ready"})
    while (request := read(asked)) is not None:
        path = request.head.get("path")
        try:
            _answer(work, request, say, lambda: bool(select.select([asked], [], [], 0)[0]))
        except RefusedError as error:
            say({"is": "refused", "status": error.status, "detail": str(error)})
        except RepSightError as error:
            detail = str(error).removeprefix(f"{path}: ") if path else str(error)
            say({"is": "refused", "status": 400, "detail": detail})
        except MemoryError:
            detail = "it takes more memory than one piece of work may"
            say({"is": "refused", "status": 413, "detail": detail, "last": True})
            return  # what is left of it may be in pieces
        except OSError as error:
            say({"is": "refused", "status": 503, "detail": f"it can't be kept: {error.strerror}", "retry_s": 30})


def limit(memory: int, most_file: int) -> None:
    """From now on this process may take so many bytes of memory more, and write files of so many."""
    size = _address_space()
    if size is not None:
        resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_file, most_file))


def _address_space() -> int | None:
    """Bytes that this process has mapped; None where nobody tells (and the limit is not kept: macOS)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize()


def _open(head: dict[str, Any]) -> Work:
    import cv2

    from configs.schema import Counting, Run
    from configs.serving import Limits
    from edge.service.work import Work

    cv2.setNumThreads(1)  # every worker has a core
    return Work(
        Run.model_validate(head["run"]),
        Counting.model_validate(head["counting"]),
        Limits.model_validate(head["limits"]),
        head["least_score"],
    )


def _answer(work: Work, request: Message, say: Callable[..., None], stopped: Callable[[], bool]) -> None:
    head = request.head
    match head["do"]:
        case "image":
            say({"is": "answer", **work.image(Path(head["path"]))})
        case "probe":
            say({"is": "answer", **work.probe(Path(head["path"]))})
        case "sequence":
            say({"is": "answer", **work.count(Path(head["path"]), head["name"])})
        case "live":
            line = work.live(head["who"], head["begins"], head["time_s"], request.body)
            say({"is": "answer"}, line)
        case "forget":
            work.forget(head["who"])
            say({"is": "answer"})
        case "job":

            def tell(frames: int, progress: float | None, written: int) -> None:
                say({"is": "progress", "frames": frames, "progress": progress, "written": written})

            with Path(head["readings"]).open("wb") as readings:
                done = work.count(Path(head["path"]), head["name"], readings, tell, stopped)
            say({"is": "answer", **done})
        case "stop":  # came too late: what it was to stop has ended
            pass
        case other:
            raise ValueError(f"no such work: {other}")


if __name__ == "__main__":
    main()
