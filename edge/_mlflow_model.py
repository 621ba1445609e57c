"""The code of the model that MLflow serves: kept beside both ONNX files and run from there; nothing imports it here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel

from edge.scoring import FIELDS, Scorer
from keypoints.errors import InputError


class _BadRequest(MlflowException):
    """A request that can't be answered, as one line; the server would put the whole request before it."""

    def __init__(self, line: str) -> None:
        super().__init__(line, error_code=INVALID_PARAMETER_VALUE)
        self._line = line

    def serialize_as_json(self) -> str:
        return json.dumps({"error_code": self.error_code, "message": self._line})


class RepCounter(PythonModel):
    """Each row of a request is a recording (see `edge.scoring.Scorer.score`), each row of the answer its counts."""

    def load_context(self, context: Any) -> None:
        """Open both models."""
        self._scorer = Scorer(Path(context.artifacts["pose"]), Path(context.artifacts["head"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Count the reps of every recording, a row each."""
        answers = []
        for row, recording in enumerate(model_input.to_dict("records")):
            # What one row has and another lacks is NaN in a frame.
            given = {name: value for name, value in recording.items() if name in FIELDS and not _absent(value)}
            try:
                answers.append(self._scorer.score(given))
            except InputError as error:
                raise _BadRequest(f"row {row}: {error}") from None
        return answers


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


set_model(RepCounter())
