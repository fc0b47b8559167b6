"""The plan says what changes, key by key, and which sticky assignments that voids."""

from __future__ import annotations

import pytest

from outdial.catalogue.apply import Proposal
from outdial.catalogue.diff import Action
from outdial.catalogue.plan_text import as_data, lines
from outdial.rules.catalogue_rows import CatalogueRows
from tests.catalogue.files import BASE, OTHER_TENANT, after, plan_of


@pytest.fixture
def stands() -> CatalogueRows:
    return after(BASE)


def told(text: str, current: CatalogueRows, **costs: dict[str, int]) -> list[str]:
    return list(lines(Proposal(plan_of(text, current), 1, **costs)))


def test_applying_twice_plans_nothing(stands: CatalogueRows) -> None:
    assert told(BASE, stands) == ["no changes"]


def test_a_change_is_told_with_old_and_new(stands: CatalogueRows) -> None:
    text = '[campaigns.spring]\nring_timeout_s = 40\nsticky.ttl_s = 0\nrecord = true\npool = ["us-1"]'
    assert told(text, stands, sticky_voided={"spring": 2}) == [
        "~ campaigns.spring",
        "    ring_timeout_s: 25 -> 40",
        "    sticky.ttl_s: 3600.0 -> 0.0",
        "    record: default -> true",
        "    pool: - us-2",
        "0 added, 1 changed, 0 removed",
        "voids 2 sticky assignments of campaigns.spring",
    ]


def test_a_new_member_is_told_with_what_is_not_ordinary(stands: CatalogueRows) -> None:
    text = '[numbers.us-3]\ne164 = "+14155550103"\ntenant = "acme"\nconnection = "acme-us"\n'
    text += (
        '[campaigns.spring]\npool = ["us-1", { number = "us-2", base_weight = 3 }, { number = "us-3", paused = true }]'
    )
    assert [line for line in told(text, stands) if "pool" in line] == [
        "    pool.us-2: { base_weight = 2.0, paused = false } -> { base_weight = 3.0, paused = false }",
        "    pool: + us-3 { base_weight = 1.0, paused = true }",
    ]


def test_phone_numbers_are_masked_in_plan_and_audit(stands: CatalogueRows) -> None:
    plan = plan_of(BASE)
    assert "5550101" not in "\n".join(lines(Proposal(plan, 0)))
    assert "5550101" not in str(plan.writes.audit)
    assert "5550101" not in str(as_data(Proposal(plan, 0), applied=True))


def test_every_changed_thing_has_its_audit_entry(stands: CatalogueRows) -> None:
    audit = plan_of("[tenants.acme]\nmax_calls = 41\n[campaigns.spring]\nmax_calls = 2", stands).writes.audit
    assert [(entry.action, entry.subject, entry.detail) for entry in audit] == [
        ("apply.changed", "tenant/acme", {"max_calls": [40, 41]}),
        ("apply.changed", "campaign/spring", {"max_calls": [None, 2]}),
    ]


def test_switching_sticky_off_raises_the_epoch_once(stands: CatalogueRows) -> None:
    off = "[campaigns.spring]\nsticky.enabled = false"
    plan = plan_of(off, stands)
    assert plan.writes.epochs_raised == ("spring",)
    assert [row.sticky_epoch for row in plan.writes.save_campaigns] == [2]
    assert plan_of(off, after(off, stands)).writes.epochs_raised == ()
    assert plan_of("[campaigns.spring]\nsticky.enabled = true", after(off, stands)).writes.epochs_raised == ()


def test_a_member_that_leaves_voids_its_assignments_and_locks_its_tenant(stands: CatalogueRows) -> None:
    writes = plan_of('[campaigns.spring]\npool = ["us-1"]', stands).writes
    assert writes.drop_members == writes.leaving == (("spring", "us-2"),)
    assert writes.locks == (("campaign", "spring"), ("tenant", "acme"))


def test_a_released_number_stays_a_member_whose_assignments_are_void_for_good(stands: CatalogueRows) -> None:
    released = '[numbers.us-2]\nstate = "released"'
    writes = plan_of(released, stands).writes
    assert writes.leaving == writes.rejoin == (("spring", "us-2"),)
    assert not writes.drop_members
    assert plan_of(released, after(released, stands)).changes == ()


def test_locks_are_taken_in_the_order_that_everybody_keeps(stands: CatalogueRows) -> None:
    writes = plan_of(BASE.replace("max_calls = 20", "max_calls = 21") + OTHER_TENANT, stands).writes
    assert writes.locks == tuple(sorted(writes.locks))
    assert ("connection", "acme-us") in writes.locks


def test_json_gives_the_same_as_the_text(stands: CatalogueRows) -> None:
    plan = plan_of("[tenants.acme]\nmax_calls = 41", stands)
    assert as_data(Proposal(plan, 3), applied=False) == {
        "applied": False,
        "version": 3,
        "changes": [
            {
                "action": Action.CHANGED,
                "kind": "tenants",
                "name": "acme",
                "fields": {"max_calls": {"old": 40, "new": 41}},
            }
        ],
        "sticky_voided": {},
        "suppressions_lost": {},
    }
