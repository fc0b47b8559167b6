"""People with the console open, in a process of their own: each watches the stream and asks for what their page shows.

    python -m bench.viewers URL TOKEN SECONDS [PATH@EVERY_S[,PATH@EVERY_S]]...

One argument for each of them, empty for whom the stream is enough. Prints one line of JSON: how many pages were answered, how many pictures were seen, and the pages' median time.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence

import aiohttp


async def main(url: str, token: str, seconds: float, viewers: Sequence[str]) -> None:
    """Look for so long."""
    taken: list[float] = []
    pictures = [0] * len(viewers)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(
        f"{url}/api/v1/", headers=headers, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        tasks = [asyncio.create_task(_watch(session, pictures, n)) for n in range(len(viewers))]
        asked = [one.rsplit("@", 1) for viewer in viewers for one in viewer.split(",") if one]
        starts = [n / len(asked) for n in range(len(asked))]
        tasks += [
            asyncio.create_task(_page(session, path.lstrip("/"), float(every_s), start, taken))
            for (path, every_s), start in zip(asked, starts, strict=True)
        ]
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        failed = [one for one in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(one, Exception)]
    if failed:
        raise failed[0]
    print(json.dumps({"pages": len(taken), "pictures": sum(pictures), "page_ms": 1000 * statistics.median(taken)}))


async def _watch(session: aiohttp.ClientSession, pictures: list[int], viewer: int) -> None:
    async with session.get("stream", timeout=aiohttp.ClientTimeout(total=None)) as answer:
        answer.raise_for_status()
        async for piece in answer.content.iter_any():
            pictures[viewer] += piece.count(b"event: overview\n")


async def _page(session: aiohttp.ClientSession, path: str, every_s: float, start: float, taken: list[float]) -> None:
    await asyncio.sleep(every_s * start)
    while True:
        begun = time.perf_counter()
        async with session.get(path) as answer:
            answer.raise_for_status()
            await answer.read()
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(every_s)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]))
