"""The pair of a pose model and a head as one model that MLflow serves: both files, the code that runs them, what it
needs, what goes in and what comes out."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from classifier.head import SHIPPED as SHIPPED_HEAD
from keypoints.files import sha256
from keypoints.yolo import SHIPPED as SHIPPED_POSE

SHIPPED: Final = {"pose": SHIPPED_POSE, "head": SHIPPED_HEAD}

#: What the runtime half needs, and so does the model.
RUNTIME: Final = ("numpy", "onnxruntime", "opencv-python", "click", "pydantic", "PyYAML", "rich")

#: The rooms of the runtime half, and what of them the model carries.
_ROOMS: Final = ("edge", "keypoints", "classifier", "configs")
_CARRIED: Final = {".py", ".yaml"}

#: No word to MLflow's maker, and none on the terminal.
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_LOGGING_LEVEL": "ERROR",
}  # fmt: skip

_ROOT: Final = Path(__file__).parents[1]
_CODE: Final = _ROOT / "edge" / "_mlflow_model.py"


def log_pair(client: Any, experiment: str, run_id: str, name: str, pair: dict[str, Path]) -> str:
    """Log the pair of `pose` and `head` files as a model of a run and register it; returns its version.

    client: an MlflowClient. name: of the registered model. What MLflow raises goes through.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.exceptions import MlflowException

    tags = {f"{stage}_sha256": sha256(path) for stage, path in pair.items()}
    model = client.create_logged_model(experiment, name, run_id, tags, model_type="rep-counter")
    with tempfile.TemporaryDirectory() as folder:
        save_pair(Path(folder) / "model", pair)
        client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
    # By its place: an address that begins with models:/ would be looked for in MLflow's usual store, not in this one.
    made = client.create_model_version(name, model.artifact_location, run_id, tags, model_id=model.model_id)
    return str(made.version)


def keep_quiet() -> None:
    """To be called before MLflow is imported: nothing of its own leaves the machine or gets onto the terminal."""
    os.environ.update(_QUIET)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def save_pair(folder: Path, pair: dict[str, Path]) -> None:
    """Write the pair to a new folder as an MLflow model (python_function). Raises what MLflow does."""
    keep_quiet()
    import mlflow

    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses types and an example, which the signature stands for
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(_CODE),
            artifacts={stage: str(path) for stage, path in pair.items()},
            code_paths=[str(_carried(room, Path(scratch))) for room in _ROOMS],
            pip_requirements=[f"{package}=={metadata.version(package)}" for package in RUNTIME],
            signature=_signature(),
        )


def _carried(room: str, scratch: Path) -> Path:
    """A copy of a room with its code and settings alone: the models are files of their own."""

    def others(folder: str, names: list[str]) -> list[str]:
        files = [name for name in names if (Path(folder) / name).is_file() and Path(name).suffix not in _CARRIED]
        return [*files, "__pycache__"]

    return Path(shutil.copytree(_ROOT / room, scratch / room, ignore=others))


def _signature() -> Any:
    """One row is a recording: `time_s` with either `keypoints` (N x 17 x 3) or `frames` (pictures in base64)."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, Array, Map, Object, Property

    number, text, whole = DataType.double, DataType.string, DataType.long
    rep = Object([Property("action", text), *(Property(n, number) for n in ("start_s", "end_s", "counted_at_s"))])
    segment = Object([Property("action", text), Property("start_s", number), Property("end_s", number),
                      Property("reps", whole)])  # fmt: skip
    taken = Schema([
        ColSpec(Array(number), "time_s"),
        # Of known types inside, MLflow would look at each of the 17 joints of a moment with pandas: seconds a request.
        ColSpec(Array(AnyType()), "keypoints", required=False),
        ColSpec(Array(text), "frames", required=False),
    ])  # fmt: skip
    given = Schema([
        ColSpec(text, "action", required=False), ColSpec(number, "confidence"),
        ColSpec(number, "phase", required=False), ColSpec(text, "state"), ColSpec(Map(whole), "totals"),
        ColSpec(Map(number), "holds"), ColSpec(Array(segment), "segments"), ColSpec(Array(rep), "reps"),
        ColSpec(whole, "frames"), ColSpec(number, "duration_s"),
    ])  # fmt: skip
    return ModelSignature(inputs=taken, outputs=given)
