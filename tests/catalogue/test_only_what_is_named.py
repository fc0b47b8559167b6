"""Only the tables and keys that a file names are touched; what is new gets defaults; `--prune` removes the rest."""

from __future__ import annotations

from typing import Any

import pytest

from outdial.rules.catalogue_rows import CatalogueRows, NumberState
from outdial.rules.ids import CampaignId, ConnectionId, NumberId, TenantId
from tests.catalogue.files import BASE, OTHER_TENANT, after, plan_of, problems_of

SPRING = CampaignId("spring")


@pytest.fixture
def stands() -> CatalogueRows:
    return after(BASE)


def settings(rows: CatalogueRows) -> Any:
    return rows.campaigns[SPRING].settings


def pool(rows: CatalogueRows) -> dict[str, tuple[float, bool]]:
    return {str(number): (row.base_weight, row.paused) for (_, number), row in rows.members.items()}


def test_a_campaign_with_only_max_calls_keeps_all_its_other_settings(stands: CatalogueRows) -> None:
    now = after("[campaigns.spring]\nmax_calls = 7", stands)
    assert now.campaigns[SPRING].max_calls == 7
    assert settings(now) == settings(stands)
    assert now.members == stands.members


def test_one_key_of_a_table_leaves_the_others_of_it(stands: CatalogueRows) -> None:
    now = after("[campaigns.spring]\nsticky = { ttl_s = 0 }", stands)
    assert settings(now)["sticky"] == {"ttl_s": 0.0, "max_wait_s": 60.0}


def test_an_answer_instruction_is_replaced_whole_and_others_stay(stands: CatalogueRows) -> None:
    now = after('[campaigns.spring]\nanswer.telnyx = { x = "y" }', stands)
    now = after('[campaigns.spring]\nanswer.twilio = { twiml = "<Response/>" }', now)
    assert settings(now)["answer"] == {"telnyx": {"x": "y"}, "twilio": {"twiml": "<Response/>"}}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('ring_timeout_s = "default"', "ring_timeout_s"),
        ('sticky = "default"', "sticky"),
        ('sticky = { ttl_s = "default", max_wait_s = "default" }', "sticky"),
        ('answer.twilio = "default"', "answer"),
    ],
)
def test_default_takes_an_own_setting_back(stands: CatalogueRows, text: str, key: str) -> None:
    assert key in settings(stands)
    assert key not in settings(after(f"[campaigns.spring]\n{text}", stands))


def test_default_lifts_a_limit(stands: CatalogueRows) -> None:
    now = after('[tenants.acme]\nmax_calls = "default"\n[connections.acme-us]\ncalls_per_second = "default"', stands)
    assert now.tenants[TenantId("acme")].max_calls is None
    assert now.connections[ConnectionId("acme-us")].calls_per_second is None


def test_default_is_only_a_word_where_a_name_is_asked() -> None:
    assert [problem.where for problem in problems_of('[campaigns.c]\ntenant = "default"\nprimary = "n"')] == [
        "campaigns.c.tenant",
        "campaigns.c.primary",
    ]


def test_a_pool_in_the_file_is_the_whole_pool_and_who_stays_keeps_what_is_not_written(stands: CatalogueRows) -> None:
    added = '[numbers.us-3]\ne164 = "+14155550103"\ntenant = "acme"\nconnection = "acme-us"\n[campaigns.spring]\n'
    assert pool(after(added + 'pool = ["us-1", "us-2", "us-3"]', stands)) == {
        "us-1": (1.0, False),
        "us-2": (2.0, False),
        "us-3": (1.0, False),
    }
    assert pool(after(added + 'pool = ["us-1", { number = "us-3", paused = true }]', stands)) == {
        "us-1": (1.0, False),
        "us-3": (1.0, True),
    }


def test_choosing_a_primary_adds_it_to_the_pool(stands: CatalogueRows) -> None:
    assert set(pool(after('[campaigns.spring]\nprimary = "us-2"\npool = ["us-1"]', stands))) == {"us-1", "us-2"}
    lone = BASE.replace('pool = ["us-1", { number = "us-2", base_weight = 2 }]\n', "")
    assert set(pool(after(lone))) == {"us-1"}
    assert set(pool(after('[campaigns.spring]\nprimary = "us-2"', after(lone)))) == {"us-1", "us-2"}


def test_members_that_stay_keep_the_time_they_joined(stands: CatalogueRows) -> None:
    saved = plan_of('[campaigns.spring]\npool = ["us-1", { number = "us-2", base_weight = 5 }]', stands).writes
    assert [(row.number, row.added_at) for row in saved.save_members] == [("us-2", 1_000.0)]
    assert not saved.leaving


def test_a_phone_number_is_stored_in_its_normal_form() -> None:
    rows = after(BASE.replace('"+12025550101"', '"+1 (202) 555-0101"'))
    assert rows.numbers[NumberId("us-1")].e164 == "+12025550101"


def test_states_and_pauses_are_set_and_left_alone(stands: CatalogueRows) -> None:
    now = after('[numbers.us-2]\nstate = "inactive"\npaused = true', stands)
    again = after('[numbers.us-2]\nallowed_countries = ["US"]', now)
    row = again.numbers[NumberId("us-2")]
    assert (row.state, row.paused, row.settings) == (NumberState.INACTIVE, True, {"allowed_countries": ["US"]})


def test_without_prune_nothing_goes(stands: CatalogueRows) -> None:
    assert not plan_of("[tenants.acme]", stands).changes


def test_prune_removes_what_the_file_does_not_name() -> None:
    current = after(BASE + OTHER_TENANT)
    plan = plan_of(BASE, current, prune=True)
    assert [(change.action, change.kind, change.name) for change in plan.changes] == [
        ("removed", "tenants", "globex"),
        ("removed", "numbers", "gx-1"),
    ]


def test_prune_refuses_to_take_away_what_is_still_needed(stands: CatalogueRows) -> None:
    kept = "[tenants.acme]\n[numbers.us-1]\n[campaigns.spring]\nmax_calls = 1\n"
    found = {problem.where: str(problem) for problem in problems_of(kept, stands, prune=True)}
    assert set(found) == {"numbers.us-1.connection", "campaigns.spring.pool"}
    assert "add (or keep, when pruning) [connections.acme-us]" in found["numbers.us-1.connection"]
