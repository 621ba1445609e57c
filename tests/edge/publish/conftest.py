"""An empty bucket for each test, and heads to publish."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest

from tests.edge.publish.store import Proxy, Store, post


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def store(port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "very-secret",
                        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none"),
                        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "NO_PROXY": "127.0.0.1",
                        "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    post(f"http://127.0.0.1:{port}", "/moto-api/reset")
    proxy = Proxy(port)
    store = Store(port, proxy)
    store.client.create_bucket(Bucket="models")
    yield store
    proxy.server.shutdown()
    proxy.server.server_close()


@pytest.fixture
def head(tiny_head: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a head whose card says a version; the bytes of two differ."""

    def make(version: str) -> Path:
        model = onnx.load(tiny_head)
        card = json.loads(model.metadata_props[0].value) | {"version": version, "trained_on": ["a | b", "<b>"]}
        onnx.helper.set_model_props(model, {"repsight": json.dumps(card)})
        path = tmp_path / version / "head.onnx"
        path.parent.mkdir(exist_ok=True)
        onnx.save(model, path)
        return path

    return make
