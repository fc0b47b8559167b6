"""The demo's data left standing for people to look at: the admin port, and now and then another call."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from outdial.admin.opening import AdminOptions, open_admin

if TYPE_CHECKING:
    from outdial.app import App

ANOTHER_CALL_S = 1.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where to look, and with what."""

    url: str
    operator: str
    viewer: str

    @property
    def words(self) -> str:
        """For a person."""
        return "\n".join(
            [
                f"  console:    {self.url}/  (admin API below {self.url}/api/v1)",
                f"  tokens:     operator {self.operator}",
                f"              viewer   {self.viewer}  (may look only, contacts masked)",
            ]
        )


@contextlib.asynccontextmanager
async def served(app: App, port: int) -> AsyncIterator[Served]:
    """The admin port of this replica, with tokens made for this run. `port` 0 = any free one."""
    operator, viewer = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    tokens = f"operator operator+contacts {operator}\nviewer viewer {viewer}\n"
    options = AdminOptions("127.0.0.1", port, "demo", requests_per_second=100.0, spam_threshold=0.75)
    admin = open_admin(options, lambda: app.pool, lambda: app.transport.publisher, lambda _: SecretStr(tokens))
    async with admin:
        yield Served(admin.url, operator, viewer)


async def until_told_to_stop(another_call: Callable[[], Awaitable[None]]) -> None:
    """Another call each second, until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set():
        await another_call()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), ANOTHER_CALL_S)
