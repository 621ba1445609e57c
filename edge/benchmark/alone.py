"""The chain measured in a process of its own, that does what `run` does and nothing else.

So peak memory, processor time and the way from the process's start to the first reading are the chain's. The parent
writes the order as one line of JSON; the child answers with lines of JSON: progress, and in the end what it measured.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from keypoints.errors import InputError, RepSightError

if TYPE_CHECKING:
    from configs.schema import Counting, Run
    from edge.benchmark.chain import Amount, Measured, Tell

_ROOT = Path(__file__).parents[2]


def measure_alone(settings: Run, counting: Counting, amount: Amount, cores: int, tell: Tell) -> Measured:
    """`chain.measure` in a fresh process on so many cores (0: all).

    Raises InputError when source or models do not fit, RepSightError when the process ends without an answer.
    """
    from edge.benchmark.chain import Measured

    answer = _child({
        "settings": settings.model_dump(mode="json"), "counting": counting.model_dump(mode="json"),
        "amount": asdict(amount), "cores": cores,
    }, tell)  # fmt: skip
    return Measured(**answer)


def first_reading_s(settings: Run, counting: Counting, times: int, tell: Tell) -> float:
    """From the start of a fresh process that does what `repsight run` does, to its first reading, s: the median of so
    many starts, on every core. Raises as `measure_alone` does."""
    from edge.benchmark.chain import Amount

    taken = []
    for number in range(times):
        began_s = time.monotonic()  # one clock for all processes
        taken.append(measure_alone(settings, counting, Amount(1, 0.0, 0), 0, lambda *_: None).read_at_s)
        taken[-1] = (taken[-1] or time.monotonic()) - began_s
        tell(number + 1, times)
    return float(median(value for value in taken if value is not None))


def _child(order: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Give the order to a fresh process, pass its progress on, return its answer."""
    search = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    child = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env={**os.environ, "PYTHONPATH": search},
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    try:
        with child.stdin:
            child.stdin.write(json.dumps(order) + "\n")
        for line in child.stdout:
            message = json.loads(line) if line.startswith("{") else {}  # other lines: what libraries say
            if "done" in message:
                tell(message["done"], message["total"])
            elif "error" in message:
                raise _as_raised(message)
            elif "measured" in message:
                return dict(message["measured"])
    except BrokenPipeError:
        pass
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    raise RepSightError(f"the process that measures ended without an answer (exit code {child.returncode})")


def _as_raised(message: dict[str, Any]) -> RepSightError:
    return (InputError if message["exit_code"] == 2 else RepSightError)(message["error"])


def main() -> None:
    """The child."""
    order = json.loads(sys.stdin.readline())
    importlib.import_module("cli")  # as `run` does first
    from configs.schema import Counting, Run
    from edge.benchmark.chain import Amount, measure
    from edge.benchmark.watch import confined

    def say(**message: Any) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    try:
        with confined(order["cores"]) as cores:
            settings = Run.model_validate(order["settings"])
            if order["cores"]:  # all of them are shared out as `run` does
                settings = settings.model_copy(update={"threads": settings.threads or cores})
            measured = measure(settings, Counting.model_validate(order["counting"]), Amount(**order["amount"]),
                               lambda done, total: say(done=done, total=total))  # fmt: skip
    except RepSightError as error:
        say(error=str(error), exit_code=error.exit_code)
    else:
        say(measured=asdict(measured))


if __name__ == "__main__":
    main()
