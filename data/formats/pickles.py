"""Pickles read without running anything that they ask for: numpy arrays and plain containers, nothing else."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from keypoints.errors import InputError

#: What an array of numbers needs to be put together again, under the names of numpy 1 and 2. All of it builds values;
#: none of it calls what the pickle brings along.
_ALLOWED = {
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("collections", "OrderedDict"),
}


def _encode(text: str, encoding: str) -> bytes:
    """How protocol 2 and below write bytes; they use this encoding alone."""
    if encoding != "latin1":
        raise InputError("not a pickle", found=f"text in {encoding!r}")
    return text.encode("latin1")


class _Plain(pickle.Unpickler):
    """Refuses every class and function that is not in the list."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) not in _ALLOWED:
            raise InputError("asks for something other than arrays and plain values; refused", found=f"{module}.{name}")
        return super().find_class(module, name)


def load_plain(file: Path) -> Any:
    """What a pickle holds, if it is made of numpy arrays, numbers, texts, lists, tuples, sets and dictionaries alone.

    Raises InputError when it asks for anything else, is cut off, or is no pickle.
    """
    try:
        with file.open("rb") as stream:
            return _Plain(stream).load()
    except FileNotFoundError:
        raise InputError("no such file", file=file) from None
    except InputError as error:
        raise InputError(str(error), file=file) from None
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
            ImportError, OverflowError, MemoryError, UnicodeDecodeError, OSError) as error:  # fmt: skip
        reason = type(error).__name__ if not str(error) else str(error)
        raise InputError(f"not a pickle, or cut off: {reason}", file=file) from None
