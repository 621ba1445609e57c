"""Arrays of joints, one `.npy` a recording: OpenPose-18, BlazePose-33, and Kinect's 25 or 20."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.formats.arrays import label_of, load_npy, npy_shape, to_sequence
from data.formats.job import Job
from data.formats.joints import LAYOUTS, to_coco
from data.formats.registry import Recognise, register
from keypoints.errors import InputError
from keypoints.labels import Labelled


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.npy")) if path.is_dir() else [path] * (path.suffix == ".npy")


def _has(layout: str) -> Recognise:
    """Whether there are arrays with the joints of `layout`. Raises InputError when there are arrays, all broken."""
    wanted = {one.joints for one in LAYOUTS if one.name == layout}

    def recognise(path: Path) -> bool:
        files = _files(path)
        shapes = [shape for file in files if (shape := npy_shape(file))]
        if files and not shapes:
            load_npy(files[0])
        return any(len(shape) == 3 and shape[1] in wanted for shape in shapes)

    return recognise


def _read(path: Path, job: Job, layout: str) -> Iterator[Labelled]:
    wanted = [one.joints for one in LAYOUTS if one.name == layout]
    root = path if path.is_dir() else path.parent

    def make(file: Path) -> Labelled:
        array = load_npy(file)
        if array.ndim != 3 or array.shape[1] not in wanted:
            shapes = " or ".join(f"(frames, {joints}, 3)" for joints in wanted)
            raise InputError("wrong shape", file=file, expected=shapes, found=array.shape)
        name = file.relative_to(root).with_suffix("").as_posix()
        try:
            keypoints, size = to_coco(array, job.options.size)
        except InputError as error:
            raise InputError(str(error), file=file) from None
        sequence = to_sequence(keypoints, file, size, job.options.fps, f"{root.name}/{name}")
        return job.whole(name, sequence, job.options.label or label_of(file, root))

    return job.each(_files(path), make)


@register("openpose", "*.npy of (frames, 18, 3): x px, y px, score", _has("openpose"), raw=True)
def read_openpose(path: Path, job: Job) -> Iterator[Labelled]:
    """OpenPose's 18 joints; labels by the folder's name, else by the file's."""
    return _read(path, job, "openpose")


@register("blazepose", "*.npy of (frames, 33, 3 to 5): x, y, (z,) visibility", _has("blazepose"), raw=True)
def read_blazepose(path: Path, job: Job) -> Iterator[Labelled]:
    """MediaPipe's 33 landmarks, in pixels or in shares of a picture; labels as for OpenPose."""
    return _read(path, job, "blazepose")


@register("kinect", "*.npy of (frames, 25 or 20, 3): x, y, z in metres", _has("kinect"), raw=True)
def read_kinect(path: Path, job: Job) -> Iterator[Labelled]:
    """Kinect's joints, version 2 (25) or 1 (20), as its depth camera sees them; labels as for OpenPose."""
    return _read(path, job, "kinect")
