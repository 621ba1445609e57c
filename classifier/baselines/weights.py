"""Weights that a baseline begins with: read from a file, but for the classifier, which is always new."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from classifier.saved import safely_loaded
from keypoints.errors import InputError


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .pt, .pth or .safetensors file, by name; nothing in it is executed.

    Of a baseline's own .pt the network's. Raises InputError when it is no such file.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, field="weights")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = safely_loaded(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"not a file of weights: {error}", file=path, field="weights") from None
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = {name.removeprefix("body."): value for name, value in content["model"].items()}
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError("not a file of weights", file=path, field="weights", expected="tensors by their names")
    return content


def load_into(module: nn.Module, path: Path, classifier: str) -> None:
    """Give `module` the weights of a file, but for those of `classifier`.

    Raises InputError when the file lacks some of them, or has others in their places.
    """
    stored = read_state(path)
    own = module.state_dict()
    wanted = {name for name in own if not name.startswith(f"{classifier}.")}
    other = sorted(name for name in wanted if name not in stored or stored[name].shape != own[name].shape)
    if other:
        found = tuple(stored[other[0]].shape) if other[0] in stored else "nothing"
        raise InputError(f"of another network: {len(other)} of {len(wanted)} do not fit, such as {other[0]}", file=path,
                         field="weights", expected=tuple(own[other[0]].shape), found=found)  # fmt: skip
    module.load_state_dict({name: stored[name] for name in wanted}, strict=False)
