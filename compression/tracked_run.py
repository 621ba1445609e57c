"""A run in MLflow's store. A store that goes away in the middle costs one line, and never what is being made."""

from __future__ import annotations

import getpass
import hashlib
import json
import math
import os
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

from compression.served import SHIPPED, keep_quiet, log_pair
from compression.tracking import Untracked
from configs.tracking import Tracking
from keypoints.errors import InputError, MissingExtraError, without_password
from keypoints.files import whole

#: The store without any other word: beside everything else that commands write.
_STORE: Final = Path("runs/mlflow.db")

#: The number in a report that says where on the curve it is.
_STEPS: Final = ("epoch", "step", "windows")

#: What MLflow takes at once.
_PARAMS, _METRICS = 100, 1000

#: No minutes for a server that is not there.
_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}  # fmt: skip


class TrackedRun(Untracked):
    """A run in MLflow's store."""

    #: The runs of this process that have not ended.
    _open: ClassVar[set[str]] = set()

    def __init__(
        self,
        settings: Tracking,
        job: str,
        out: Path,
        params: Mapping[str, str],
        command: str,
        *,
        mark: Path | None,
        resume: bool,
        of_the_machine: Collection[str],
        say: Callable[[str], None],
    ) -> None:
        """See `compression.tracking.tracked`. params: flat."""
        self._client_class, self._troubles = _mlflow()
        self._settings, self._mark, self._say = settings, mark, say
        self._off, self._version = False, ""
        self._uri = address(settings.uri)
        self._place = without_password(self._uri)
        same = {name: value for name, value in params.items() if name not in of_the_machine}
        digest = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
        named = {"uri": self._place, "experiment": settings.experiment, "params_sha256": digest}
        tags = {
            "mlflow.source.name": command, "mlflow.source.type": "LOCAL", "mlflow.user": _user(), "repsight.job": job,
            "repsight.out": str(out), "repsight.host": socket.gethostname(), "repsight.pid": str(os.getpid()),
        }  # fmt: skip
        try:
            _open_file(self._uri)
            self._client = self._client_class(tracking_uri=self._uri, registry_uri=self._uri)
            self._experiment = self._open_experiment()
            self._bury()
            name = settings.run or f"{job} {out.stem}"
            before = self._taken_up(named) if resume else None
            self._id = before or str(self._client.create_run(self._experiment, tags=tags, run_name=name).info.run_id)
            if before:
                self._client.update_run(before, "RUNNING")
                for key, value in tags.items():
                    self._client.set_tag(before, key, value)
            else:
                self._log_params(params)  # once: a store keeps the first value of a setting, and takes no other
            self._open.add(self._id)
            if mark is not None:
                mark.parent.mkdir(parents=True, exist_ok=True)
                with whole(mark) as partial:
                    partial.write_text(json.dumps(named | {"run_id": self._id}))
        except self._troubles as error:
            raise InputError(f"can't be used for tracking: {_said(error)}", file=self._place, field="tracking.uri",
                             hint="mend that, or leave --track out") from None  # fmt: skip

    def report(self, metrics: Mapping[str, float]) -> None:
        key = next((name for name in _STEPS if name in metrics), None)
        step = round(metrics[key]) if key else 0
        self.figures({name: value for name, value in metrics.items() if name != key}, step)

    def figures(self, metrics: Mapping[str, float], step: int = 0) -> None:
        from mlflow.entities import Metric

        now_ms = round(time.time() * 1000)
        points = [Metric(_name(k), float(v), now_ms, step) for k, v in metrics.items() if math.isfinite(v)]
        for first in range(0, len(points), _METRICS):
            part = points[first : first + _METRICS]
            self._safely(lambda part=part: self._client.log_batch(self._id, metrics=part))  # type: ignore[misc]

    def keep(self, *files: Path, folder: str = "") -> None:
        for file in files:
            if file.is_file():
                self._safely(lambda file=file: self._client.log_artifact(self._id, str(file), folder or None))  # type: ignore[misc]

    def models(self, *, pose: Path | None = None, head: Path | None = None) -> None:
        name = self._settings.model
        if name is None:
            return
        pair = {"pose": pose or self._settings.pose or SHIPPED["pose"],
                "head": head or self._settings.head or SHIPPED["head"]}  # fmt: skip
        paths = {stage: Path(path) for stage, path in pair.items()}

        def log() -> None:
            version = log_pair(self._client, self._experiment, self._id, name, paths)
            self._version = f"; {name} version {version}"

        self._safely(log)

    def end(self, status: str) -> None:
        """The run is over: FINISHED, FAILED or KILLED."""
        self._open.discard(self._id)
        self._safely(lambda: self._client.set_terminated(self._id, status))
        if status == "FINISHED" and not self._off:
            if self._mark is not None:
                self._mark.unlink(missing_ok=True)
            self._say(f"tracked in {self._place}, experiment {self._settings.experiment}{self._version}")

    def _safely(self, work: Callable[[], object]) -> None:
        """Tell MLflow something; when it can't be told, say so once and be silent from then on."""
        if self._off:
            return
        try:
            work()
        except self._troubles as error:
            self._off = True
            self._say(f"warning: {self._place}: tracking ends here, the work goes on: {_said(error)}")

    def _open_experiment(self) -> str:
        name = self._settings.experiment
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifact_location=_artefacts(self._uri)))
        if found.lifecycle_stage != "active":
            raise InputError("was deleted", file=self._place, field="tracking.experiment", found=name,
                             hint="give another name, or `mlflow experiments restore`")  # fmt: skip
        return str(found.experiment_id)

    def _bury(self) -> None:
        """Runs of this machine whose process is gone were killed."""
        here = f"attributes.status = 'RUNNING' and tags.`repsight.host` = '{socket.gethostname()}'"
        for run in self._client.search_runs([self._experiment], here):
            process = int(run.data.tags["repsight.pid"])
            # In a container each command may have the same number.
            alive = run.info.run_id in self._open if process == os.getpid() else _alive(process)
            if not alive:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _taken_up(self, named: Mapping[str, str]) -> str | None:
        """The run that the mark remembers, if it is one of the same settings in the same place."""
        try:
            content = json.loads(self._mark.read_text()) if self._mark is not None else {}
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict) or any(content.get(key) != value for key, value in named.items()):
            return None
        run_id = str(content.get("run_id"))
        known = self._client.search_runs([self._experiment], f"attributes.run_id = '{run_id}'")
        return run_id if known else None

    def _log_params(self, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        every = [Param(_name(name), value) for name, value in params.items()]
        for first in range(0, len(every), _PARAMS):
            self._client.log_batch(self._id, params=every[first : first + _PARAMS])


def address(uri: str | None) -> str:
    """The store that is meant, as MLflow names it: a path is that of an SQLite file."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or str(_STORE)
    return uri if "://" in uri or uri == "databricks" else f"sqlite:///{Path(uri).resolve()}"


def _mlflow() -> tuple[Any, tuple[type[Exception], ...]]:
    """MLflow's client, and all that goes wrong with a store that does not answer or is full."""
    keep_quiet()
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"needs MLflow ({error.name} is not installed)", field="--track",
                                hint="pip install '.[mlflow]'") from None  # fmt: skip
    # Of a server that answers nonsense anything of these may come; none may cost the work.
    troubles: list[type[Exception]] = [
        MlflowException, OSError, ValueError, RuntimeError, LookupError, TypeError, sqlite3.Error,
    ]  # fmt: skip
    for module, names in (("botocore.exceptions", ("BotoCoreError", "ClientError")),
                          ("boto3.exceptions", ("Boto3Error",)), ("sqlalchemy.exc", ("SQLAlchemyError",))):  # fmt: skip
        try:
            troubles += [getattr(import_module(module), name) for name in names]
        except ModuleNotFoundError:  # a store of that kind can't be used anyway
            continue
    return MlflowClient, tuple(troubles)


def _sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite store."""
    parts = urlsplit(uri)
    if parts.scheme.partition("+")[0] != "sqlite":
        return None
    return Path(unquote(parts.path).removeprefix("/")).resolve()


def _open_file(uri: str) -> None:
    """Make the folder that the file of an SQLite store needs, and see whether it is one that can be written.

    MLflow itself would try for two minutes. Raises OSError or sqlite3.Error.
    """
    file = _sqlite_file(uri)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=10)) as database:
            database.execute("BEGIN IMMEDIATE")


def _artefacts(uri: str) -> str | None:
    """Where files are kept: beside the file of an SQLite store; None: where the server keeps them."""
    file = _sqlite_file(uri)
    return None if file is None else (file.parent / "mlartifacts").as_uri()


def _name(text: str) -> str:
    """A name that MLflow takes for a setting or a curve."""
    parts = re.sub(r"[^\w\-. /:]", "_", text).split("/")
    return "/".join(part for part in parts if part.strip("."))[:250]


def _alive(process: int) -> bool:
    """Whether a process of that number runs beside this one."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _said(error: Exception) -> str:
    """What went wrong, in one line of reasonable length."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return "the server does not answer" if "Max retries exceeded" in line else line[:300]
