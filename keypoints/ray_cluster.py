"""A Ray cluster for the length of a job: joined where there is one, else made here; quiet, and gone after it."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from keypoints.errors import InputError, MissingExtraError
from keypoints.silence import native_silence

#: Seconds that a cluster has to take a connection, and again to answer.
ANSWER_S = 5.0

#: For Ray, before it is imported: it tells its makers nothing, its log goes to files, not to the terminal.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # as local workers; at its 15 they starve where anything else runs
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
}


def import_ray() -> Any:
    """The package. Raises MissingExtraError without it."""
    os.environ.update({name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()})
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ModuleNotFoundError:
        raise MissingExtraError("needs Ray, which is not installed", field="ray",
                                hint="pip install '.[ray]', or --engine local") from None  # fmt: skip
    return ray


@contextmanager
def cluster(workers: int, address: str | None = None) -> Iterator[Any]:
    """The package `ray`, connected: to the cluster at `address` (HOST:PORT; or auto: the one that `ray start` has made
    on this machine), else to one of so many CPUs that is made here, without a dashboard, and ends with the context.

    Raises MissingExtraError without Ray, InputError for a cluster that does not answer.
    """
    ray = import_ray()
    if address is not None:
        address = check_address(address)
    folder = None if address else tempfile.mkdtemp(prefix="repsight-ray-")
    if folder is not None:
        _bring_token()
    own = {"num_cpus": workers, "include_dashboard": False, "_temp_dir": folder} if folder else {}
    try:
        with _silence(), _same_sigterm():
            try:
                with native_silence(), _importable():
                    ray.init(address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **own)
            except Exception as error:  # noqa: BLE001 - it is just that, when a node does not start within 30 s
                reason = str(error).strip().partition("\n")[0]
                what = "no Ray cluster to be joined" if address else "Ray can't be started here"
                ray.shutdown()
                raise InputError(f"{what}: {reason}", field="address", found=address,
                                 hint="RAY_AUTH_MODE=token in the environment, if it asks for its token"
                                 if address else None) from None  # fmt: skip
            hush("ray")
            try:
                yield ray
            finally:
                ray.shutdown()  # it tells what it has held back, so this is to be silent, too
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _bring_token() -> None:
    """Who connects to a cluster of ours has to know a token. Of a user who has none Ray would leave one at home."""
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if not named and not (Path.home() / ".ray" / "auth_token").exists():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # for this process, whose Ray reads it once


@contextmanager
def _same_sigterm() -> Iterator[None]:
    """Afterwards SIGTERM does what it did before: Ray leaves a handler of its own behind."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _importable() -> Iterator[None]:
    """What is started meanwhile finds this project where this process did.

    Of how to find it Ray tells its workers the folder of the driver's script alone: started in another way, as
    `python -m pytest` is, they would find none, or another copy.
    """
    before, root = os.environ.get("PYTHONPATH"), str(Path(__file__).parents[1])
    if root != sysconfig.get_path("purelib"):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, before)))
    try:
        yield
    finally:
        if before is not None:
            os.environ["PYTHONPATH"] = before
        else:
            os.environ.pop("PYTHONPATH", None)


def hush(name: str) -> None:
    """Keep a logger off the terminal; to be called after its package, which sets its own level, is imported."""
    logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def _silence() -> Iterator[None]:
    """Ray prints the deaths of its workers to stdout, past every log level; what is to be said of them, we say."""
    sys.stdout.flush()
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_address(address: str) -> str:
    """HOST:PORT that is meant. Raises InputError, within seconds, when nothing there answers as a Ray cluster does.

    Ray itself waits for a minute and more, and may then end the process. Its head speaks HTTP/2, so whoever does not
    answer that protocol's greeting with SETTINGS (RFC 9113, 3.4) is none.
    """
    if address == "auto":
        address = _started_here()
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise InputError("not the address of a Ray cluster", field="address", expected="HOST:PORT or auto",
                         found=address)  # fmt: skip
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_S) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0":  # which the greeting would have to be wrapped in
                return address
            connection.settimeout(ANSWER_S)
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
            answer = connection.recv(9)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _silent(address, reason) from None
    if len(answer) < 4 or answer[3] != 4:
        raise _silent(address, "what listens there is no Ray head")
    return address


def _started_here() -> str:
    """The address of the cluster that `ray start` has made last. Ray's own `auto` takes any that it sees running, such
    as one that another command has made for itself, and waits without end for one that has just gone."""
    place = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # as Ray looks for it
    named = os.environ.get("RAY_ADDRESS", "auto")
    if named not in ("", "auto"):
        return named
    try:
        return Path(place, "ray", "ray_current_cluster").read_text().strip()
    except OSError:
        raise InputError("no Ray cluster was started on this machine", field="address", found="auto",
                         hint="`ray start --head` starts one; or give HOST:PORT, or no address") from None  # fmt: skip


def _silent(address: str, reason: str) -> InputError:
    return InputError(f"no Ray cluster answers: {reason}", field="address", found=address,
                      hint="is it running (`ray status`), and is this the port of its head, such as 6379?")  # fmt: skip
