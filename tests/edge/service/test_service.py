"""The service as a client meets it: pictures, sequences and jobs, each answered as `run` would count."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from configs.schema import Counting
from configs.serving import Serve
from edge.run import load_settings, run
from edge.service.work import Work
from edge.sources import open_source
from edge.web.access import load_token
from keypoints.yolo import YoloPose
from tests.edge.browsing import eventually

from .conftest import Api, serving
from .evil import IMAGE, JOBS, SEQUENCE, picture, png, sequence, video


def counted(source: Path, tmp_path: Path, *overrides: str) -> dict[str, Any]:
    """What `repsight run SOURCE --json` writes."""
    settings, counting = load_settings(overrides=[f"source={source}", "screen=none", "log=none", *overrides])
    run(settings, counting, json_file=tmp_path / "run.json")
    report: dict[str, Any] = json.loads((tmp_path / "run.json").read_text())
    return report


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether two reports say the same of what was done; times, names and folders aside."""
    keys = ("frames", "duration_s", "totals", "holds", "segments", "reps", "steps")
    return set(ours) == set(theirs) and all(ours[key] == theirs[key] for key in keys)


def test_a_picture_is_answered_with_everybody_in_it(api: Api, person: bytes) -> None:
    answer = api.ask(IMAGE, body=person, content_type="image/jpeg")
    assert answer.status == 200, answer.body
    found = answer.content
    wanted = YoloPose(threads=1).estimate(cv2.imdecode(np.frombuffer(person, np.uint8), cv2.IMREAD_COLOR))
    assert found["size"] == [640, 360]
    assert len(found["poses"]) == sum(pose.score >= 0.25 for pose in wanted) == 1
    assert found["poses"][0]["keypoints"] == pytest.approx(wanted[0].keypoints.round(3), abs=0.06)
    assert found["latency_ms"] > 0


def test_a_sequence_is_counted_as_run_counts_it(
    api: Api, squats: Callable[[int], Path], tiny_head: Path, tmp_path: Path
) -> None:
    path = squats(3)
    answer = api.ask(f"{SEQUENCE}?name=mine.npz", body=path.read_bytes())
    assert answer.status == 200, answer.body
    assert same(answer.content, counted(path, tmp_path, f"head={tiny_head}"))
    assert answer.content["totals"] == {"squat": 3}
    assert answer.content["source"] == "mine.npz"
    assert "/" not in answer.content["models"]["head"]["path"]


def test_a_job_tells_how_far_it_is_and_gives_every_reading(api: Api, squats: Callable[[int], Path]) -> None:
    path = squats(4)
    added = api.ask(f"{JOBS}?name=four%20squats.npz", body=path.read_bytes())
    assert added.status == 202
    job = added.content
    assert added.headers["location"] == f"{JOBS}/{job['id']}"
    lines = api.ask(f"{JOBS}/{job['id']}/readings")  # until it ends
    assert lines.headers["content-type"] == "application/x-ndjson"
    readings = [json.loads(line) for line in lines.body.splitlines()]
    done = api.ended(job["id"])
    assert done == {
        **done,
        "state": "done",
        "progress": 1.0,
        "position": None,
        "error": None,
        "name": "four squats.npz",
    }
    result = api.ask(f"{JOBS}/{job['id']}/result").content
    assert result["frames"] == done["frames"]
    assert len(readings) - result["frames"] in (0, 1), "the end may count once more"
    assert sum(len(reading["new_reps"]) for reading in readings) == result["totals"]["squat"] == 4
    assert readings[10]["size"] == [640, 480]
    assert len(readings[10]["keypoints"]) == 17
    assert api.ask(f"{JOBS}/{job['id']}/readings").body == lines.body, "also later, and from the first one on"


def test_a_job_is_left_off_between_two_frames(tmp_path: Path, tiny_head: Path) -> None:
    path = tmp_path / "long.npz"
    path.write_bytes(long_sequence())
    settings = Serve(head=str(tiny_head))
    work = Work(settings.run, Counting(), settings.limits, 0.25)
    told: list[int] = []
    done = work.count(path, "long", None, lambda frames, share, written: told.append(frames), lambda: True)
    assert done["report"]["frames"] == told[-1] == 1


@pytest.mark.slow
def test_a_video_is_counted_as_run_counts_it(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with open_source("demo") as demo:
        writer = cv2.VideoWriter(str(clip), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25, (640, 360))
        for frame in demo:
            if frame.time_s >= 8:
                break
            writer.write(cv2.resize(frame.image, (640, 360)))  # type: ignore[union-attr]
        writer.release()
    with serving(tmp_path) as api:
        answer = api.ask(JOBS, body=clip.read_bytes())
        assert answer.status == 202, answer.body
        job = api.ended(answer.content["id"])
        assert job["state"] == "done", job
        result = api.ask(f"{JOBS}/{job['id']}/result").content
    assert result["totals"]["squat"] >= 1
    assert same(result, counted(clip, tmp_path))


def test_before_it_is_done_a_job_has_no_result_and_can_be_left_off(api: Api, squats: Callable[[int], Path]) -> None:
    first = api.ask(JOBS, body=long_sequence()).content["id"]
    second = api.ask(JOBS, body=squats(2).read_bytes()).content
    assert second["position"] == 1
    early = api.ask(f"{JOBS}/{second['id']}/result")
    assert early.status == 409
    assert "queued" in early.content["detail"]
    assert api.ask(f"{JOBS}/{first}", "DELETE").status == 204
    assert api.ask(f"{JOBS}/{first}").status == 404
    assert api.ended(second["id"])["state"] == "done", "the next one gets its turn"
    assert not (api.uploads / first).exists()
    assert api.ask(f"{JOBS}/{first}", "DELETE").status == 404


def test_a_job_that_can_not_be_left_off_loses_its_process(api: Api, squats: Callable[[int], Path]) -> None:
    first = api.ask(JOBS, body=long_sequence()).content["id"]
    assert eventually(lambda: api.ask(f"{JOBS}/{first}").content["frames"] > 0)
    os.kill(api.pid("jobs-0"), signal.SIGSTOP)
    assert api.ask(f"{JOBS}/{first}", "DELETE").status == 204
    second = api.ask(JOBS, body=squats(2).read_bytes()).content
    assert api.ended(second["id"])["state"] == "done", "the next one gets its turn, in another process"
    assert api.metrics()['repsight_worker_ends_total{pool="jobs",why="stopped"}'] == 1


def test_it_is_healthy_and_ready_and_says_what_it_has_done(api: Api) -> None:
    assert api.ask("/health").content == {"status": "ok"}
    assert api.ask("/ready").content == {"status": "ready"}
    api.ask(IMAGE, body=picture())
    answer = api.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = api.metrics()
    assert values['repsight_requests_total{method="POST",route="/api/image",status="200"}'] >= 1
    assert values['repsight_request_seconds_bucket{route="/api/image",le="+Inf"}'] >= 1
    assert values['repsight_workers_ready{pool="answers"}'] == 2
    assert values['repsight_resident_bytes{process="answers-0"}'] > 1e7
    api.ask("/api/jobs/one/result"), api.ask("/api/jobs/other/result"), api.ask("/a/b/c")
    assert not [name for name in api.metrics() if "other/result" in name], "what a client makes up is no label"


@pytest.mark.slow
def test_a_worker_that_dies_or_hangs_is_replaced(tmp_path: Path, tiny_head: Path) -> None:
    with (
        serving(tmp_path, f"head={tiny_head}", "limits.answer_s=4", "limits.waiting=1") as api,
        ThreadPoolExecutor(3) as threads,
    ):
        os.kill(api.pid("jobs-0"), signal.SIGKILL)
        assert eventually(lambda: api.ask("/ready").status == 503), "while no job could begin"
        answers = [api.pid(f"answers-{worker}") for worker in (0, 1)]
        for worker in answers:
            os.kill(worker, signal.SIGSTOP)
        asked = [threads.submit(api.ask, IMAGE, body=picture()) for _ in range(3)]
        assert eventually(lambda: api.metrics()["repsight_work_pending"] == 3)
        full = api.ask(IMAGE, body=picture())
        assert (full.status, full.headers["retry-after"]) == (503, "2")
        for worker in answers:
            os.kill(worker, signal.SIGKILL)
        assert [one.result().status for one in asked] == [200] * 3, "it was not the fault of the picture"
        assert eventually(lambda: api.metrics()['repsight_workers_ready{pool="answers"}'] == 2, 60)
        for worker in (0, 1):
            os.kill(api.pid(f"answers-{worker}"), signal.SIGSTOP)
        slow = api.ask(IMAGE, body=picture())
        assert slow.status == 413
        assert "longer than the 4 s" in slow.content["detail"]
        api.until_ready()
        assert api.ask(SEQUENCE, body=sequence()).status in (200, 413), "the other one still stood still"
        assert api.ask(IMAGE, body=picture()).status == 200
        assert api.metrics()['repsight_worker_ends_total{pool="answers",why="slow"}'] >= 1


def test_work_has_a_memory_limit_and_jobs_a_queue_and_old_ones_are_forgotten(tmp_path: Path, tiny_head: Path) -> None:
    limits = ["limits.queued=1", "limits.kept=1", "limits.kept_s=1", "limits.memory_mb=64", "limits.megapixels=100",
              "limits.requests=3"]  # fmt: skip
    with serving(tmp_path, f"head={tiny_head}", *limits) as api:
        with ExitStack() as crowd:
            for _ in range(3):
                client = crowd.enter_context(socket.create_connection(("127.0.0.1", api.port)))
                client.sendall(f"POST {IMAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n".encode())
            assert eventually(lambda: api.ask(SEQUENCE, body=sequence()).status == 503)
            assert api.ask("/health").status == 200, "who watches over it is always answered"
        assert eventually(lambda: api.ask(f"{JOBS}/none").status == 404)
        heavy = api.ask(IMAGE, body=png(6000, 6000, whole=True))
        assert (heavy.status, "memory" in heavy.content["detail"]) == (413, True)
        about = Path(f"/proc/{api.pid('jobs-0')}/limits").read_text()
        assert re.search(r"Max address space +\d+ +\d+", about), "of all its work, not of pictures alone"
        assert re.search(r"Max core file size +0 +0", about)
        os.kill(api.pid("jobs-0"), signal.SIGSTOP)
        jobs = [api.ask(JOBS, body=sequence()) for _ in range(3)]
        assert [job.status for job in jobs] == [202, 202, 503]
        assert int(jobs[2].headers["retry-after"]) > 0
        os.kill(api.pid("jobs-0"), signal.SIGCONT)
        assert eventually(lambda: api.ask(f"{JOBS}/{jobs[1].content['id']}").status == 404)
        assert eventually(lambda: not [path for path in api.uploads.iterdir() if path.is_dir()])


def test_one_slow_client_never_stalls_another(api: Api, squats: Callable[[int], Path]) -> None:
    job = api.ask(JOBS, body=long_sequence()).content["id"]
    slow = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(8)]
    data = picture()
    for client in slow[:4]:  # each of these sends a byte now and then
        client.sendall(f"POST {IMAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode())
        client.sendall(data[:1])
    for client in slow[4:]:  # and these never read what they asked for
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.sendall(f"GET {JOBS}/{job}/readings HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        for i in range(10):
            for client in slow[:4]:
                client.sendall(data[1 + i : 2 + i])
            assert api.ask(IMAGE, body=data).status == 200
        assert api.ask(SEQUENCE, body=squats(2).read_bytes()).status == 200
        assert api.ended(job)["state"] == "done"
        assert len(api.ask(f"{JOBS}/{job}/readings").body.splitlines()) > 5000, "another reader has every line"
    finally:
        for client in slow:
            client.close()


def test_on_a_network_a_body_without_the_token_too_slow_or_without_room_is_refused(
    tmp_path: Path, tiny_head: Path
) -> None:
    settings = ["host=0.0.0.0", "patience_s=1", "limits.disk_mb=0.3", "limits.image_mb=1"]
    with serving(tmp_path, f"head={tiny_head}", *settings) as api:
        for path in ("/metrics", "/api/openapi.json", "/api/jobs/x"):
            answer = api.ask(path)
            assert answer.status == 401 and answer.content == {"detail": "no token"}
        assert api.ask(IMAGE, body=picture()).status == 401
        assert api.ask("/health").status == api.ask("/ready").status == 200
        with pytest.raises(InvalidStatus), connect(api.live):
            pass
        token = f"Bearer {load_token()[0]}"
        assert api.ask(IMAGE, body=picture(), authorization=token).status == 200
        full = api.ask(IMAGE, body=picture(size=(800, 600)), authorization=token)
        assert (full.status, "no room" in full.content["detail"]) == (503, True)
        assert [_trickled(api.port, token, trickle) for trickle in (True, False)] == [408, 408]
        assert not list(api.uploads.glob("upload-*"))


def _trickled(port: int, token: str, trickle: bool) -> int:
    """The status for a body of which a byte comes now and then, or none any more."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        head = f"POST {JOBS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Length: 100000\r\n\r\n"
        client.sendall(head.encode() + video()[:100])
        client.settimeout(0.2)
        for _ in range(100):
            try:
                return int(client.recv(65536).split()[1])
            except TimeoutError:
                if trickle:
                    client.sendall(b"x")
    return 0


def long_sequence() -> bytes:
    """So much that it is still being counted when the next request comes."""
    return sequence(frames=6000, rate_hz=120.0)
