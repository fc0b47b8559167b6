"""A database as operators know it after ten days: 100 campaigns of 20 tenants, 1,000 numbers on 50
connections, a million attempts.

Campaigns differ in size as they do: the largest has a tenth of all attempts. Decision records are made by the real
rules on the real pools, so that explaining and replaying do their full work.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from bench import events
from bench.ground import QUEUES, Ground, Site
from bench.world import TOKEN_VARIABLE, World

from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.operator.snapshot import one_moment, read_snapshot
from outdial.postgres.pool import connect
from outdial.rabbitmq.transport import RabbitOptions
from outdial.rules.ids import E164
from outdial.rules.phone import geography
from outdial.rules.picture_body import picture_body
from outdial.rules.selection import Choice, choose
from outdial.rules.sticky import Assignment
from outdial.rules.waits import AttemptFacts

NAME = "outdial_filled"
PICKS = 100
"""Real ones per campaign; its attempts share them."""
AREAS = ("312", "212", "415", "202", "305", "416")
_SCRIPT = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True, slots=True)
class Operated(World):
    """The world of that database: each tenant's five campaigns share its fifty numbers, those five connections."""

    tenants: int = 20
    lines: int = 50
    campaigns: int = 100
    pool: int = 50

    def catalogue(self) -> str:
        """The catalogue file."""
        lines = (
            f'[connections.line{n}]\nprovider = "twilio"\nbase_url = "{self.carrier_url}"\naccount = "AC{n:032d}"\n'
            f'max_calls = {self.limit}\ncredentials = {{ auth_token = "env:{TOKEN_VARIABLE}" }}\n'
            for n in range(self.lines)
        )
        numbers = (
            f'[numbers.n{t}-{k:02d}]\ne164 = "+1{AREAS[k % len(AREAS)]}{2_000_000 + t * 1000 + k}"\ntenant = "t{t}"\n'
            f'connection = "line{(t * 5 + k % 5) % self.lines}"\n{"max_calls_24h = 100000" if k % 5 == 0 else ""}\n'
            for t in range(self.tenants)
            for k in range(self.pool)
        )
        campaigns = (self._campaign(c, c % self.tenants) for c in range(self.campaigns))
        return "\n".join([*lines, *(f"[tenants.t{t}]" for t in range(self.tenants)), *numbers, *campaigns])

    def _campaign(self, campaign: int, tenant: int) -> str:
        pool = ", ".join(f'"n{tenant}-{k:02d}"' for k in range(self.pool))
        return (
            f'[campaigns.c{campaign:03d}]\ntenant = "t{tenant}"\nprimary = "n{tenant}-00"\npool = [{pool}]\n'
            'calling_hours = "always"\nselection = { geomatch = true }\nrotation = { volume_budget_24h = 1000000 }\n'
        )

    def job(self, n: int) -> tuple[str, str, bytes]:
        """The n-th job, campaigns in turn, each to a contact whom nobody has called."""
        campaign, attempt_id = n % self.campaigns, str(uuid.uuid4())
        body = {
            "attempt_id": attempt_id,
            "tenant_id": f"t{campaign % self.tenants}",
            "campaign_id": f"c{campaign:03d}",
            "to": self.contact(n),
            "answer": {"twilio": {"url": "http://answers.example/x"}},
        }
        return f"t{campaign % self.tenants}", attempt_id, json.dumps(body).encode()

    @staticmethod
    def contact(n: int) -> str:
        """The n-th contact, in an area code of its own."""
        return f"+1646{2_000_000 + n}"


@asynccontextmanager
async def filled_site(ground: Ground, attempts: int) -> AsyncIterator[Site]:
    """That database, filled when first asked for and kept for as long as the ground's server runs."""
    world, url = Operated(), await _database(ground, attempts)
    pool = await connect(url)
    broker = RabbitOptions(ground.amqp_url, f"b{uuid.uuid4().hex[:8]}", queues=QUEUES)
    await events.lay_out(broker, world.tenants)
    try:
        yield Site(world, url, broker, pool)
    finally:
        await pool.close()
        await events.remove(broker)


async def _database(ground: Ground, attempts: int) -> str:
    fresh = await ground.databases.fresh()
    url = urlunsplit(urlsplit(fresh)._replace(path=f"/{NAME}"))
    admin = await asyncpg.connect(urlunsplit(urlsplit(fresh)._replace(path="/postgres")))
    try:
        if await admin.fetchval("select count(*) from pg_database where datname = $1", NAME):
            await ground.databases.drop(fresh)
            return url
        await fill(fresh, attempts)
        await admin.execute(f"alter database {urlsplit(fresh).path.strip('/')} rename to {NAME}")
    finally:
        await admin.close()
    return url


async def fill(url: str, attempts: int) -> None:
    """Lay all of it into an empty, migrated database; a million attempts take a minute or two."""
    pool = await connect(url)
    try:
        await apply(pool, read_catalogue(Operated().catalogue(), "bench"), who="bench")
        await _save_picks(pool)
    finally:
        await pool.close()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "select make_outcomes_month(m::date) from generate_series(now() - interval '10 days', now() + interval '1 month', '10 days') m"
        )
        for name, statement in _statements():
            arguments = {"jobs": (attempts, PICKS), "states": (attempts,), "calls": (attempts,)}.get(name, ())
            await connection.execute(_numbered(statement, arguments))
        await connection.execute("drop table jobs, states, picks")
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def _numbered(statement: str, arguments: tuple[int, ...]) -> str:
    """`create table as` takes no parameters."""
    for place, value in enumerate(arguments, 1):
        statement = statement.replace(f"${place}", str(value))
    return statement


def _statements() -> list[tuple[str, str]]:
    blocks = _SCRIPT.read_text(encoding="utf-8").split("-- name: ")[1:]
    return [(name.strip(), text) for name, _, text in (block.partition("\n") for block in blocks)]


async def _save_picks(pool: asyncpg.Pool) -> None:
    rng, rows = Random(1), []
    async with one_moment(pool) as connection:
        snapshot = await read_snapshot(connection, spam_threshold=0.75)
    pictures = []
    for campaign, row in snapshot.rows.campaigns.items():
        view = snapshot.view(campaign)
        pictures.append((view.index.picture.hash, campaign, picture_body(view.index.picture, view.policy), snapshot.at))
        for n in range(PICKS):
            facts = AttemptFacts(
                geography(E164(f"+1{AREAS[n % len(AREAS)]}{2_000_000 + n}")), answers=frozenset({"twilio"})
            )
            own = Assignment(row.primary, 1, snapshot.at, None, "bench") if n % 8 == 0 else None
            choice = choose(view.index, facts, own, frozenset(), snapshot.at, rng)
            assert isinstance(choice, Choice)
            member = choice.member
            rows.append((campaign, n, row.tenant, member.number, member.connection, choice.tier.value, choice.record))
    columns = "campaign text, pick_no integer, tenant text, number text, connection text, tier text, decision jsonb"
    await pool.execute(f"create unlogged table picks ({columns})")
    await pool.executemany("insert into picks values ($1, $2, $3, $4, $5, $6, $7)", rows)
    await pool.executemany(
        "insert into pool_pictures (hash, campaign, body, seen_at) values ($1, $2, $3, $4)", pictures
    )
