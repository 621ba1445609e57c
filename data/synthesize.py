"""The job behind `synthesize`: sequences, labelled frames, clips with their truth, and the demo clip."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from configs.saved import config_beside, save_config
from configs.schema import Synthesize
from data import camera, demo, fit_noise, motion_stand, occlusion, scenes, watched
from data.body import BODIES, Body, make_body
from data.posture import keypoints
from data.render import Renderer, frame_with_truth
from data.script import EXERCISES, OTHERS, Builder, Script, pick
from data.skin import Look
from data.synthetic import REST_S, Scene, moments, pose, rests, sequences
from data.tempo import make_set
from data.video import write_video
from keypoints import skeleton
from keypoints.errors import ConfigError, InputError
from keypoints.types import KeypointSequence

#: Called with how many of how many are done.
Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Nobody is watching."""


#: Those of the settings in the folder that tell how example number i looks, so that examples of another call are not
#: taken for its own; how many there are, and how fast they are made, does not.
_LOOKS = ("kind", "seed", "transitions", "weights", "rate_hz", "longest_s")
#: A joint that the body covers more than that is labelled as hidden.
_HIDDEN = 0.5
#: Who made a sequence, by the source that it says.
_SOURCES = {"sequences": r"synthetic-(\d+)-\d+", "rest": r"rest-(\d+)-\d+", "watched": r"synthetic-watched-(\d+)-\d+"}


def synthesize(config: Synthesize, out: Path, progress: Progress = _silent, command: str = "") -> list[Path]:
    """Make what `config` asks for under the folder `out`; returns the files that matter, in order.

    sequences, rest, watched: NNNNNN.npz. frames: images/NNNNNN-ACTION.jpg, labels/ (YOLO-pose text)
    and data.yaml. clip: clip.mp4,
    clip.json. demo: demo.mp4 and demo.json. noise: keypoint_errors.yaml. Raises InputError when `out` can't be
    written or holds what other settings made, ConfigError for a wrong script.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if config.kind in (*_SOURCES, "frames"):
            _claim(config, out)
            save_config("synthesize", config, out, command)
            return _MAKERS[config.kind](config, out, progress)
        made = _MAKERS[config.kind](config, out, progress)
        save_config("synthesize", config, made[0], command)
        return made
    except KeyboardInterrupt:
        going_on = "; the same command keeps what is there and goes on" if config.kind in _SOURCES else ""
        raise KeyboardInterrupt(f"stopped{going_on}") from None
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror or error}", file=out) from None


def kept(config: Synthesize, out: Path) -> int:
    """How many sequences an earlier call with the same settings has left in `out`, of those that `config` asks for."""
    if config.kind not in _SOURCES:
        return 0
    return next((i for i, path in enumerate(_places(config, out)) if not path.exists()), _count(config))


def _count(config: Synthesize) -> int:
    if config.kind == "rest" and config.minutes:
        return max(1, round(60 * config.minutes / REST_S))
    return config.count


def _places(config: Synthesize, out: Path) -> list[Path]:
    return [out / f"{i:06d}.npz" for i in range(_count(config))]


def _claim(config: Synthesize, out: Path) -> None:
    """Raise InputError when `out` holds numbered examples of other settings."""
    looks = _LOOKS + (("size",) if config.kind == "frames" else ())
    ours = {name: value for name, value in config.model_dump(mode="json").items() if name in looks}
    theirs = {name: value for name, value in _remembered(out).items() if name in looks}
    other = [name for name, value in theirs.items() if ours.get(name) != value]
    if other:
        said = (", ".join(f"{name}={some.get(name)}" for name in other) for some in (ours, theirs))
        raise InputError("holds what other settings made", file=out, expected=next(said), found=next(said),
                         hint="give another --out")  # fmt: skip


def _remembered(out: Path) -> dict[str, Any]:
    """The settings that made what is in `out`; without the file that says them, what the first sequence says."""
    file, first = config_beside(out), out / "000000.npz"
    if not first.exists() and not (out / "images").is_dir():
        return {}
    if file.is_file():
        try:
            return dict(yaml.safe_load(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError, yaml.YAMLError):
            raise InputError("can't be read", file=file, hint="delete it, or give another --out") from None
    if not first.exists():
        return {}
    source = KeypointSequence.load(first).source or ""
    for kind, pattern in _SOURCES.items():
        if found := re.fullmatch(pattern, source):
            return {"kind": kind, "seed": int(found[1])}
    return {"kind": "another"}


def _sequences(config: Synthesize, out: Path, progress: Progress) -> list[Path]:
    """Those that are there already, from an earlier call with the same settings, are not made again."""
    count, paths, first = _count(config), _places(config, out), kept(config, out)
    make = {"sequences": sequences, "rest": rests, "watched": watched.sequences}[config.kind]
    made = make(config, seed=config.seed, count=count - first, workers=config.workers, first=first)
    for i, sequence in enumerate(made, first):
        sequence.save(paths[i])
        progress(i + 1, count)
    return paths


def _frames(config: Synthesize, out: Path, progress: Progress) -> list[Path]:
    """Pictures of random people at random moments of random scenes, a new look for each."""
    for name in ("images", "labels"):
        (out / name).mkdir(exist_ok=True)
    for i in range(config.count):
        rng = np.random.default_rng([config.seed, i, 2])
        body = make_body(int(rng.integers(BODIES)))
        script, begin, end = scenes.draw(rng, body)
        shown = pose(body, script, begin, moments(rng, min(end - begin, 4.0), config))
        size = config.size
        exact = keypoints(body, shown.solved)
        seen = camera.place(rng, exact, shown.time_s, shown.view, size)
        with Renderer(size, Look.random(rng)) as renderer:
            n = int(rng.integers(len(shown.time_s)))
            image, points, box = frame_with_truth(renderer, body, shown.solved, n, seen)
        points[:, 2] *= np.where(occlusion.hidden(body, shown.solved, exact, seen.place)[n] > _HIDDEN, 1, 2)
        name = f"{i:06d}-{shown.action[n]}"
        _write_image(out / "images" / f"{name}.jpg", image)
        (out / "labels" / f"{name}.txt").write_text(yolo_label(points, box, size), encoding="utf-8")
        progress(i + 1, config.count)
    flip = ", ".join(str(j) for j in skeleton.MIRROR)
    (out / "data.yaml").write_text(
        f"train: images\nval: images\nkpt_shape: [17, 3]\nflip_idx: [{flip}]\nnames: {{0: person}}\n",
        encoding="utf-8",
    )
    return [out / "data.yaml"]


def _write_image(path: Path, image: Any) -> None:
    if not cv2.imwrite(str(path), image):
        raise InputError("can't be written", file=path)


def yolo_label(points: Any, box: Any, size: tuple[int, int]) -> str:
    """One line of YOLO-pose text: class, box centre and size, then x y v of 17 joints; shares of the picture.

    points: (17, 3), x y px and COCO's visibility: 2 visible, 1 hidden, 0 outside of the picture.
    """
    width, height = size
    x1, y1, x2, y2 = (float(v) for v in box)
    values = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    text = [f"{v:.6f}" for v in values]
    for x, y, seen in points:
        text += [f"{x / width:.6f}", f"{y / height:.6f}", f"{seen:.0f}"]
    return " ".join(["0", *text]) + "\n"


def script_of(config: Synthesize, body: Body) -> Script:
    """The script that `config.script` tells: (action, reps or seconds) one after the other."""
    if not config.script:
        raise ConfigError("empty", field="script", expected="pairs such as [squat, 5]")
    builder = Builder(np.random.default_rng([config.seed, 3]), body)
    for action, amount in config.script:
        rng = np.random.default_rng([config.seed, len(builder.spans)])
        if action in ("stand", "other"):
            maker = motion_stand.ready if action == "stand" else pick(rng, OTHERS)
            builder.add(maker(rng, body), amount)
        elif action == "plank":
            builder.add(EXERCISES[action](rng, body), amount)
        elif action in EXERCISES:
            move = EXERCISES[action](rng, body)
            track = make_set(rng, move, max(1, round(amount)), full=True)
            builder.add(move, track.end_s, track)
        else:
            known = ", ".join((*EXERCISES, "stand", "other"))
            raise ConfigError("unknown action", field="script", expected=f"one of {known}", found=repr(action))
    return Script(tuple(builder.spans), builder.spans[-1].move.view)


def _clip(config: Synthesize, out: Path, progress: Progress) -> list[Path]:
    rng = np.random.default_rng([config.seed, 4])
    body = make_body(int(rng.integers(BODIES)))
    script = script_of(config, body)
    fps = float(np.clip(demo.FPS, *config.rate_hz))
    # One frame more than seconds times rate: the last rep ends with the script.
    shown = pose(body, script, 0.0, np.arange(int(np.ceil(script.end_s * fps)) + 1) / fps)
    seen = camera.place(rng, keypoints(body, shown.solved), shown.time_s, shown.view, config.size)

    def pictures() -> Any:
        with Renderer(config.size, Look.random(rng)) as renderer:
            for i in range(len(shown.time_s)):
                yield renderer.draw(body, shown.solved, i, seen)
                progress(i + 1, len(shown.time_s))

    return _video(out / "clip.mp4", shown, pictures(), fps, config.size)


def _demo(config: Synthesize, out: Path, progress: Progress) -> list[Path]:
    shown = demo.scene()

    def pictures() -> Any:
        for i, image in enumerate(demo.frames(shown)):
            yield image
            progress(i + 1, len(shown.time_s))

    return _video(out / "demo.mp4", shown, pictures(), demo.FPS, demo.SIZE)


def _video(path: Path, shown: Scene, pictures: Any, fps: float, size: tuple[int, int]) -> list[Path]:
    codec = write_video(path, pictures, fps, size)
    truth = path.with_suffix(".json")
    truth.write_text(json.dumps(truth_of(shown) | {"video": path.name, "codec": codec, "fps": fps}, indent=1) + "\n",
                     encoding="utf-8")  # fmt: skip
    return [path, truth]


def truth_of(shown: Scene) -> dict[str, Any]:
    """What a perfect runner would say of a scene: segments, reps, holds, totals; seconds."""
    names, times = np.asarray(shown.action), shown.time_s
    edges = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]
    segments = [[str(names[a]), float(times[a]), float(times[min(b, len(times) - 1)])]
                for a, b in pairwise(edges)]  # fmt: skip
    reps = []
    for start, end in shown.reps_s:
        inside = names[(times >= start) & (times <= end)]
        reps.append({"action": str(inside[len(inside) // 2]), "start_s": float(start), "end_s": float(end)})
    totals: dict[str, int] = {}
    for rep in reps:
        totals[str(rep["action"])] = totals.get(str(rep["action"]), 0) + 1
    holds = [{"action": "plank", "start_s": float(a), "end_s": float(b)} for a, b in shown.holds_s]
    return {"subject": shown.body.subject, "totals": totals, "segments": segments, "reps": reps, "holds": holds}


_MAKERS: dict[str, Callable[[Synthesize, Path, Progress], list[Path]]] = {
    "sequences": _sequences, "rest": _sequences, "watched": _sequences, "frames": _frames, "clip": _clip, "demo": _demo,
    "noise": fit_noise.fit,
}  # fmt: skip
