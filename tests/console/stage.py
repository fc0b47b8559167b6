"""What the console is looked at over: a replica that has dialled and goes on, its admin port, and things that went wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from pydantic import SecretStr

from outdial.admin.opening import AdminOptions, open_admin
from outdial.operator.suppress import suppress
from outdial.ports.messages import AttemptPublisher
from tests.admin.asking import TOKENS, no_broker
from tests.support.dialled import DIALS, FLAGGED, Dialled, dial_with
from tests.support.replica import Replica, replica

SCRIPT = "<img src=x onerror=\"document.title='broken into'\">"
"""What must stay text wherever somebody wrote it."""
UNWANTED = "+13125559999"
SPARE = """
[numbers.spare]
e164 = "+12025550109"
tenant = "acme"
connection = "line"
"""
_OPTIONS = AdminOptions("127.0.0.1", 0, "secret:admin_tokens", requests_per_second=1000.0, spam_threshold=0.75)


@dataclass(slots=True)
class Port:
    """An admin port whose tokens can be taken away. `url` has no slash at its end."""

    url: str
    tokens: list[str] = field(default_factory=lambda: [TOKENS])


@dataclass(slots=True)
class Stage:
    """The running system, and what was made of it."""

    port: Port
    one: Replica
    made: Dialled


@asynccontextmanager
async def admin_port(pool: asyncpg.Pool, publisher: AttemptPublisher | None = None) -> AsyncIterator[Port]:
    """An admin port on that database."""
    port = Port("")

    def attempts() -> AttemptPublisher:
        return publisher if publisher is not None else no_broker()

    async with open_admin(_OPTIONS, lambda: pool, attempts, lambda _: SecretStr(port.tokens[0])) as server:
        port.url = server.url.rstrip("/")
        yield port


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    """Dial on an empty, migrated database; about five seconds."""
    async with replica(url, DIALS) as one:
        made = await dial_with(one, url)
        await one.apply(SPARE)
        await one.pool.execute("update spam_reports set why = $1 where number = $2", SCRIPT, FLAGGED)
        for body in (b"{", json.dumps({"attempt_id": SCRIPT, "to": made.own_contact}).encode()):
            await one.raw(body)

        async def both() -> object:
            return await one.pool.fetchval("select true from dead_letters having count(*) >= 2")

        await one.until_found(both)
        await suppress(one.pool, "acme", [UNWANTED], who="olga", why="asked for it")
        async with admin_port(one.pool, one.app.transport.publisher) as port:
            yield Stage(port, one, made)
