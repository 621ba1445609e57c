"""A baseline as a TensorRT engine, where TensorRT and an NVIDIA GPU are."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keypoints.card import BaselineCard
from keypoints.errors import MissingExtraError, ModelError, RepSightError
from keypoints.files import whole

#: The largest batch that an engine takes.
_BATCH = 4

_HINT = "TensorRT needs an NVIDIA GPU: pip install tensorrt on the machine that will run the model"


def usable() -> bool:
    """Whether engines can be written and run here."""
    if find_spec("tensorrt") is None or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def require() -> None:
    """Raise MissingExtraError when they can't."""
    if not usable():
        raise MissingExtraError("an engine needs tensorrt and an NVIDIA GPU", field="tensorrt", hint=_HINT)


def write_engine(source: Path, card: BaselineCard, path: Path) -> None:
    """Build an engine in float32 from an ONNX file, for this machine's GPU; its card goes into NAME.engine.json.

    Raises MissingExtraError without TensorRT, RepSightError when it can't be built.
    """
    require()
    import tensorrt

    log = tensorrt.Logger(tensorrt.Logger.ERROR)
    builder = tensorrt.Builder(log)
    network = builder.create_network(0)
    parser = tensorrt.OnnxParser(network, log)
    if not parser.parse_from_file(str(source)):
        raise RepSightError(f"{source}: TensorRT can't read it: {parser.get_error(0)}")
    config = builder.create_builder_config()
    config.clear_flag(tensorrt.BuilderFlag.TF32)  # it rounds to ten bits
    profile = builder.create_optimization_profile()
    one = (card.frames, card.side, card.side, 3)
    profile.set_shape("clips", (1, *one), (1, *one), (_BATCH, *one))
    config.add_optimization_profile(profile)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise RepSightError(f"{path}: TensorRT can't build an engine of {source.name}")
    with whole(path) as partial:
        partial.write_bytes(bytes(built))
    with whole(path.with_suffix(".engine.json")) as partial:
        partial.write_text(card.to_json() + "\n", encoding="utf-8")


def open_engine(path: Path, card: BaselineCard) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What runs an engine. Raises MissingExtraError without TensorRT, ModelError when it is of another machine."""
    require()
    import tensorrt
    import torch

    runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
    engine: Any = runtime.deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        raise ModelError("no engine for this machine", file=path, hint="build it here: train-baseline tensorrt=true")
    context = engine.create_execution_context()
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def run(clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = []
        for start in range(0, len(clips), _BATCH):
            given = torch.from_numpy(clips[start : start + _BATCH]).cuda().contiguous()
            made = torch.empty((len(given), len(card.labels)), dtype=torch.float32, device="cuda")
            context.set_input_shape("clips", tuple(given.shape))
            context.set_tensor_address("clips", given.data_ptr())
            context.set_tensor_address("action", made.data_ptr())
            torch.cuda.current_stream().synchronize()
            context.execute_async_v3(stream.cuda_stream)
            stream.synchronize()
            parts.append(made.cpu().numpy())
        return np.concatenate(parts)

    return run
