"""Weights on sixteen levels a channel: found so that a layer answers as before, stored in half a byte, run as int8."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compression.rounding import Rounding, restore

#: The levels, in 127ths of a channel's largest weight: quantiles of the normal distribution, between which weights of a
#: layer are spread about evenly (NF4: Dettmers et al., "QLoRA", NeurIPS 2023, appendix E), to the nearest int8.
LEVELS = (-127, -88, -67, -50, -36, -23, -12, 0, 10, 20, 31, 43, 56, 71, 92, 127)

#: Shares of a channel's largest weight that are tried as the outermost level: cutting off a few large ones makes the
#: steps between all others smaller.
_CUTS = tuple(np.linspace(0.4, 1.0, 13))

#: Added to the matrix that is inverted, as a share of its mean diagonal (Frantar et al. 2023).
_DAMPING = 0.01

#: A tensor with fewer values costs more to unpack than it saves.
_LEAST_VALUES = 1024


def clustered(weight: Tensor, square: Tensor) -> Tensor:
    """Weights (out, in) on the levels, each channel's largest on the outermost, so that the layer's answer stays near.

    square: (in, in), the products of what the layer reads, summed over many places. Each column is rounded in turn, and
    what that changes is made good by the columns that are still free (GPTQ: Frantar et al., ICLR 2023, algorithm 1).
    """
    weight, square = weight.double(), square.double()
    count = len(square)
    damped = square + _DAMPING * square.diagonal().mean().clamp(min=1e-12) * torch.eye(count, dtype=torch.double)
    order = square.diagonal().argsort(descending=True)  # what weighs most is rounded while most is left to make it good
    damped = damped[order][:, order]
    upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    outermost = _cut(weight, square.diagonal())
    while True:
        left, found = weight[:, order].clone(), torch.empty_like(weight)
        for column in range(count):
            found[:, column] = nearest(left[:, column] / outermost) * outermost
            change = (left[:, column] - found[:, column]) / upper[column, column]
            left[:, column + 1 :] -= change[:, None] * upper[column, column + 1 :]
        # Int8 takes its scale from the largest weight: one in each channel must be there.
        short = found.abs().amax(1) < 0.999 * outermost
        if not short.any():
            break
        outermost = torch.where(short, 0.93 * outermost, outermost)
    back = torch.empty_like(order)
    back[order] = torch.arange(count)
    return found[:, back]


def nearest(shares: Tensor) -> Tensor:
    """The nearest levels of weights, both as shares of the outermost level."""
    levels = torch.tensor(LEVELS, dtype=shares.dtype) / 127
    return levels[torch.bucketize(shares.contiguous(), (levels[1:] + levels[:-1]) / 2)]


def _cut(weight: Tensor, importance: Tensor) -> Tensor:
    """The outermost level of each channel (out,) at which rounding alone changes the answer least."""
    largest = weight.abs().amax(1).clamp(min=1e-9)
    errors = torch.stack([
        ((nearest(weight / (cut * largest)[:, None]) * (cut * largest)[:, None] - weight) ** 2 * importance).sum(1)
        for cut in _CUTS
    ])  # fmt: skip
    return torch.tensor(_CUTS, dtype=weight.dtype)[errors.argmin(0)] * largest


def pack(graph: onnx.GraphProto) -> int:
    """Store, in place, every int8 tensor whose values are all levels in half a byte a value; returns how many.

    A table of both values of each byte gives the tensor back when a runtime loads the file and folds what is constant:
    nothing of it is left when the model runs.
    """
    packed = 0
    nodes = []
    for tensor in list(graph.initializer):
        if tensor.data_type != onnx.TensorProto.INT8 or np.prod(tensor.dims) < _LEAST_VALUES:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if values.size % 2 or not np.isin(values, LEVELS).all():
            continue
        name = tensor.name
        index = np.searchsorted(LEVELS, values.ravel()).astype(np.uint8)
        graph.initializer.remove(tensor)
        stored = {f"{name}.packed": index[0::2] << 4 | index[1::2], f"{name}.shape": np.array(values.shape, np.int64)}
        graph.initializer.extend(onnx.numpy_helper.from_array(array, key) for key, array in stored.items())
        nodes += [
            onnx.helper.make_node("Cast", [f"{name}.packed"], [f"{name}.index"], to=onnx.TensorProto.INT32),
            onnx.helper.make_node("Gather", [_TABLE, f"{name}.index"], [f"{name}.pairs"], axis=0),
            onnx.helper.make_node("Reshape", [f"{name}.pairs", f"{name}.shape"], [name]),
        ]
        packed += 1
    if packed:
        graph.initializer.append(onnx.numpy_helper.from_array(_table(), _TABLE))
        rest = list(graph.node)
        del graph.node[:]
        graph.node.extend([*nodes, *rest])
    return packed


_TABLE = "levels"


@cache
def _table() -> NDArray[np.int8]:
    """Both values (256, 2) of each byte."""
    levels = np.array(LEVELS, np.int8)
    byte = np.arange(256)
    return np.stack([levels[byte >> 4], levels[byte & 15]], 1)


class Clustered(Rounding):
    """A convolution whose weights lie on the levels when it is run; the gradient passes the rounding over."""

    extras = ("cut",)
    cut: Tensor

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight.detach().flatten(1)
        outermost = (self.cut * weight.abs().amax(1).clamp(min=1e-9))[:, None]
        off = nearest(weight / outermost) * outermost - weight
        output: Tensor = self._conv_forward(input, self.weight + off.view_as(self.weight), self.bias)
        return output


@contextmanager
def clustering(network: nn.Module, least: int) -> Iterator[None]:
    """While it lasts, every convolution with at least so many weights is `Clustered`. Copies that are made meanwhile
    need `restore`."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups == 1 and module.weight.numel() >= least:
            weight = module.weight.detach().flatten(1)
            cut = _cut(weight, torch.ones(weight.shape[1])) / weight.abs().amax(1).clamp(min=1e-9)
            module.__class__ = Clustered
            module.cut = cut
    try:
        yield
    finally:
        restore(network)
