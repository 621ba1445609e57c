"""A real S3 server on localhost with a way to it that can be broken, and what is published there."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from configs.publishing import Publish
from configs.s3 import S3
from edge.fetch import fetch
from edge.publish import Published, publish
from edge.publish_format import Pointer, parse

Fault = Callable[[str, str, bytes], "bytes | tuple[int, str]"]


class Proxy:
    """What is between a client and the server. fault: given method, path and body, the body that goes on to the
    server, or the status and S3 code (or page) that the client gets instead. stall: a part of a path; of the first
    body for it only half is read, until the client is gone, and that half goes on to the server."""

    def __init__(self, port: int) -> None:
        self.fault: Fault = lambda method, path, body: body
        self.stall: str | None = None
        self.stalled, self.passed = threading.Event(), threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                if self.command == "PUT" and proxy.stall and proxy.stall in self.path:
                    proxy.stall = None
                    body = self.rfile.read(size // 2)
                    proxy.stalled.set()
                    while self.rfile.read(1 << 16):
                        pass
                    self._ask(body)
                    proxy.passed.set()
                    return
                found = proxy.fault(self.command, self.path, self.rfile.read(size))
                if isinstance(found, tuple):
                    status, said = found
                    error = f"<Error><Code>{said}</Code><Message>secret!</Message></Error>"
                    headers: list[tuple[str, str]] = []
                    content = (said if said.startswith("<") else error).encode()
                else:
                    status, headers, content = self._ask(found)
                    if self.command == "GET":
                        again = proxy.fault("ANSWER", self.path, content)
                        assert isinstance(again, bytes)
                        content = again
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = _pass  # noqa: N815

            def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                onward = http.client.HTTPConnection("127.0.0.1", port)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("content-length", "expect")}
                onward.request(self.command, self.path, body or None, headers | {"Content-Length": str(len(body))})
                answer = onward.getresponse()
                try:
                    return answer.status, answer.getheaders(), answer.read()
                finally:
                    onward.close()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Store:
    """A bucket `models` on the server, and a way to it that can be broken."""

    def __init__(self, port: int, proxy: Proxy) -> None:
        self.url, self.proxy = f"http://127.0.0.1:{port}", proxy
        boto3, config = pytest.importorskip("boto3"), pytest.importorskip("botocore.config")
        unchecked = config.Config(response_checksum_validation="when_required")  # what is cut is to be seen as it is
        self.client = boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", config=unchecked)

    def content(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket="models").get("Contents", [])
        return {o["Key"]: self.client.get_object(Bucket="models", Key=o["Key"])["Body"].read() for o in listed}

    def cut(self, part: str, times: int = 99) -> list[str]:
        """Let half of what is put to keys with this part arrive, so many times; returns where, as it happens."""
        cuts: list[str] = []

        def fault(method: str, path: str, body: bytes) -> bytes:
            if method == "PUT" and part in path and len(cuts) < times:
                cuts.append(path)
                return body[: len(body) // 2]
            return body

        self.proxy.fault = fault
        return cuts

    def latest(self) -> str:
        return parse(Pointer, self.content()["tiny/latest.json"], "").version


def post(server: str, path: str, body: bytes = b"") -> None:
    """Set the server itself."""
    connection = http.client.HTTPConnection(server.removeprefix("http://"))
    connection.request("POST", path, body)
    assert connection.getresponse().read()
    connection.close()


def report_of(head: Path, exact: float = 0.9, **changes: Any) -> Path:
    """What `evaluate` writes, as far as a gate looks at it: the head on two sets, and another head that is worse."""
    digest = hashlib.sha256(head.read_bytes()).hexdigest()
    good = {"counts": {"exact": {"value": exact, "low": 0.5, "high": 1.0}, "mae": {"value": 0.1}}, "ghosts": None}
    results = [{"head": 1, "set": 0, **good}, {"head": 1, "set": 1, "counts": None, "ghosts": {"per_min": 0.2}},
               {"head": 0, "set": 0, "counts": {"exact": {"value": 0.0}}}]  # fmt: skip
    heads = [{"file": "other.onnx", "sha256": "0" * 64}, {"file": "head.onnx", "sha256": digest}]
    content = {"format": 1, "heads": heads, "sets": [{"name": "clips"}, {"name": "rest"}],
               "results": results, **changes}  # fmt: skip
    path = head.with_name("judged.json")
    path.write_text(json.dumps(content))
    return path


def settings(store: Store, **changes: Any) -> Publish:
    wanted = [{"metric": "counts.exact", "at_least": 0.8}, {"metric": "ghosts.per_min", "at_most": 0.5}]
    return Publish.model_validate({"bucket": "models", "endpoint": store.proxy.url, "conditions": wanted,
                                   "version": None, "timeout_s": 5, "attempts": 2, **changes})  # fmt: skip


def published(store: Store, head: Path, **changes: Any) -> Published:
    return publish(settings(store, **changes), [head], report_of(head))


def fetched(store: Store, url: str = "s3://models/tiny") -> Any:
    return fetch(url, "head", S3(endpoint=store.proxy.url, attempts=2, timeout_s=5))
