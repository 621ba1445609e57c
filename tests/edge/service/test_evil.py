"""Files that are not what they say: each is refused with its status and one line, and the service lives on."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Api
from .evil import FILES, IMAGE, JOBS, Evil, objects, picture, video


@pytest.mark.parametrize("evil", FILES, ids=lambda evil: evil.name.replace(" ", "-"))
def test_a_file_that_lies_is_refused_and_the_next_good_one_is_answered(api: Api, evil: Evil) -> None:
    answer = api.ask(evil.path, body=evil.make())
    line = answer.content["detail"]
    assert (answer.status, evil.says in line) == (evil.status, True), line
    assert "\n" not in line
    assert str(api.folder) not in line, "no path of this machine is told"
    good = api.ask(IMAGE, body=picture())
    assert good.status == 200, good.body


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..%2F..%2Fetc%2Fpasswd", "a%00.mp4", "..%5Cx", "x%0Ay", "a" * 300]
)
def test_a_name_that_is_a_path_is_refused(api: Api, name: str) -> None:
    answer = api.ask(f"{JOBS}?name={name}", body=video())
    assert answer.status == 422
    assert answer.content["detail"] in (
        "query.name: a character that may not be in it",
        "query.name: String should have at most 200 characters",
    )


def test_a_name_in_another_header_is_not_even_read(api: Api) -> None:
    path = "attachment; filename=../../../../tmp/repsight-was-here.mp4"
    answer = api.ask(JOBS, body=video(), content_disposition=path)
    assert answer.status == 202
    assert api.ended(answer.content["id"])["state"] == "done"
    assert not Path("/tmp/repsight-was-here.mp4").exists()


def test_nothing_is_ever_unpickled(api: Api) -> None:
    mark = Path("/tmp/repsight-was-here")
    mark.unlink(missing_ok=True)
    for path in ("/api/sequence", JOBS):
        assert api.ask(path, body=objects()).status == 400
    assert not mark.exists()


@pytest.mark.parametrize("number", ["..", "../../health", "%2e%2e%2f%2e%2e", "a" * 65, "no-such-job", "%00"])
def test_the_number_of_a_job_is_never_a_path(api: Api, number: str) -> None:
    for path in (f"{JOBS}/{number}", f"{JOBS}/{number}/result", f"{JOBS}/{number}/readings"):
        assert api.ask(path).status in (404, 422)


def test_a_film_that_ends_early_has_failed_and_says_so(api: Api) -> None:
    whole = video("MJPG", ".avi", frames=100)
    added = api.ask(JOBS, body=whole[: len(whole) // 2])
    assert added.status == 202, added.body
    job = api.ended(added.content["id"])
    assert job["state"] == "failed"
    assert "ends early" in job["error"]
    result = api.ask(f"{JOBS}/{job['id']}/result")
    assert result.status == 200
    assert 0 < result.content["frames"] < 100
