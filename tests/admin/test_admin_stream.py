"""The stream of events: one poll for all who watch, the latest picture at once, trouble told, nobody held at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outdial.admin import stream
from outdial.admin.server import more_s
from outdial.admin.stream import Stream, TooManyOfOne, TooManyViewers
from outdial.errors import DatabaseUnavailable
from tests.admin.asking import OPERATOR, VIEWER, Api


class Picture:
    """What is looked at: numbers that go up only when told to."""

    def __init__(self) -> None:
        self.looks, self.value = 0, 1
        self.error: Exception | None = None

    async def look(self) -> dict[str, int]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return {"value": self.value}


async def following(watching: AsyncIterator[bytes]) -> Any:
    message = (await asyncio.wait_for(anext(watching), 5)).decode()
    head, _, data = message.strip().partition("\n")
    return head.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_all_viewers_see_the_same_poll_and_only_what_differs() -> None:
    picture = Picture()
    watched = Stream(picture.look, every_s=0)
    first, second = watched.watch(), watched.watch()
    assert await following(first) == ("overview", {"value": 1})
    assert await following(second) == ("overview", {"value": 1})
    picture.value = 2
    assert await following(first) == ("overview", {"value": 2})
    assert await following(second) == ("overview", {"value": 2})
    await first.aclose()  # type: ignore[attr-defined]  # it is a generator
    await second.aclose()  # type: ignore[attr-defined]  # it is a generator
    await asyncio.sleep(0)
    looks = picture.looks
    for _ in range(20):
        await asyncio.sleep(0)
    assert picture.looks == looks


@pytest.mark.parametrize(("campaigns", "more"), [(0, 0.0), (20, 1.0), (100, 5.0), (1_000, 10.0)])
def test_pictures_of_many_campaigns_are_taken_more_seldom(campaigns: int, more: float) -> None:
    assert more_s({"campaigns": [{}] * campaigns}) == pytest.approx(more)


async def test_the_next_picture_waits_so_much_longer() -> None:
    picture = Picture()
    watching = Stream(picture.look, every_s=0, more_s=lambda data: 3_600.0 if data["value"] == 1 else 0.0).watch()
    assert await following(watching) == ("overview", {"value": 1})
    picture.value = 2
    for _ in range(20):
        await asyncio.sleep(0)
    assert picture.looks == 1


async def test_a_slow_viewer_sees_the_latest() -> None:
    picture = Picture()
    watched = Stream(picture.look, every_s=0)
    slow, quick = watched.watch(), watched.watch()
    await following(slow)
    await following(quick)
    for value in (2, 3, 4):
        picture.value = value
        assert await following(quick) == ("overview", {"value": value})
    assert await following(slow) == ("overview", {"value": 4})


async def test_trouble_is_told_and_the_picture_comes_back() -> None:
    picture = Picture()
    picture.error = DatabaseUnavailable("gone")
    watching = Stream(picture.look, every_s=0).watch()
    assert await following(watching) == ("trouble", {"code": "database_unavailable"})
    picture.error = None
    assert await following(watching) == ("overview", {"value": 1})


async def test_nothing_new_is_said_too_so_that_no_proxy_closes() -> None:
    watching = Stream(Picture().look, every_s=60).watch(keep_alive_s=0.01)
    await following(watching)
    assert await asyncio.wait_for(anext(watching), 5) == b": nothing new\n\n"


async def test_closing_lets_everybody_go() -> None:
    watched = Stream(Picture().look, every_s=60)
    watching = watched.watch()
    await following(watching)
    watched.close()
    assert (await following(watching))[0] == "closing"
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(watching), 5)


async def test_too_many_viewers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_VIEWERS", 1)
    watched = Stream(Picture().look, every_s=60)
    one = watched.watch()
    await following(one)
    with pytest.raises(TooManyViewers):
        await anext(watched.watch())


async def test_one_token_may_not_watch_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_OF_ONE", 1)
    watched = Stream(Picture().look, every_s=60)
    one, another = watched.watch("vera"), watched.watch("olga")
    await following(one)
    await following(another)
    with pytest.raises(TooManyOfOne):
        await anext(watched.watch("vera"))
    await one.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert await following(watched.watch("vera")) == ("overview", {"value": 1})


async def test_a_picture_in_which_only_the_clock_moved_is_told_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture()
    watching = Stream(picture.look, lambda data: data["value"] // 10, every_s=0).watch()
    assert await following(watching) == ("overview", {"value": 1})
    looks, picture.value = picture.looks, 2
    while picture.looks < looks + 5:
        await asyncio.sleep(0)
    picture.value = 10
    assert await following(watching) == ("overview", {"value": 10})
    monkeypatch.setattr(stream, "STEADY_S", 0.0)
    picture.value = 11
    assert await following(watching) == ("overview", {"value": 11})


async def test_who_opens_streams_without_end_is_told_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_OF_ONE", 1)
    headers = {"Authorization": f"Bearer {VIEWER}"}
    async with api.session.get(f"{api.url}/api/v1/stream", headers=headers) as first:
        await first.content.readline()
        refused = await api.get("/stream")
        assert (refused.status, refused.body["code"]) == (429, "too_many_streams")
        assert "vera" in refused.body["detail"]
        assert int(refused.headers["Retry-After"]) > 0
        async with api.session.get(
            f"{api.url}/api/v1/stream", headers={"Authorization": f"Bearer {OPERATOR}"}
        ) as other:
            assert other.status == 200


async def test_over_http(api: Api) -> None:
    headers = {"Authorization": f"Bearer {VIEWER}"}
    async with api.session.get(f"{api.url}/api/v1/stream", headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readline() == b"event: overview\n"
        told = json.loads((await answer.content.readline()).removeprefix(b"data: "))
    assert {one["campaign"] for one in told["campaigns"]} == {"spring", "night"}
    assert (await api.get("/stream", None)).status == 401
