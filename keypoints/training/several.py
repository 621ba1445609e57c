"""One training on several devices: a process each, whose gradients are averaged after every batch.

`python -m torch.distributed.run ... -m keypoints.training.several JOB.json` is one of them; the first tells the
parent how it goes, a line of JSON each.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from configs.pose_training import TrainPose
from keypoints.errors import InputError, RepSightError
from keypoints.files import whole

#: What marks a line that is meant for the parent.
_MARK = "repsight:"
#: Lines of a process that failed which are worth a look.
_SHOWN = 40


def train_on_several(
    config: TrainPose,
    base: Path,
    folder: Path,
    devices: Sequence[str],
    report: Callable[[dict[str, float]], None],
    progress: Callable[[int, int], None],
) -> None:
    """Train in one process a device; `folder` holds the pictures, and what a killed run goes on from.

    Raises InputError when the batch can't be shared out, RepSightError with what was said last when one of them fails.
    """
    if config.batch % len(devices):
        raise InputError("can't be shared out", field="batch", expected=f"a multiple of {len(devices)} devices",
                         found=config.batch)  # fmt: skip
    job = folder / "several.json"
    with whole(job) as partial:
        device = devices[0] if devices[0] == "cpu" else ",".join(devices)
        partial.write_text(json.dumps({"settings": config.model_dump(mode="json"), "base": str(base.absolute()),
                                       "device": device, "parent": os.getpid()}))  # fmt: skip
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={len(devices)}",
               "--master_addr=127.0.0.1", f"--master_port={_free_port()}",
               "-m", __name__, str(job.absolute())]  # fmt: skip
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": str(config.threads)}
    said: deque[str] = deque(maxlen=_SHOWN)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            for line in process.stdout or ():
                if not line.startswith(_MARK):
                    said.append(line)
                    continue
                message = json.loads(line.removeprefix(_MARK))
                if "report" in message:
                    report(message["report"])
                elif "progress" in message:
                    progress(*message["progress"])
                else:
                    raise InputError(message["error"]) if message["exit_code"] == 2 else RepSightError(message["error"])
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        reason = next((one.strip() for one in reversed(said) if "Error" in one), "".join(said)[-200:])
        raise RepSightError(f"a process of the training failed: {' '.join(reason.split())}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _tell(**message: Any) -> None:
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write(f"{_MARK}{json.dumps(message)}\n")
        sys.stdout.flush()


def _follow(parent: int) -> None:
    """End with the one who asked for it, also when that one is killed."""
    while True:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(1.0)


def main(file: Path) -> int:
    """One of the processes; returns its exit code."""
    from keypoints.checkpoint import keep_to_itself

    keep_to_itself()
    from keypoints.training.pictures import Pictures
    from keypoints.training.trainer import Trainer, Watch

    job = json.loads(file.read_text())
    threading.Thread(target=_follow, args=(job["parent"],), daemon=True).start()
    config, folder = TrainPose.model_validate(job["settings"]), file.parent
    watch = Watch(lambda metrics: _tell(report=metrics), lambda done, total: _tell(progress=[done, total]))
    try:
        pictures = Pictures.load(folder / "pictures.npz")
        Trainer(config, pictures, Path(job["base"]), folder, job["device"], watch).train()
    except RepSightError as error:
        _tell(error=str(error), exit_code=error.exit_code)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
