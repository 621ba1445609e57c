"""The job behind `train-pose`: a checkpoint and labelled pictures in, one checkpoint out, its learning curve beside it.

While it runs, `NAME.training/` beside the checkpoint holds what a killed run goes on from.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.base import flat
from configs.loader import load
from configs.pose_training import OF_THE_MACHINE, TrainPose
from configs.saved import config_beside, save_config
from keypoints.checkpoint import PLACE, WARNING, load_network, require, save_network
from keypoints.errors import ConfigError, InputError, ModelError
from keypoints.files import require_writable, sha256, whole
from keypoints.told import Say, Told
from keypoints.training.curve import write_curve
from keypoints.training.pictures import Pictures, read_data, read_pictures

#: Room that a training needs: a part of its own, and so many times its base (two files of weights, average, optimizer).
_LEAST_FREE, _TIMES_BASE = 200_000_000, 12

#: What a run began with, in its folder; written when all that it begins with is there.
_RUN = "run.json"


@dataclass(frozen=True, slots=True)
class TrainedPose:
    """A finished training. metrics: the figures of the epoch that was kept; curve: those of every epoch; files: what
    was written beside the checkpoint, nothing when it was finished before."""

    path: Path
    metrics: dict[str, float]
    curve: tuple[dict[str, float], ...]
    files: tuple[Path, ...]


def folder_of(out: Path) -> Path:
    """Where a training of the checkpoint `out` keeps what it goes on from."""
    return out.with_suffix(".training")


def is_finished(out: Path) -> bool:
    """Whether nothing is left to do for the checkpoint `out`."""
    return out.is_file() and not (folder_of(out) / _RUN).is_file()


def train_pose(
    config: TrainPose, out: Path, *, command: str = "", resume: bool = False, told: Told | None = None
) -> TrainedPose:
    """Fine-tune the pose model `config.base` on `config.data`, in the shape that it has, and write it to `out`.

    Beside it lie `NAME.config.yaml`, `NAME.curve.json` and `NAME.curve.png`. The epoch with the best sum of box and
    pose average precision is kept. command: as it was typed. resume: go on from the last whole epoch of a run with the
    same settings (but for those of the machine), if there is one. A KeyboardInterrupt says how to go on.
    Raises InputError for wrong data, a base of another kind, other settings, a full disk.
    """
    told = told or Told()
    folder = folder_of(out)
    data, base = check(config, out)
    begun = resume and (folder / _RUN).is_file()
    if resume and is_finished(out):
        return _finished(config, out, told.say)
    told.say(f"note: {base}: {WARNING}")
    network = load_network(base)
    _check_loaded(config, network, base, data, out)
    digest = {"base_sha256": sha256(base), "data_sha256": sha256(data)}
    if begun:
        pictures = _taken_up(config, digest, folder)
    else:
        if resume:
            told.say(f"{folder} is not there, so there is nothing to go on with: it begins anew")
        pictures = read_pictures(data, config.validation, config.seed, problem=told.problem, progress=told.progress,
                                 threads=config.threads)  # fmt: skip
        _begin(config, digest, pictures, folder)
    told.say(pictures.said)
    try:
        _train(config, pictures, base, folder, told)
    except KeyboardInterrupt:
        kept = (folder / "last.pt").is_file()
        said = "the same command with --resume goes on" if kept else "nothing is kept before the first epoch ends"
        raise KeyboardInterrupt(f"stopped; {said}") from None
    return _finish(config, folder, out, command)


def check(config: TrainPose, out: Path) -> tuple[Path, Path]:
    """What is wrong at a glance, before anything is loaded: the data and the base that are meant. Raises InputError."""
    if out.suffix != ".pt":
        raise InputError("not the name of a checkpoint", file=out, expected="a name that ends in .pt")
    if config.data is None:
        raise InputError("nothing to learn from", field="data", expected="the data.yaml of a set in COCO-pose layout",
                         hint="give one with --data; `repsight data import-pose` makes one")  # fmt: skip
    if config.base is None:
        raise InputError("nothing to begin with", field="base", expected="a YOLO pose checkpoint (.pt)",
                         hint=f"{PLACE} and give it with --base")  # fmt: skip
    base = Path(config.base)
    require(base)
    if base.suffix != ".pt":
        raise ModelError("not a checkpoint", file=base, field="base", expected="a YOLO pose .pt file")
    if base.resolve() == out.resolve():
        raise InputError("would replace the model that it begins with", file=out, field="--out")
    data = Path(config.data)
    read_data(data)
    return data, base


def _check_loaded(config: TrainPose, network: Any, base: Path, data: Path, out: Path) -> None:
    """What may be wrong before hours are spent. Raises InputError."""
    layers = len(network.model)
    if config.freeze >= layers:
        raise InputError("leaves nothing to train", field="freeze", expected=f"{layers - 1} at most",
                         found=config.freeze)  # fmt: skip
    if network.model[-1].nc != 1:
        raise ModelError("more than people", file=base, field="classes", expected=1, found=network.model[-1].nc)
    devices(config.device)
    require_writable(out)
    needed, free = _LEAST_FREE + _TIMES_BASE * base.stat().st_size, shutil.disk_usage(out.parent).free
    if free < needed:
        raise InputError("not enough room on the disk", file=out.parent, expected=f"{needed / 1e6:.0f} MB free",
                         found=f"{free / 1e6:.0f} MB", hint="make room, or give another --out")  # fmt: skip


def devices(name: str) -> list[str]:
    """The devices that are meant, as Ultralytics names them: cpu, or numbers of GPUs. Raises InputError."""
    import torch

    count = torch.cuda.device_count()
    if name == "auto":
        return ["0"] if count else ["cpu"]
    parts = [part.strip() for part in name.split(",")]
    there = [str(number) for number in range(count)]
    if parts == ["cpu"] * len(parts) or (len(set(parts)) == len(parts) and set(parts) <= set(there)):
        return parts
    known = ", ".join(["auto", "cpu", *there])
    raise InputError("no such device here", field="device", expected=f"{known}, or several GPUs as 0,1", found=name)


def _settings(config: TrainPose) -> dict[str, Any]:
    return config.model_dump(mode="json")


def _begin(config: TrainPose, digest: dict[str, str], pictures: Pictures, folder: Path) -> None:
    """A new folder for a new run."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        pictures.save(folder / "pictures.npz")
        with whole(folder / _RUN) as partial:
            partial.write_text(json.dumps({"settings": _settings(config), **digest}, indent=1))
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=folder) from None


def _taken_up(config: TrainPose, digest: dict[str, str], folder: Path) -> Pictures:
    """The pictures of a run that goes on. Raises InputError when it began otherwise."""
    try:
        began = json.loads((folder / _RUN).read_text())
        same = {"base": began["base_sha256"] == digest["base_sha256"],
                "data": began["data_sha256"] == digest["data_sha256"]}  # fmt: skip
        require_same(config, began["settings"], folder)
    except (OSError, ValueError, KeyError):
        raise InputError("nothing to go on with", file=folder, hint="begin anew without --resume") from None
    for field, value in same.items():
        if not value:
            raise InputError("is not the file any more that the run began with", file=folder, field=field,
                             hint="put it back, or begin anew without --resume")  # fmt: skip
    return Pictures.load(folder / "pictures.npz")


def require_same(config: TrainPose, began: dict[str, Any], where: Path) -> None:
    """Raise InputError that names the settings which are not those that a run began with, but for the machine's."""
    now, before = dict(flat(_settings(config))), dict(flat(began))
    other = [name for name in sorted(now.keys() | before.keys())
             if name not in OF_THE_MACHINE and now.get(name) != before.get(name)]  # fmt: skip
    if other:
        raise InputError("other settings than the run began with", file=where, field=", ".join(other),
                         expected=", ".join(str(before.get(name)) for name in other),
                         found=", ".join(str(now.get(name)) for name in other),
                         hint="go on with those, or begin anew without --resume")  # fmt: skip


def _train(config: TrainPose, pictures: Pictures, base: Path, folder: Path, told: Told) -> None:
    """Train, in this process or in one a device; nothing is left to do when the last epoch was done."""
    epoch, done = state_of(folder)
    if epoch:
        told.say(f"{folder}: {epoch} of {config.epochs} epochs are done, "
                 + ("nothing is left to train" if done else f"it goes on with epoch {epoch + 1}"))  # fmt: skip
    if done:
        return
    chosen = devices(config.device)
    if len(chosen) > 1:
        from keypoints.training.several import train_on_several

        train_on_several(config, base, folder, chosen, told.report, told.progress)
        return
    from keypoints.training.trainer import Trainer, Watch

    Trainer(config, pictures, base, folder, chosen[0], Watch(told.report, told.progress)).train()


def state_of(folder: Path) -> tuple[int, bool]:
    """How many epochs a run has done, and whether that is all of them."""
    last = folder / "last.pt"
    if not last.is_file():
        return 0, False
    kept = _kept(last)
    return int(kept["epoch"]) + 1, bool(kept["done"])


def _kept(path: Path) -> dict[str, Any]:
    """What a training wrote: its own file, a pickle as all of Ultralytics' are."""
    import torch

    kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return kept


def _finish(config: TrainPose, folder: Path, out: Path, command: str) -> TrainedPose:
    """Write the result from what the training kept, and let that go."""
    curve = tuple(_kept(folder / "last.pt")["curve"])
    kept = _kept(folder / "best.pt")
    metrics = next(point for point in curve if point["epoch"] == kept["epoch"] + 1)
    data, picture = (out.with_suffix(name) for name in (".curve.json", ".curve.png"))
    try:
        write_curve(curve, data, picture)
        settings = save_config("train_pose", config, out, command)
        with whole(out) as partial:
            save_network(kept["ema"], partial)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as a RuntimeError of its zip writer
        if isinstance(error, RuntimeError) and shutil.disk_usage(out.parent).free > _LEAST_FREE:
            raise
        raise InputError("can't be written: no room on the disk", file=out,
                         hint="make room; the same command with --resume writes it") from None  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    return TrainedPose(out, metrics, curve, (settings, data, picture))


def _finished(config: TrainPose, out: Path, say: Say) -> TrainedPose:
    """A run that has nothing left to do. Raises InputError when it is not one of these settings."""
    try:
        began = load(TrainPose, config_beside(out))
        curve = tuple(json.loads(out.with_suffix(".curve.json").read_text()))
    except (ConfigError, OSError, ValueError):
        raise InputError("no training of `train-pose`, so there is nothing to go on with", file=out,
                         hint="begin without --resume, or give another --out") from None  # fmt: skip
    require_same(config, _settings(began), out)
    say(f"{out} is finished after {len(curve)} epochs: there is nothing to go on with")
    metrics = max(reversed(curve), key=lambda point: float(point["fitness"]))
    return TrainedPose(out, metrics, curve, ())
