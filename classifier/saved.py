"""What torch has saved as a file, read back without trusting it."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch


def safely_loaded(path: Path) -> Any:
    """What torch has saved as a file, with nothing in it executed. Raises ValueError, with the reason, for any other
    file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are not its own
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError, AttributeError, pickle.UnpicklingError) as error:
        raise ValueError(str(error).strip().partition("\n")[0][:120] or type(error).__name__) from None
