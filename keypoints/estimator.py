"""What a pose estimator is, and the registry: another is a class with `@register("name")` in a module named here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from keypoints.errors import InputError, ModelError
from keypoints.region import Region
from keypoints.types import Pose

Image = NDArray[np.uint8]


class PoseEstimator(Protocol):
    """Finds people in a picture.

    `prepare` and `infer` are the two halves of `estimate`, so that a caller can time them apart: what
    `prepare` returns is for `infer` of the same estimator alone, and valid until the same thread's next `prepare`.
    Several threads may estimate at a time where `takes_regions`; an estimator that tracks gets its pictures in order.
    """

    #: As it is registered.
    name: str
    #: The model file.
    path: Path
    #: Of the weights: fp32, fp16 or int8.
    precision: str
    #: Of the model's input: (height, width) px.
    input_size: tuple[int, int]
    #: Whether a region of a picture may be looked at by itself; not by one that tracks on its own.
    takes_regions: bool

    def prepare(self, image: Image, region: Region | None = None) -> Any:
        """Fit a BGR uint8 (H, W, 3) picture, or a region of it, to the model."""
        ...

    def infer(self, prepared: Any) -> list[Pose]:
        """The people in it, best score first, in pixels of the picture."""
        ...

    def estimate(self, image: Image, region: Region | None = None) -> list[Pose]:
        """`infer(prepare(image, region))`."""
        return self.infer(self.prepare(image, region))

    def close(self) -> None:
        """Free what it holds; nothing can be estimated after it."""


Factory = Callable[..., PoseEstimator]
F = TypeVar("F", bound=Factory)

#: Where estimators are registered.
ESTIMATORS: Final = [
    "keypoints.yolo",
    "keypoints.blazepose",
]

_FACTORIES: dict[str, Factory] = {}
_SUFFIXES: dict[str, str] = {}


def register(name: str, *suffixes: str) -> Callable[[F], F]:
    """Register a class or function `(path, **settings) -> PoseEstimator` under `name`, for files with `suffixes`."""

    def add(factory: F) -> F:
        _FACTORIES[name] = factory
        _SUFFIXES.update(dict.fromkeys(suffixes, name))
        return factory

    return add


def names() -> tuple[str, ...]:
    """The registered estimators."""
    _load_own()
    return tuple(sorted(_FACTORIES))


def create(path: str | Path, name: str | None = None, **settings: Any) -> PoseEstimator:
    """The estimator `name` around the model file `path`; without a name, the file's suffix tells.

    Raises InputError when no estimator has this name or takes this kind of file, ModelError when the file
    does not fit, MissingExtraError when the estimator's package is not installed.
    """
    _load_own()
    found = name or _SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        raise InputError("no pose estimator for this kind of file", file=path,
                         expected=" or ".join(sorted(_SUFFIXES)), found=Path(path).suffix or "no suffix")  # fmt: skip
    if found not in _FACTORIES:
        raise InputError("no such pose estimator", field="estimator", expected=", ".join(names()), found=found)
    estimator = _FACTORIES[found](path, **settings)
    size = getattr(estimator, "input_size", None)
    if not _is_size(size):
        estimator.close()
        raise ModelError(f"the estimator {found} has no usable size", file=path, field="input_size",
                         expected="(height, width) px", found=size)  # fmt: skip
    return estimator


def _is_size(value: object) -> bool:
    """Whether it is two whole numbers above 0."""
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(v, int) and v > 0 for v in value)


def _load_own() -> None:
    """Import the modules of `ESTIMATORS`, so that what is in them registers itself."""
    for module in ESTIMATORS:
        import_module(module)
