"""The demo's data left standing for people to look at: the admin port, and now and then another call."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from outdial.admin.opening import AdminOptions, open_admin
from outdial.embedded import demo_world

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


def outsiders_environment(database_url: str, broker: Mapping[str, str], free_port: int) -> str:
    """What to paste into another terminal, so that `outdial` there works on the demo. `free_port`: for the callbacks of
    a second replica."""
    variables = {
        "OUTDIAL_DATABASE__URL": database_url,
        **broker,
        "OUTDIAL_CALLBACKS__PORT": str(free_port),
        "OUTDIAL_CALLBACKS__PUBLIC_URL": f"http://127.0.0.1:{free_port}",
        **{demo_world.token_name(c.name): c.token for c in demo_world.CONNECTIONS},
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    without = "" if broker else "\n(jobs from outside need a real broker: make demo BROKER=rabbitmq ARGS=--serve)"
    return "\n".join(["\nTo work on it from another terminal, paste there:\n", *lines]) + without


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
