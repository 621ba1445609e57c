"""What every test gets: one thread, folders of its own instead of the user's, and the shared recordings, if any."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything heavy is imported, in this process and in those that tests start.
_HOME = Path(tempfile.mkdtemp(prefix="repsight-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_name] = "1"  # sums in one order, and no two tests that fight for the cores
os.environ.update(
    XDG_CACHE_HOME=str(_HOME / "cache"),
    XDG_DATA_HOME=str(_HOME / "data"),
    XDG_STATE_HOME=str(_HOME / "state"),
    XDG_CONFIG_HOME=str(_HOME / "config"),
    YOLO_CONFIG_DIR=str(_HOME / "ultralytics"),
    YOLO_OFFLINE="true",  # ultralytics: no update checks, no usage reports
    YOLO_AUTOINSTALL="false",
    YOLO_VERBOSE="false",
    MPLBACKEND="Agg",
    LC_ALL="C.UTF-8",  # screens speak English
)

# The same examples in every run, however slow the machine is at the moment.
settings.register_profile("repsight", derandomize=True, deadline=None, database=None, print_blob=False)
settings.load_profile("repsight")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The recordings and weights that lie beside the project; a test that needs them skips without."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder `shared` beside the project")
    return folder
