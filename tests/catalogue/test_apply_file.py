"""A catalogue file applied to a real database: only what is named is touched, all or nothing, twice is once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from outdial.catalogue.apply import apply, propose
from outdial.catalogue.diff import Action
from outdial.catalogue.problems import BadCatalogue
from outdial.catalogue.read import read_catalogue
from outdial.catalogue.show import as_toml, tables
from outdial.errors import NotFound
from outdial.operator.pause import set_paused
from outdial.postgres.catalogue import load_catalogue
from outdial.postgres.pool import connect
from outdial.rules.catalogue_rows import CatalogueRows, Kind
from outdial.rules.ids import CampaignId, NumberId

SAMPLE = (Path(__file__).resolve().parents[2] / "deploy/catalogue.example.toml").read_text()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    opened = await connect(database_url)
    yield opened
    await opened.close()


async def put(pool: asyncpg.Pool, text: str, *, prune: bool = False) -> str:
    done = await apply(pool, read_catalogue(text, "test.toml"), prune=prune, who="tester")
    return ", ".join(f"{done.plan.count(action)} {action.value}" for action in Action)


async def rows_of(pool: asyncpg.Pool) -> CatalogueRows:
    async with pool.acquire() as connection:
        return await load_catalogue(connection)


async def test_the_sample_is_applied_and_a_second_time_changes_nothing(pool: asyncpg.Pool) -> None:
    assert await put(pool, SAMPLE) == "5 added, 0 changed, 0 removed"
    version = (await rows_of(pool)).version
    assert await put(pool, SAMPLE) == "0 added, 0 changed, 0 removed"
    assert (await rows_of(pool)).version == version
    kinds = await pool.fetch("select kind, id from limits order by 1, 2")
    assert [tuple(row) for row in kinds] == [("campaign", "spring"), ("connection", "twilio-us"), ("tenant", "acme")]


async def test_what_is_shown_can_be_applied_again(pool: asyncpg.Pool) -> None:
    await put(pool, SAMPLE)
    assert await put(pool, as_toml(tables(await rows_of(pool)))) == "0 added, 0 changed, 0 removed"


async def test_only_the_fields_in_the_file_are_touched(pool: asyncpg.Pool) -> None:
    await put(pool, SAMPLE)
    before = await rows_of(pool)
    assert await put(pool, "[campaigns.spring]\nmax_calls = 3\n") == "0 added, 1 changed, 0 removed"
    after = await rows_of(pool)
    spring = CampaignId("spring")
    assert after.campaigns[spring].max_calls == 3
    assert after.campaigns[spring].settings == before.campaigns[spring].settings
    assert after.members == before.members


async def test_a_chosen_primary_joins_the_pool(pool: asyncpg.Pool) -> None:
    await put(pool, SAMPLE)
    text = '[numbers.us-3]\ne164 = "+12125550103"\ntenant = "acme"\nconnection = "twilio-us"\n'
    await put(pool, text + '[campaigns.spring]\nprimary = "us-3"\n')
    assert (CampaignId("spring"), NumberId("us-3")) in (await rows_of(pool)).members


async def test_switching_sticky_off_voids_all_assignments_at_once(pool: asyncpg.Pool) -> None:
    await put(pool, SAMPLE)
    await pool.execute("insert into sticky values ('spring', '+12025550143', 'us-1', 1, now(), null, 'test')")
    done = await apply(pool, read_catalogue("[campaigns.spring.sticky]\nenabled = false\n", "t"), who="tester")
    assert dict(done.sticky_voided) == {"spring": 1}
    assert (await rows_of(pool)).campaigns[CampaignId("spring")].sticky_epoch == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[campaigns.x]\ntenat = "acme"\nprimary = "us-1"\n', 'did you mean "tenant"'),
        ('[numbers.us-9]\ne164 = "hello"\ntenant = "acme"\nconnection = "twilio-us"\n', "numbers.us-9.e164"),
        ('[campaigns.spring]\nprimary = "nope"\n', "campaigns.spring.primary"),
        ("[campaigns.spring]\npool = []\n", "at least one number"),
        ('[connections.twilio-us]\ncredentials = { auth_token = "s3cr3t" }\n', "connections.twilio-us.credentials"),
        ('[numbers.twin]\ne164 = "+12025550101"\ntenant = "acme"\nconnection = "twilio-us"\n', "numbers.twin.e164"),
        ("[tenants.acme", "test.toml"),
    ],
    ids=["misspelt", "no-number", "unknown-primary", "empty-pool", "literal-secret", "twice", "no-toml"],
)
async def test_a_mistake_is_named_with_its_cure_and_changes_nothing(pool: asyncpg.Pool, text: str, said: str) -> None:
    await put(pool, SAMPLE)
    before = await rows_of(pool)
    with pytest.raises(BadCatalogue) as caught:
        await put(pool, text)
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert await rows_of(pool) == before


async def test_prune_removes_what_the_file_does_not_name(pool: asyncpg.Pool) -> None:
    await put(pool, SAMPLE)
    kept = "[tenants.acme]\n[connections.twilio-us]\nmax_calls = 20\n"
    proposal = await propose(pool, read_catalogue(kept, "t"), prune=True)
    assert proposal.plan.count(Action.REMOVED) == 3
    await put(pool, kept, prune=True)
    after = await rows_of(pool)
    assert not after.campaigns
    assert not after.numbers


async def test_pausing_is_audited_and_bumps_the_version(pool: asyncpg.Pool) -> None:
    await put(pool, SAMPLE)
    version = (await rows_of(pool)).version
    assert await set_paused(pool, Kind.CAMPAIGN, "spring", paused=True, who="me", why="test")
    assert not await set_paused(pool, Kind.CAMPAIGN, "spring", paused=True, who="me", why="test")
    after = await rows_of(pool)
    assert after.campaigns[CampaignId("spring")].paused
    assert after.version == version + 1
    assert await pool.fetchval("select why from audit_log where action = 'pause'") == "test"
    with pytest.raises(NotFound):
        await set_paused(pool, Kind.NUMBER, "nix", paused=True, who="me", why="")
