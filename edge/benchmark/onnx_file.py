"""ONNX files of one matrix product, written byte by byte: the runtime half has no package that writes them.

The fields' numbers are those of onnx.proto (ONNX, IR version 8), the bytes those of Protocol Buffers' wire format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: onnx.proto, TensorProto.DataType.
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}


def one_node(
    operation: str,
    given: tuple[str, str, tuple[int, ...]],
    constants: Mapping[str, NDArray[Any]],
    order: Iterable[str],
    made: tuple[str, str, tuple[int, ...]],
) -> bytes:
    """A model of one node. given and made: name, NumPy dtype and shape of what goes in and comes out. constants: by
    name. order: the names of the node's inputs."""
    node = b"".join(_bytes(1, name.encode()) for name in order) + _bytes(2, made[0].encode())
    node += _bytes(4, operation.encode())
    graph = _bytes(1, node) + _bytes(2, b"product")
    graph += b"".join(_bytes(5, _tensor(name, value)) for name, value in constants.items())
    graph += _bytes(11, _value(*given)) + _bytes(12, _value(*made))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))  # IR version 8, operators of version 13


def _tensor(name: str, value: NDArray[Any]) -> bytes:
    dims = b"".join(_number(1, side) for side in value.shape)
    raw = np.ascontiguousarray(value).tobytes()
    return dims + _number(2, _TYPES[value.dtype.name]) + _bytes(8, name.encode()) + _bytes(9, raw)


def _value(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, side)) for side in shape)
    tensor = _number(1, _TYPES[dtype]) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
