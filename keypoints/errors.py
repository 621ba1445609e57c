"""The one exception family of RepSight, and the one shape of its messages."""

from __future__ import annotations

import re
from pathlib import Path


class RepSightError(Exception):
    """Something ran and failed. The command line prints the message on one line and exits with `exit_code`."""

    exit_code = 1


class InputError(RepSightError):
    """What the user gave is wrong: a file, a field of a file, an argument. Exit code 2."""

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        field: str | None = None,
        expected: object | None = None,
        found: object | None = None,
        hint: str | None = None,
    ) -> None:
        """Build one clear line: `FILE: FIELD: what (expected X, found Y); hint`.

        `what` says what is wrong; `file` and `field` where; `expected` and `found` the two values that
        disagree; `hint` the next step.
        """
        where = "".join(f"{without_password(str(part))}: " for part in (file, field) if part is not None)
        values = ", ".join(
            f"{name} {value}" for name, value in (("expected", expected), ("found", found)) if value is not None
        )
        line = where + what + (f" ({values})" if values else "") + (f"; {hint}" if hint else "")
        super().__init__(" ".join(line.split()))


def without_password(name: str) -> str:
    """An address without the user and the password that may be in it; any other name as it is."""
    return re.sub(r"//[^/@]*@", "//", name)


class ModelError(InputError):
    """A model file is not what the caller needs: not ONNX, no card, another kind, other shapes."""


class SourceError(InputError):
    """A video, camera, stream, folder or sequence can't be opened or read."""


class ConfigError(InputError):
    """A YAML file or an override does not fit its schema."""


class MissingExtraError(InputError):
    """A command needs a package of an optional extra; the message names the install command."""
